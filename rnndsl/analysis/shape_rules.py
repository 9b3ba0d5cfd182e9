"""Rules about the shapes of operands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rnndsl.analysis import program
from rnndsl.analysis.findings import error, quoted, shape_text
from rnndsl.analysis.operand import Operand
from rnndsl.analysis.program import Shape
from rnndsl.analysis.scope import Declared, Kind, Scope
from rnndsl.diagnostics import Diagnostic, Label, Span
from rnndsl.syntax import tree

_PROJECTIONS = ("P", "Q", "R", "V", "W", "U")


@dataclass(frozen=True, slots=True)
class Written:
    """An operand and the place where it is written."""

    operand: Operand
    node: tree.Expression

    @property
    def span(self) -> Span:
        return self.node.span

    @property
    def shape(self) -> Shape:
        return self.operand.shape


def common_shape(one: Shape, other: Shape) -> Shape | None:
    """The shape of an elementwise result, or None if the two do not go together."""
    if one == other or not other:
        return one
    return other if not one else None


def shapes_differ(
    left: Written, right: Written, operation: str, scope: Scope
) -> Diagnostic:
    """Elementwise operands of two shapes; ``operation`` is the operator or function."""
    before, after = shape_text(left.shape), shape_text(right.shape)
    if operation.isidentifier():
        summary = f"{operation}({before}, {after})"
    else:
        summary = f"{before} {operation} {after}"
    blame_left = _is_smaller(left, right)
    blamed, kept = (left, right) if blame_left else (right, left)
    other = _other_operand(operation, is_after=blame_left)
    return error(
        "RNN021",
        f"shapes do not match: {summary}",
        blamed.span,
        label=f"has shape {shape_text(blamed.shape)}, {other} {shape_text(kept.shape)}",
        labels=_declarations(scope, blamed, kept if _is_plain(blamed) else None),
        help=_projection(blamed, kept, scope),
    )


def _is_smaller(left: Written, right: Written) -> bool:
    """Whether the left operand is the one to point at: a name rather than a term, the
    shorter of two terms, and the right one where there is nothing to choose."""
    if _is_plain(left) or _is_plain(right):
        return not _is_plain(right)
    return len(left.span.text) < len(right.span.text)


def _is_plain(written: Written) -> bool:
    return isinstance(written.node, tree.Reference)


def _other_operand(operation: str, *, is_after: bool) -> str:
    side = "after" if is_after else "before"
    match operation:
        case "+" | "-":
            return f"the term {side} it"
        case "*":
            return f"the factor {side} it"
        case "/":
            return "its divisor" if is_after else "what it divides"
        case "<" | "<=" | ">" | ">=" | "==" | "!=":
            return "what it is compared with"
        case _:
            return f"the operand {side} it"


def _declarations(scope: Scope, *operands: Written | None) -> Iterator[Label]:
    seen = set()
    for written in operands:
        if written is None:
            continue
        match written.operand.expression:
            case (
                program.ReadInput(name=name)
                | program.ReadPrevious(name=name)
                | program.ReadCurrent(name=name)
                | program.ReadLocal(name=name)
                | program.ReadParameter(name=name)
            ):
                declared = scope.get(name)
                if declared is not None and name not in seen:
                    seen.add(name)
                    is_local = declared.kind is Kind.LOCAL
                    verb = "computed" if is_local else "declared"
                    yield Label(declared.span, f"{verb} here")


def _projection(blamed: Written, kept: Written, scope: Scope) -> str:
    if len(blamed.shape) != 1 or len(kept.shape) != 1:
        return ""
    name = next((n for n in _PROJECTIONS if scope.get(n) is None), None)
    shape = shape_text((*kept.shape, *blamed.shape))
    text = blamed.span.text
    if name is None or not _is_plain(blamed):
        return f"project it with a parameter of shape {shape}"
    return f"project it with a parameter: `{name} @ {text}`, `param {name}: {shape}`"


def update_differs(value: tree.Expression, shape: Shape, state: Declared) -> Diagnostic:
    """An equation whose result has another shape than its state."""
    wanted, found = shape_text(state.shape or ()), shape_text(shape)
    advice = "a state keeps its shape from step to step"
    if len(shape) == 1 and state.shape:
        rows = shape_text((*state.shape, *shape))
        advice = f"project it with a parameter of shape {rows}"
    return error(
        "RNN076",
        f"the state `{state.name}` has shape {wanted}, its new value {found}",
        value.span,
        label=f"has shape {found}",
        labels=[Label(state.span, f"declared {wanted} here")],
        help=advice,
    )


def left_not_matrix(
    product: tree.Product, left: Operand | None, scope: Scope
) -> Diagnostic:
    """The left side of ``@`` is not the name of a matrix. ``left`` is None where it is
    not a name at all."""
    notes: tuple[str, ...] = ()
    if left is None:
        label = "not the name of a parameter"
        advice = ""
        node = product.left
        if isinstance(node, tree.Arithmetic) and node.operator in ("*", "/"):
            notes = ("`@` binds no tighter than `*`: both are read from the left",)
            if isinstance(node.right, tree.Reference) and node.operator == "*":
                matrix, vector = node.right.span.text, _in_brackets(product.right)
                advice = f"write `{_short(node.left)} * ({matrix} @ {vector})`"
    else:
        label = f"has shape {shape_text(left.shape)}"
        advice = "write `*` for the elementwise product" if len(left.shape) == 1 else ""
        if len(left.shape) > 2:
            advice = (
                f"write `conv({product.left.span.text}, {product.right.span.text})`"
            )
    labels = [] if left is None else _declarations(scope, Written(left, product.left))
    return error(
        "RNN025",
        "the left side of `@` must be a matrix parameter",
        product.left.span,
        label=label,
        labels=labels,
        notes=notes,
        help=advice,
    )


def sizes_differ(
    product: tree.Product, left: Written, right: Written, scope: Scope
) -> Diagnostic:
    """A matrix whose columns are not as many as the vector's entries."""
    matrix, vector = left.shape, right.shape
    wanted = shape_text(matrix[1:])
    if not vector:
        found = "is a scalar"
        advice = "write `*` to multiply by a scalar, as in `k * (W @ x[t])`"
    else:
        found = f"has shape {shape_text(vector)}"
        fitting = shape_text((matrix[0], *vector))
        advice = f"a parameter that takes it to {shape_text(matrix[:1])} is {fitting}"
        if len(vector) > 1:
            advice = "convolve an image with a kernel: `conv(K, ...)`"
    return error(
        "RNN026",
        f"sizes do not match: {shape_text(matrix)} @ {shape_text(vector)}",
        right.span,
        label=f"{found}, {quoted(left.span.text)} takes {wanted}",
        labels=_declarations(scope, left, right),
        help=advice,
    )


def _short(node: tree.Expression) -> str:
    return quoted(node.span.text).strip("`")


def _in_brackets(node: tree.Expression) -> str:
    text = _short(node)
    plain = isinstance(node, tree.Reference | tree.Call) or text.startswith("(")
    return text if plain else f"({text})"
