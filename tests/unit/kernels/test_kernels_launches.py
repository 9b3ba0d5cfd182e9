"""What a step costs on a GPU: everything that is launched in it, torch's part too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from kernel_cases import cells_with_kernels, draw, specification, written
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from rnndsl import compile_text
from rnndsl.runtime.kernels.protocol import Launch

VIEWS = (
    "detach",
    "expand",
    "narrow",
    "new_empty",
    "select",
    "slice",
    "split",
    "t",
    "unbind",
)
VIEWS = (*VIEWS, "unsafe_split", "unsqueeze", "view", "_unsafe_view", "transpose")


class Launches(TorchDispatchMode):
    """Counts operations of torch that launch something; is given to loops as kernels
    that do nothing but count."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = function.overloadpacket.__name__
        if name not in VIEWS:
            self.found[name] += 1
        if name == "addmm" and args[0].dim() == 2:
            self.found["copy"] += 1
        return function(*args, **(kwargs or {}))

    def bind(
        self,
        name: str,
        count: int,
        *,
        reads: Sequence[Tensor | None],
        writes: Sequence[Tensor],
        sizes: Sequence[int],
    ) -> Launch:
        for tensor in reads:
            if tensor is not None and not tensor.is_contiguous():
                self.found["copy"] += 1

        def launch(step: int) -> None:
            self.found["kernel"] += 1

        return launch

    def bind_rows(
        self,
        name: str,
        rows: int,
        width: int,
        *,
        reads: Sequence[Tensor | None],
        writes: Sequence[Tensor],
        sizes: Sequence[int],
    ) -> Launch:
        return self.bind(name, rows * width, reads=reads, writes=writes, sizes=sizes)


def counted(run: Callable[[Launches], Any]) -> tuple[Any, Counter[str]]:
    launches = Launches()
    with launches:
        result = run(launches)
    return result, launches.found


def launched(name: str, steps: int) -> tuple[Counter[str], Counter[str]]:
    """What so many steps launch, with what is around the loop, forward and backward."""
    cell, loops = specification(name), written(specification(name))
    case = draw(cell, torch.float32, masked=True, steps=steps)
    arguments = (case.inputs, case.state, case.parameters, case.mask)
    (_, _, saved), forward = counted(lambda k: loops.forward(k, *arguments, True))
    given = (case.d_output, case.d_state, *arguments, saved, True)
    _, backward = counted(lambda k: loops.backward(k, *given))
    return forward, backward


def in_a_step(name: str) -> tuple[Counter[str], Counter[str]]:
    """What one more step launches, forward and backward."""
    (forward, backward), (more, more_backward) = launched(name, 3), launched(name, 4)
    return more - forward, more_backward - backward


MOST = {
    "CfC": (4, 4),
    "CoRNN": (3, 3),
    "GRUD": (6, 6),
    "GRUResetBefore": (4, 4),
    "Hopfield": (2, 1),
    "HopfieldAsynchronous": (2, 0),
    "Jordan": (4, 4),
    "LSTMP": (4, 4),
    "MGU": (4, 4),
    "MultiplicativeLSTM": (4, 4),
    "SCRN": (4, 4),
    "TimeAwareLSTM": (3, 3),
}
"""All others launch one product and one kernel in each step, or nothing."""


@pytest.mark.parametrize("name", cells_with_kernels())
def test_a_step_launches_no_more_than_it_has_to(name: str) -> None:
    found = [sum(part.values()) for part in in_a_step(name)]
    if name in MOST:
        assert found == list(MOST[name])
    else:
        assert found in ([0, 0], [2, 2])


@pytest.mark.parametrize("name", ["MGU", "GRUResetBefore", "LightRU", "SCRN", "GRUD"])
def test_no_product_copies_what_it_starts_from(name: str) -> None:
    forward, backward = in_a_step(name)
    assert forward["copy"] == backward["copy"] == 0
    assert forward["mm"] > 0


@pytest.mark.parametrize("name", cells_with_kernels())
def test_no_kernel_copies_what_it_reads(name: str) -> None:
    forward, backward = launched(name, 3)
    assert forward["copy"] == backward["copy"] == 0


@pytest.mark.parametrize(
    ("name", "forward", "backward"),
    [
        ("GRU", {"addmm": 1}, {"mm": 3, "sum": 2}),
        ("LSTM", {"add": 1, "addmm": 1}, {"mm": 3, "sum": 1}),
        ("LightRU", {"addmm": 1}, {"mm": 3, "sum": 1}),
        ("PeepholeLSTM", {"addmm": 1}, {"mm": 3, "sum": 4, "cat": 1}),
        (
            "SRU",
            {"addmm": 1, "cat": 2, "new_zeros": 2, "kernel": 1},
            {"mm": 2, "sum": 3, "cat": 4, "kernel": 1},
        ),
        (
            "RWKV",
            {"mm": 2, "exp": 1, "kernel": 1},
            {"mm": 4, "sum": 3, "exp": 1, "mul": 1, "add": 1, "kernel": 1},
        ),
    ],
)
def test_what_is_elementwise_is_in_the_loop(
    name: str, forward: dict[str, int], backward: dict[str, int]
) -> None:
    """Around it stay products, sums, and what is computed of parameters alone."""
    for found, step, expected in zip(
        launched(name, 3), in_a_step(name), (forward, backward), strict=True
    ):
        around = found - Counter({what: 3 * n for what, n in step.items()})
        # First states come in, and last ones go out.
        del around["copy_"], around["clone"]
        assert around == expected


BEFORE_THE_PRODUCT = """
cell Scaled(I, H):
    input x: [I], k: [H]
    state h: [H]
    param W: [H, I], U: [H, H]
    h[t] = tanh(U @ h[t-1] + k[t] * (W @ x[t]))
    output h[t] * k[t]
"""


def test_a_step_does_not_start_with_what_can_be_computed_before_the_loop() -> None:
    text = compile_text(BEFORE_THE_PRODUCT, "scaled.rnn")
    forward = text.partition("def scaled_cuda_forward(")[2].partition("def ")[0]
    assert "    h_pre_early = k * W_x\n" in forward
    assert (
        "    for t in range(steps):\n"
        "        h_pre_steps[t].addmm_(h_states_steps[t % rows], U_t)\n"
        "        forward_1(t)\n"
        "    last_state = "
    ) in forward
    assert "return outputs, last_state, saved" in forward
