"""Emits what a cell's module needs for the engine ``cuda``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import jinja2

from rnndsl.backends.cuda.backward import backward_launches, cuda_backward_view
from rnndsl.backends.cuda.compute_again import compute_again
from rnndsl.backends.cuda.draw_in import draw_in_backward, draw_in_forward
from rnndsl.backends.cuda.forward import cuda_forward_view, forward_launches
from rnndsl.backends.cuda.keep_whole import keep_whole
from rnndsl.backends.cuda.operations import NoKernels
from rnndsl.backends.cuda.view import CudaView
from rnndsl.plan.plan import CellPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelText:
    """``lines`` define the kernels, in a constant, and the two functions."""

    constant: str
    forward: str
    backward: str
    lines: tuple[str, ...]


def kernel_text(plan: CellPlan, stem: str, source: str) -> KernelText | str:
    """The kernels of a cell and its two functions, named after ``stem``; or why the
    loop cannot have any."""
    try:
        return _written(plan, stem, source)
    except NoKernels as reason:
        return str(reason)


def _written(plan: CellPlan, stem: str, source: str) -> KernelText:
    cell = plan.graph.cell
    shapes = [i.shape for i in cell.inputs] + [s.shape for s in cell.states]
    if any(len(shape) > 1 for shape in shapes):
        raise NoKernels("works on images")
    plan = _improved(keep_whole(plan))
    forward, forward_kernels = cuda_forward_view(plan, stem, source)
    backward, backward_kernels = cuda_backward_view(plan, stem, source)
    constant = f"{stem.upper()}_KERNELS"
    view = CudaView(
        cell=cell.name,
        constant=constant,
        kernels=(*forward_kernels, *backward_kernels),
        forward=forward,
        backward=backward,
    )
    text = _environment().get_template("cuda.jinja").render(cuda=view)
    lines = tuple(line.rstrip() for line in text.splitlines())
    kernels = lines[: lines.index('"""')]
    if any("\\" in line or '"""' in line for line in kernels[1:]):
        raise ValueError("a kernel cannot stand in a string")
    return KernelText(
        constant=constant, forward=forward.name, backward=backward.name, lines=lines
    )


def _improved(plan: CellPlan) -> CellPlan:
    """The plan with all that suits kernels better and costs a step no launch more."""
    launches = forward_launches(plan) + backward_launches(plan)
    for change in (draw_in_forward, draw_in_backward, compute_again):
        changed = change(plan)
        try:
            found = forward_launches(changed) + backward_launches(changed)
        except NoKernels:
            continue
        if found <= launches:
            plan, launches = changed, found
    return plan


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("rnndsl.templates.cuda", ""),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
