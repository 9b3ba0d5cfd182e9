"""The inputs, states and parameters of a cell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rnndsl.analysis import program
from rnndsl.analysis.context import Context
from rnndsl.analysis.declarations import DeclaredTensor
from rnndsl.analysis.findings import error, quoted, shape_text
from rnndsl.analysis.initials import member_initials
from rnndsl.analysis.program import Shape
from rnndsl.analysis.reserved import STORED_NAMES, reserved_name
from rnndsl.analysis.scope import WEIGHTS, Declared, Kind, Scope
from rnndsl.analysis.structures import check_start, structure_of
from rnndsl.analysis.values import member_values, number
from rnndsl.diagnostics import Diagnostic, Label, Report, Span
from rnndsl.syntax import tree


def inputs_of(tensors: Iterable[DeclaredTensor]) -> tuple[program.Input, ...]:
    """The inputs, in order of declaration."""
    return tuple(
        program.Input(span=name.span, name=name.text, shape=tensor.shape)
        for tensor in tensors
        if tensor.kind is Kind.INPUT and tensor.shape is not None
        for name in tensor.declarator.names
    )


def states_of(
    tensors: Iterable[DeclaredTensor], context: Context
) -> tuple[program.State, ...]:
    """The states, in order of declaration, each with where it starts."""
    states = []
    for tensor in tensors:
        if tensor.kind is not Kind.STATE:
            continue
        initial = _state_initial(tensor, context)
        for name in tensor.declarator.names:
            if tensor.shape is not None:
                states.append(
                    program.State(
                        span=name.span,
                        name=name.text,
                        shape=tensor.shape,
                        initial=initial,
                    )
                )
    return tuple(states)


def _state_initial(tensor: DeclaredTensor, context: Context) -> float | str:
    initial = tensor.declarator.initial
    if not isinstance(initial, tree.InitialValue):
        return 0.0
    nodes = member_values(initial, tensor.declarator, context)
    if not nodes:
        return 0.0
    node = nodes[0]
    if isinstance(node, tree.Reference) and node.time is None:
        declared = context.scope.get(node.name.text)
        if declared is not None and declared.kind in WEIGHTS:
            if declared.kind is Kind.BIAS or (
                None not in (declared.shape, tensor.shape)
                and declared.shape != tensor.shape
            ):
                context.add(wrong_initial_state(node, declared, tensor.shape))
            return declared.name
    return number(node, "a starting value", context) or 0.0


def wrong_initial_state(
    node: tree.Reference, declared: Declared, shape: Shape | None
) -> Diagnostic:
    """A learned initial state that is no parameter of the state's shape."""
    is_bias = declared.kind is Kind.BIAS
    if is_bias or shape is None:
        label = "is a bias, which `bias=False` leaves out"
    else:
        label = f"has shape {shape_text(declared.shape or ())}, "
        label += f"the state {shape_text(shape)}"
    return error(
        "RNN055",
        f"the state cannot start at {quoted(declared.name)}",
        node.span,
        label=label,
        labels=[Label(declared.span, "declared here")],
        help="a state starts at a number, or at a `param` of its own shape",
    )


def parameters_of(
    tensors: Iterable[DeclaredTensor],
    dimensions: Sequence[program.Dimension],
    fills: Context,
    draws: Context,
    settings: Context,
    report: Report,
) -> tuple[program.StoredParameter, ...]:
    """The stored tensors, in order of declaration. ``fills`` and ``draws`` are where
    starting values and arguments of initialisers stand, ``settings`` those of
    structures."""
    taken = {dimension.argument: dimension.span for dimension in dimensions}
    parameters = []
    for tensor in tensors:
        if tensor.kind not in WEIGHTS:
            continue
        declarator = tensor.declarator
        stored = _stored_name(declarator)
        for wrong in _wrong_stored_name(stored, declarator, taken, fills.scope):
            report.add(wrong)
        taken.setdefault(stored.text, stored.span)
        structure, frozen = structure_of(tensor, settings)
        if structure is not None and structure.kind is program.StructureKind.SPARSE:
            # Where the entries of the matrix stand is kept beside them.
            taken.setdefault(f"{stored.text}_columns", stored.span)
        initials = member_initials(tensor, fills, draws)
        check_start(structure, initials, settings)
        if tensor.shape is None or len(initials) != len(declarator.names):
            continue
        members = tuple(
            program.Member(span=name.span, name=name.text, initial=initial)
            for name, initial in zip(declarator.names, initials, strict=True)
        )
        parameters.append(
            program.StoredParameter(
                span=stored.span,
                name=stored.text,
                members=members,
                member_shape=tensor.shape,
                is_bias=tensor.kind is Kind.BIAS,
                structure=structure,
                frozen=frozen,
            )
        )
    return tuple(parameters)


def _stored_name(declarator: tree.Declarator) -> tree.Name:
    if declarator.stored_name is not None:
        return declarator.stored_name
    if declarator.stem is not None:
        stem = declarator.stem
        return tree.Name(span=stem.span, text=stem.text.rstrip("_") or stem.text)
    return declarator.names[0]


def _wrong_stored_name(
    stored: tree.Name,
    declarator: tree.Declarator,
    taken: Mapping[str, Span],
    scope: Scope,
) -> Iterator[Diagnostic]:
    names = declarator.names
    # A name of the author's own has been checked where it is declared.
    reserved = reserved_name(stored, *STORED_NAMES, is_attribute=True)
    if reserved is not None and (stored is not names[0] or not reserved_name(stored)):
        yield reserved
    declared = [scope.get(name.text) for name in names]
    if any(d is None or d.span != n.span for d, n in zip(declared, names, strict=True)):
        return
    if stored.text in taken:
        yield stored_name_taken(stored, taken[stored.text])


def stored_name_taken(stored: tree.Name, first: Span) -> Diagnostic:
    """Two tensors under one name in the state_dict."""
    return error(
        "RNN061",
        f"the stored name {quoted(stored.text)} is taken",
        stored.span,
        label="stored under the same name",
        labels=[Label(first, "the first")],
        help=f"choose another, as in `as {stored.text}_2`",
    )
