"""What may stand where in an expression: biases, matrices and truth values."""

from __future__ import annotations

from rnndsl.analysis.findings import error, quoted, shape_text
from rnndsl.analysis.operand import Operand
from rnndsl.analysis.program import Compared, ReadParameter, Shape
from rnndsl.analysis.scope import Kind, Scope
from rnndsl.diagnostics import Diagnostic, Label, Span


def misplaced(
    operand: Operand, span: Span, scope: Scope, *, is_term: bool = False
) -> Diagnostic | None:
    """Whether the operand cannot be used as a value; ``is_term`` in a sum."""
    match operand.expression:
        case Compared():
            return comparison_as_value(span)
        case ReadParameter(name=name, shape=shape):
            declared = scope.get(name)
            if declared is None:
                return None
            if len(shape) > 1 and not _is_image(shape, scope):
                place = Label(declared.span, f"{shape_text(shape)}, declared here")
                return matrix_as_value(span, place, is_kernel=len(shape) > 2)
            if declared.kind is Kind.BIAS and not is_term:
                return bias_not_added(span, Label(declared.span, "declared here"))
    return None


def _is_image(shape: Shape, scope: Scope) -> bool:
    """Whether inputs or states have this shape: weights, one for each entry of it."""
    return any(d.shape == shape for d in scope.of_kind(Kind.INPUT, Kind.STATE))


def comparison_as_value(span: Span) -> Diagnostic:
    """A comparison anywhere but as the first operand of ``where``."""
    condition = span.text
    if condition.startswith("("):
        condition = condition[1:-1]
    return error(
        "RNN048",
        "a comparison is not a number",
        span,
        label="true or false",
        help=f"choose by it: {quoted(f'where({condition}, 1, 0)')}",
    )


def matrix_as_value(
    span: Span, declaration: Label, *, is_kernel: bool = False
) -> Diagnostic:
    """A matrix anywhere but on the left of ``@``, or a kernel but in ``conv``."""
    if is_kernel:
        return error(
            "RNN071",
            f"the kernel {quoted(span.text)} is used as a value",
            span,
            label="no input and no state has this shape",
            labels=[declaration],
            help=f"convolve an image with it: `conv({span.text}, ...)`",
        )
    return error(
        "RNN071",
        f"the matrix {quoted(span.text)} is used as a vector",
        span,
        label="a matrix stands only on the left of `@`",
        labels=[declaration],
        help=f"multiply a vector by it: `{span.text} @ ...`",
    )


def bias_not_added(span: Span, declaration: Label) -> Diagnostic:
    """A bias used other than as a term of a sum."""
    return error(
        "RNN050",
        f"the bias {quoted(span.text)} is not added to anything",
        span,
        label="not a term of a sum",
        labels=[declaration],
        notes=["a module made with `bias=False` leaves its biases out, as if zero"],
        help="declare it as `param` to use it in another way",
    )
