"""The engines: the ways to run a cell over a sequence, and the choice between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.autograd import forward_ad

from rnndsl.runtime.engines.cuda import cuda_refusal, cuda_scan, place_refusal
from rnndsl.runtime.engines.fused import fused_scan
from rnndsl.runtime.engines.reference import reference_scan
from rnndsl.runtime.engines.scan import (
    FEWEST_SCANNED,
    all_steps,
    cell_scan_refusal,
    scan_refusal,
    scan_verdict,
)
from rnndsl.runtime.engines.vendor import (
    FEWEST_STEPS,
    RAGGED_REFUSAL,
    vendor_pays,
    vendor_refusal,
    vendor_scan,
    vendor_verdict,
)
from rnndsl.runtime.graphs.recorder import device_refusal
from rnndsl.runtime.specification import (
    CellSpecification,
    Tensors,
)

ScanFunction: TypeAlias = Callable[
    [CellSpecification, Tensors, Tensors, Tensors, Tensor | None],
    tuple[Tensor, Tensors],
]
AUTOMATIC = "auto"
GRAPH = "graph"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A way to run a cell.

    ``refusal`` says why it cannot run these tensors here and now, or None if it can;
    ``cell_refusal`` why it cannot run this cell on them, if it could run others;
    ``ragged_refusal`` why it cannot run rows that end before others.
    "auto" prefers it in sequences of at least ``fewest_steps`` where it ``pays``, which
    ``verdict`` puts in words, for a cell and its parameters.
    ``scan(specification, inputs, state, parameters, mask)`` runs all steps: inputs are
    (T, B, ...), states (B, ...), the mask (T, B). Returns output and last state.
    """

    name: str
    summary: str
    refusal: Callable[[Tensors], str | None]
    scan: ScanFunction
    cell_refusal: Callable[[CellSpecification, Tensors], str | None] | None = None
    ragged_refusal: str | None = None
    fewest_steps: int = 0
    pays: Callable[[CellSpecification, Tensors, int], bool] | None = None
    verdict: Callable[[CellSpecification, Tensors], str] | None = None

    def refuses(self, specification: CellSpecification, tensors: Tensors) -> str | None:
        """Why it cannot run a cell on these tensors, or None if it can."""
        reason = self.refusal(tensors)
        if reason is None and self.cell_refusal is not None:
            reason = self.cell_refusal(specification, tensors)
        return reason


def transform_refusal(tensors: Tensors) -> str | None:
    """Why explicit loops cannot run: whoever transforms a computation needs the
    differentiable step."""
    if torch.compiler.is_compiling():
        return "torch.compile and torch.export trace the plain step"
    if torch._C._get_tracing_state() is not None:
        return "torch.jit.trace records the plain step"
    if torch._C._are_functorch_transforms_active():
        return "torch.func transforms (vmap, grad, jvp, ...) need the plain step"
    unpack: Any = forward_ad.unpack_dual  # untyped in torch
    if forward_ad._current_level >= 0 and any(
        unpack(tensor).tangent is not None for tensor in tensors
    ):
        return "forward-mode differentiation needs the plain step"
    return None


def kernels_refusal(tensors: Tensors) -> str | None:
    """Why explicit loops over kernels cannot run on these tensors."""
    return place_refusal(tensors) or transform_refusal(tensors)


def reference_refusal(tensors: Tensors) -> str | None:
    """The reference engine runs everywhere."""
    return None


# In order of preference: "auto" takes the first that does not refuse, and pays.
ENGINES = (
    Engine(
        name="vendor",
        summary="torch's own kernels, where the cell is proved to be torch's",
        refusal=transform_refusal,
        scan=vendor_scan,
        cell_refusal=vendor_refusal,
        ragged_refusal=RAGGED_REFUSAL,
        fewest_steps=FEWEST_STEPS,
        pays=vendor_pays,
        verdict=vendor_verdict,
    ),
    Engine(
        name="cuda",
        summary="explicit loops, all between their products in CUDA kernels",
        refusal=kernels_refusal,
        scan=cuda_scan,
        cell_refusal=cuda_refusal,
    ),
    Engine(
        name="scan",
        summary="all steps at once, by scans of linear recurrences",
        refusal=scan_refusal,
        scan=all_steps,
        cell_refusal=cell_scan_refusal,
        fewest_steps=FEWEST_SCANNED,
        verdict=scan_verdict,
    ),
    Engine(
        name="fused",
        summary="explicit forward and backward loops, in torch operations",
        refusal=transform_refusal,
        scan=fused_scan,
    ),
    Engine(
        name="reference",
        summary="the step as the spec writes it, differentiated by torch",
        refusal=reference_refusal,
        scan=reference_scan,
    ),
)


def check_engine(name: object) -> str:
    """Raises ValueError unless this is the name of an engine, or "auto"."""
    names = (AUTOMATIC, GRAPH, *(engine.name for engine in ENGINES))
    if isinstance(name, str) and name in names:
        return name
    known = ", ".join(repr(n) for n in names)
    raise ValueError(f"engine must be one of {known}, got {name!r}")


def choose_engine(
    name: str,
    specification: CellSpecification,
    tensors: Tensors,
    *,
    steps: int,
    is_ragged: bool,
) -> Engine:
    """The engine of this name, or for "auto" the first that can run, and pays, in
    sequences of so many steps; so for "graph", whose recordings are of that one.

    Raises RuntimeError, with the reason, if an engine asked for by name cannot.
    """
    is_compiling = torch.compiler.is_compiling()
    for engine in ENGINES:
        is_asked = name == engine.name
        if not is_asked and name not in (AUTOMATIC, GRAPH):
            continue
        # Who traces a computation may not know the number of its steps.
        if not (is_asked or is_compiling) and steps < engine.fewest_steps:
            continue
        refusal = engine.ragged_refusal if is_ragged else None
        if refusal is None:
            refusal = engine.refuses(specification, tensors)
        if refusal is not None and is_asked:
            raise RuntimeError(_cannot_run(name, refusal))
        if refusal is None and (
            is_asked
            or engine.pays is None
            or engine.pays(specification, tensors, steps)
        ):
            return engine
    raise RuntimeError(f"no engine can run {name!r} here")


def graph_refusal(tensors: Tensors) -> str | None:
    """Why the calls of a module on these tensors cannot be recorded, or None."""
    # In this order: it is asked in every call, mostly without a GPU.
    refusal = device_refusal(tensors[0] if tensors else None)
    return transform_refusal(tensors) if refusal is None else refusal


def records_calls(name: str, tensors: Tensors) -> bool:
    """Whether a module with this engine records and replays its calls.

    Raises RuntimeError, with the reason, if "graph" is asked for and cannot run.
    """
    if name not in (AUTOMATIC, GRAPH):
        return False
    refusal = graph_refusal(tensors)
    if refusal is not None and name == GRAPH:
        raise RuntimeError(_cannot_run(name, refusal))
    return refusal is None


def _cannot_run(name: str, refusal: str) -> str:
    return (
        f"engine {name!r} cannot run here: {refusal}. Set engine to {AUTOMATIC!r} or "
        "'reference'."
    )
