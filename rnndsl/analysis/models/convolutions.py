"""Maps on the extent of a step's input: convolutions, pools, and back to vectors.

What flows through the stack has, besides its width, an extent: none for a vector, the
length for ``[C, L]``, rows and columns for ``[C, Y, X]``. Its width is C there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from rnndsl.analysis.findings import error, quoted
from rnndsl.analysis.model_layers import (
    Convolution,
    Flatten,
    Layer,
    SpatialPool,
    TimeConvolution,
)
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.terms import not_a_number, values_of
from rnndsl.analysis.program import Dim
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Diagnostic, Span
from rnndsl.syntax import tree
from rnndsl.syntax.literals import is_whole_number

Extent: TypeAlias = tuple[Dim, ...]
Mapped: TypeAlias = tuple[Layer, Width, Extent]
"""A map, and the width and the extent of what leaves it."""


def convolution(
    term: tree.Term, below: Width, extent: Extent, context: ModelContext
) -> Mapped | None:
    """``conv(16, 3)``; None, and reported, if it is wrong."""
    if not _has_extent(term, extent, context):
        return None
    values = values_of(term, "conv(16, 3)", (2,), context.report)
    if values is None:
        return None
    channels = context.size(values[0])
    kernel = _whole(values[1])
    if kernel is None or kernel % 2 == 0:
        context.add(not_odd(values[1].span))
        return None
    if channels is None:
        return None
    layer = Convolution(
        span=term.span,
        input_width=below,
        width=channels,
        kernel=kernel,
        extent=extent,
    )
    return layer, Width.of(channels), extent


def spatial_pool(
    term: tree.Term, below: Width, extent: Extent, context: ModelContext
) -> Mapped | None:
    """``max_pool(2)``, or ``mean_pool`` of everything; None, and reported, if wrong."""
    if not _has_extent(term, extent, context):
        return None
    name = term.name.text
    values = values_of(term, f"{name}(2)", (0, 1), context.report)
    if values is None:
        return None
    window: int | None = None
    smaller: Extent = ()
    for value in values:
        window = _whole(value)
        if window is None:
            context.add(wrong_window(value.span, "a whole number is needed here"))
            return None
        for size in extent:
            if not isinstance(size, int):
                label = f"the size {size} must be a number"
                context.add(wrong_window(value.span, label))
                return None
            if size < window:
                context.add(wrong_window(value.span, f"the size is {size}"))
                return None
            smaller += (size // window,)
    layer = SpatialPool(
        span=term.span, is_max=name == "max_pool", window=window, extent=smaller
    )
    return layer, below, smaller if len(smaller) == len(extent) else ()


def flatten(
    term: tree.Term, below: Width, extent: Extent, context: ModelContext
) -> Mapped | None:
    """``flatten``: all values of a step as one vector."""
    if not _has_extent(term, extent, context):
        return None
    if values_of(term, "flatten", (0,), context.report) is None:
        return None
    width = below
    for size in extent:
        width *= Width.of(size)
    return Flatten(span=term.span, width=width), width, ()


def time_convolution(
    term: tree.Term, below: Width, extent: Extent, context: ModelContext
) -> Mapped | None:
    """``conv_time(64, 3)``, on vectors."""
    form = "conv_time(64, 3)"
    values = values_of(term, form, (2,), context.report)
    if values is None:
        return None
    width, kernel = context.size(values[0]), _whole(values[1])
    if kernel is None:
        context.add(not_a_number(values[1].span, term.name.text, form))
    if width is None or kernel is None:
        return None
    layer = TimeConvolution(
        span=term.span, input_width=below, width=width, kernel=kernel
    )
    return layer, Width.of(width), ()


Reader: TypeAlias = Callable[[tree.Term, Width, Extent, ModelContext], Mapped | None]
ON_EXTENTS: dict[str, Reader] = {
    "conv": convolution,
    "max_pool": spatial_pool,
    "mean_pool": spatial_pool,
    "flatten": flatten,
}


def _has_extent(term: tree.Term, extent: Extent, context: ModelContext) -> bool:
    if not extent:
        context.add(no_extent(term.name))
    return bool(extent)


def _whole(term: tree.ClauseTerm) -> int | None:
    """The positive whole number that a term is, if it is one."""
    if not isinstance(term, tree.NumberLiteral) or not is_whole_number(term.text):
        return None
    return int(term.text) or None


def not_a_vector(span: Span, width: Width, extent: Extent) -> Diagnostic:
    """A layer or a map of vectors on something that has an extent."""
    shape = ", ".join(map(str, (width, *extent)))
    return error(
        "RNN134",
        f"{quoted(span.text)} takes vectors",
        span,
        label=f"is given [{shape}]",
        help="put `map flatten` in front of it, or `map mean_pool`",
    )


def no_extent(name: tree.Name) -> Diagnostic:
    """A convolution or a pool of vectors, which have no neighbours."""
    return error(
        "RNN135",
        f"{quoted(name.text)} takes channels with an extent",
        name.span,
        label="is given vectors",
        help="declare the input as `[C, L]` or `[C, Y, X]`; over the steps of a "
        "sequence there is `conv_time(64, 3)`",
    )


def not_odd(span: Span) -> Diagnostic:
    """A kernel without a middle."""
    return error(
        "RNN136",
        f"{quoted(span.text)} is not the size of a kernel",
        span,
        label="a positive odd number",
        help="a kernel has a middle, so that what leaves has the size of what comes: "
        "`conv(16, 3)`",
    )


def wrong_window(span: Span, label: str) -> Diagnostic:
    """A pool whose windows do not fit."""
    return error(
        "RNN137",
        f"{quoted(span.text)} is not the size of a window here",
        span,
        label=label,
        help="what is pooled has sizes that are numbers, as `[C, 28, 28]`, and none is "
        "smaller than the window",
    )
