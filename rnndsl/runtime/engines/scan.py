"""The engine ``scan``: all steps at once, for recurrences that are linear scans."""

from __future__ import annotations

import torch
from torch import Tensor

from rnndsl.runtime.specification import CellSpecification, Tensors

# Loops of fewer steps are faster one by one.
FEWEST_SCANNED = 64


def all_steps(
    specification: CellSpecification,
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
) -> tuple[Tensor, Tensors]:
    """All steps in the function generated for them; shapes as in ``reference_scan``.
    The output of a step at which a row has ended is that of the state it keeps."""
    scan = specification.scan
    assert not isinstance(scan, str), "refused before"
    return scan(inputs, state, parameters, mask)


def scan_refusal(tensors: Tensors) -> str | None:
    """Why no scan can run on these tensors, or None if one can."""
    if torch._C._get_tracing_state() is not None:
        return "torch.jit.trace records the plain step"
    return None


def cell_scan_refusal(specification: CellSpecification, tensors: Tensors) -> str | None:
    """Why a cell cannot be computed for all steps at once, or None if it can."""
    if isinstance(specification.scan, str):
        return f"the cell {specification.scan}"
    return None


def scan_verdict(specification: CellSpecification, tensors: Tensors) -> str:
    """Where "auto" takes it, in words."""
    return f"chosen for sequences of at least {FEWEST_SCANNED} steps"
