"""The engine ``vendor``: torch's own kernels for the cells that are proved to be its.

These are oneDNN's LSTM on a CPU, cuDNN's cells on an NVIDIA GPU, and torch's loops in
C++ elsewhere. What they record for their gradients is kept as it is, so that gradients
of gradients, which kernels do not have, are left to the engine ``reference``.
"""

from __future__ import annotations

from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from rnndsl.runtime.engines.fused import scan_loops
from rnndsl.runtime.specification import (
    CellSpecification,
    Gradients,
    Loops,
    Tensors,
    VendorKernel,
)

_Item = TypeVar("_Item")

RAGGED_REFUSAL = "torch's kernels hold no state in rows that end before others"
# oneDNN brings an LSTM's weights into another order first, which has to pay: in so many
# steps, and in a row for each ten features of input and state.
FEWEST_STEPS = 4
_FEATURES_OF_A_ROW = 10


def vendor_scan(
    specification: CellSpecification,
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
) -> tuple[Tensor, Tensors]:
    """All steps in torch's kernel; shapes as in ``reference_scan``."""
    assert mask is None, "refused before"
    loops = Loops(
        forward=partial(_run_recorded, specification),
        backward=partial(_differentiate_recorded, specification),
    )
    return scan_loops(specification, loops, inputs, state, parameters, mask)


def vendor_refusal(specification: CellSpecification, tensors: Tensors) -> str | None:
    """Why torch's kernels cannot run a cell on these tensors, or None if they can."""
    if specification.vendor is None:
        return "the cell is not proved to be torch.nn's LSTM, GRU or RNN"
    kinds = [type(t) for t in tensors if type(t) not in (Tensor, nn.Parameter)]
    if kinds:
        return f"torch's kernels have not been tried on {kinds[0].__name__}"
    if len(dict.fromkeys(tensor.dtype for tensor in tensors)) > 1:
        return "the tensors have several dtypes"
    devices = dict.fromkeys(tensor.device for tensor in tensors)
    if len(devices) > 1:
        return "the tensors are on several devices"
    for device in devices:
        if device.type not in ("cpu", "cuda"):
            return f"torch's kernels have not been tried on {device.type}"
    return None


def vendor_pays(specification: CellSpecification, tensors: Tensors, steps: int) -> bool:
    """Whether "auto" prefers torch's kernel for so many steps, FEWEST_STEPS at least:
    where it is faster, as measured on a CPU and as published for GPUs, and computes no
    less exactly. docs/engines.md has the numbers."""
    kernel, x = specification.vendor, tensors[0]
    if kernel is None or _objection(kernel, x) is not None:
        return False
    if x.is_cuda:
        return x.shape[1] > 0
    if kernel.function == "lstm":
        features, rows = x.shape[2] + tensors[1].shape[1], steps * x.shape[1]
        return rows * _FEATURES_OF_A_ROW >= features
    is_training = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    return not is_training


def vendor_verdict(specification: CellSpecification, tensors: Tensors) -> str:
    """The same in words, for a cell with parameters like these."""
    kernel = specification.vendor
    assert kernel is not None, "refused before"
    objection = _objection(kernel, tensors[0])
    if objection is not None:
        return f"not chosen: {objection}"
    if tensors[0].is_cuda:
        which = "steps"
    elif kernel.function == "lstm":
        which = "steps, more in small batches"
    else:
        which = "steps, without gradients"
    return (
        f"chosen for sequences of at least {FEWEST_STEPS} {which}, where no row ends "
        "before others"
    )


def _objection(kernel: VendorKernel, like: Tensor) -> str | None:
    """Why it is preferred in no sequence of tensors like this one, or None."""
    if like.is_cuda:
        if not _has_cudnn():
            return "there is no cuDNN"
        if like.dtype == torch.float32 and _rounds_more():
            return "cuDNN rounds to TF32 here, and torch's matrix products do not"
        return None
    if like.dtype != torch.float32:
        return f"it has not been timed in {like.dtype}"
    if kernel.function == "lstm":
        return None if _has_onednn() else "there is no oneDNN"
    return None if kernel.function == "gru" else "it is no faster on a CPU"


def _has_cudnn() -> bool:
    if torch.version.cuda is None:
        return False
    return torch._C._get_cudnn_enabled() and torch._C._has_cudnn


def _has_onednn() -> bool:
    return torch._C._get_mkldnn_enabled() and torch._C._has_mkldnn


