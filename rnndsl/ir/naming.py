"""Names for the values of a step, distinct from each other and from what surrounds them
in generated code."""

from __future__ import annotations

RESERVED = (
    "F",
    "Gradients",
    "PartialTensors",
    "Tensor",
    "Tensors",
    "_",
    "batch",
    "clip_gradient",
    "convolve",
    "convolve_backward",
    "d_first_state",
    "d_inputs",
    "d_output",
    "d_parameters",
    "d_state",
    "extreme_backward",
    "image_masks",
    "input_gradients",
    "inputs",
    "keep",
    "kept_steps",
    "kernel_gradient",
    "kernels",
    "last_state",
    "layer_norm",
    "layer_norm_backward",
    "log_softmax_backward",
    "linear_scan",
    "list",
    "mask",
    "masks",
    "math",
    "matrix_masks",
    "mean_backward",
    "nn",
    "one_hot_outer_sum",
    "output",
    "outputs",
    "parameters",
    "range",
    "reversed",
    "rms_norm",
    "rms_norm_backward",
    "saved",
    "scalar_masks",
    "state",
    "steps",
    "steps_before",
    "t",
    "softmax_backward",
    "sum_backward",
    "torch",
    "tuple",
)
"""Names that generated functions use for something else than a value of the step."""


class Names:
    """Hands out names, each once; the author's come first and stay as they are."""

    def __init__(self) -> None:
        self._taken = dict.fromkeys(RESERVED)

    def take(self, wish: str) -> str:
        """The wish itself where it is free, else the wish with underscores added."""
        name = wish
        while name in self._taken:
            name += "_"
        self._taken[name] = None
        return name

    def derive(self, wish: str) -> str:
        """The wish itself where it is free, else the wish with a number."""
        name, number = wish, 1
        while name in self._taken:
            number += 1
            name = f"{wish}_{number}"
        self._taken[name] = None
        return name