def _rounds_more() -> bool:
    """Whether cuDNN may use TF32 where torch's products, which every other engine is
    made of, may not: so it is unless somebody has set it otherwise."""
    matmul: Any = torch.backends.cuda.matmul
    cudnn: Any = torch.backends.cudnn
    # The older questions are errors where the newer settings have been used.
    if hasattr(matmul, "fp32_precision"):
        rounds = cudnn.rnn.fp32_precision == "tf32"
        return bool(rounds and matmul.fp32_precision != "tf32")
    return bool(cudnn.allow_tf32 and not matmul.allow_tf32)


def _run_recorded(
    specification: CellSpecification,
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensors, Tensors]:
    """Output, last state, and, if ``keep``, both once more with what torch has recorded
    for their gradients, and the tensors that these are of."""
    if not keep:
        output, last = _call_torch(specification, inputs, state, parameters, False)
        return output, last, ()
    leaves = tuple(
        tensor.detach().requires_grad_(tensor.requires_grad)
        for tensor in (*inputs, *state, *parameters)
    )
    with torch.enable_grad():
        results = _call_torch(specification, *_parted(leaves, inputs, state), True)
    output, last = results
    # Copies: a caller may write into what is returned, torch's own results are read
    # once more in the backward pass.
    own = output.detach().clone(), tuple(value.detach().clone() for value in last)
    return *own, (output, *last, *leaves)


def _differentiate_recorded(
    specification: CellSpecification,
    d_output: Tensor,
    d_state: Tensors,
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
    saved: Tensors,
    input_gradients: bool,
) -> Gradients:
    """The gradients, by what torch has recorded. That is there until ``saved`` goes."""
    results, leaves = saved[: 1 + len(state)], saved[1 + len(state) :]
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    found = iter(
        torch.autograd.grad(
            results, wanted, (d_output, *d_state), retain_graph=True, allow_unused=True
        )
    )
    gradients = tuple(next(found) if leaf.requires_grad else None for leaf in leaves)
    return _parted(gradients, inputs, state)


def _parted(
    values: tuple[_Item, ...], inputs: Tensors, state: Tensors
) -> tuple[tuple[_Item, ...], tuple[_Item, ...], tuple[_Item, ...]]:
    """As many as there are inputs, as many as there are states, and the rest."""
    first, second = len(inputs), len(inputs) + len(state)
    return values[:first], values[first:second], values[second:]


def _call_torch(
    specification: CellSpecification,
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    training: bool,
) -> tuple[Tensor, Tensors]:
    """The call of torch; ``training``: its gradients will be asked for."""
    kernel = specification.vendor
    assert kernel is not None, "refused before"
    names = [own.name for own in specification.states]
    places = [names.index(name) for name in kernel.states]
    first = [state[place].unsqueeze(0).contiguous() for place in places]
    hidden_size = first[0].shape[2]
    weights = vendor_weights(specification, parameters, hidden_size)
    function: Any = getattr(torch, kernel.function)  # untyped in torch
    hx = first if len(first) > 1 else first[0]
    output, *last = function(
        inputs[0], hx, weights, True, 1, 0.0, training, False, False
    )
    return output, tuple(last[places.index(i)].squeeze(0) for i in range(len(names)))


def vendor_weights(
    specification: CellSpecification, parameters: Tensors, hidden_size: int
) -> list[Tensor]:
    """W (n * H, I), U (n * H, H) and two biases (n * H,) of n gates, as torch's kernels
    take them, differentiable in the parameters.

    On a CPU they are the stored tensors where these lie so. cuDNN wants all of them in
    one piece of memory, and would bring them there itself, with a warning.
    """
    kernel = specification.vendor
    assert kernel is not None, "refused before"
    groups = [
        [
            parameters[0].new_zeros(hidden_size)
            if name is None
            else specification.member(name, parameters)
            for name in names
        ]
        if isinstance(names, tuple)
        else [specification.stored(names, parameters)]
        for names in kernel.weights
    ]
    if parameters[0].is_cuda:
        return in_one_piece(groups)
    return [rows[0] if len(rows) == 1 else torch.cat(rows) for rows in groups]


def in_one_piece(groups: list[list[Tensor]]) -> list[Tensor]:
    """The tensors of each group below one another, and the groups behind one another in
    memory."""
    memory = torch.cat([rows.reshape(-1) for group in groups for rows in group])
    sizes = [sum(rows.numel() for rows in group) for group in groups]
    return [
        part.view(-1, *group[0].shape[1:])
        for part, group in zip(memory.split_with_sizes(sizes), groups, strict=True)
    ]
