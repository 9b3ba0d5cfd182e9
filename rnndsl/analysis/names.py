"""What a name in an expression stands for."""

from __future__ import annotations

from typing import Protocol, TypeAlias, assert_never

from rnndsl.analysis import program
from rnndsl.analysis.delays import Delays
from rnndsl.analysis.folding import not_constant
from rnndsl.analysis.name_rules import unknown_name, used_too_early
from rnndsl.analysis.operand import Operand
from rnndsl.analysis.reserved import PREDEFINED
from rnndsl.analysis.scope import Declared, Kind, Scope
from rnndsl.analysis.time_index import wrong_time_index
from rnndsl.diagnostics import Report
from rnndsl.syntax import tree

_MOST_SUGGESTIONS = 20

Constants: TypeAlias = dict[str, float | None]
"""The constants evaluated so far; None for one whose value is wrong."""


class Names(Protocol):
    """Finds what a reference reads. None if that is unknown, which is then reported
    or has been."""

    def read(self, reference: tree.Reference) -> Operand | None: ...


def predefined(reference: tree.Reference) -> Operand | None:
    """A number that the language knows by name."""
    name = reference.name.text
    if name not in PREDEFINED:
        return None
    value = PREDEFINED[name]
    constant = program.Constant(span=reference.span, value=value, name=name)
    return Operand(constant, constant=value)


class UnknownNames:
    """The unknown names of one cell: each is reported where it first stands."""

    def __init__(self, scope: Scope, report: Report) -> None:
        self._scope = scope
        self._report = report
        self._seen: set[str] = set()

    def add(self, name: tree.Name) -> None:
        if name.text in self._seen:
            return
        self._seen.add(name.text)
        # Many unknown names are no slips of the keyboard; looking for all takes long.
        few = len(self._seen) <= _MOST_SUGGESTIONS
        candidates = (*self._scope.names(), *PREDEFINED) if few else ()
        self._report.add(unknown_name(name, candidates, groups=self._scope.groups))


class EquationNames:
    """Names in the equations of a cell; ``shapes`` has those of the locals so far,
    ``delays`` what is read of earlier steps.

    ``is_ahead``: an equation updates a state at a later step, which is reported; then
    reading one is the same mistake.
    """

    def __init__(
        self,
        scope: Scope,
        constants: Constants,
        unknown: UnknownNames,
        report: Report,
        *,
        is_ahead: bool,
    ) -> None:
        self._scope = scope
        self._constants = constants
        self._unknown = unknown
        self._report = report
        self._is_ahead = is_ahead
        self.shapes: dict[str, program.Shape] = {}
        self.delays = Delays(scope, report)

    def read(self, reference: tree.Reference) -> Operand | None:
        name = reference.name.text
        declared = self._scope.get(name)
        if declared is None:
            found = predefined(reference)
            if found is None:
                self._unknown.add(reference.name)
            return found
        wrong = wrong_time_index(reference, declared)
        if wrong is not None:
            is_later = reference.time is not None and reference.time.offset > 0
            if not (self._is_ahead and is_later):
                self._report.add(wrong)
            return None
        return self._operand(reference, declared)

    def _operand(self, reference: tree.Reference, declared: Declared) -> Operand | None:
        name, span, shape = declared.name, reference.span, declared.shape
        if declared.kind is Kind.CONSTANT:
            value = self._constants.get(name)
            if value is None:
                return None
            constant = program.Constant(span=span, value=value, name=name)
            return Operand(constant, constant=value)
        if declared.kind is Kind.LOCAL:
            shape = self.shapes.get(name)
        if shape is None:
            return None
        match declared.kind:
            case Kind.DIMENSION:
                return Operand(program.ReadDimension(span=span, name=name))
            case Kind.INPUT | Kind.STATE if self._is_delayed(reference, declared):
                state, delay = self.delays.read(reference, declared)
                previous = program.ReadPrevious(
                    span=span, name=state, shape=shape, delay=delay
                )
                return Operand(previous)
            case Kind.INPUT:
                return Operand(program.ReadInput(span=span, name=name, shape=shape))
            case Kind.STATE if reference.time is not None and reference.time.offset:
                return Operand(program.ReadPrevious(span=span, name=name, shape=shape))
            case Kind.STATE:
                return Operand(program.ReadCurrent(span=span, name=name, shape=shape))
            case Kind.PARAMETER | Kind.BIAS:
                return Operand(program.ReadParameter(span=span, name=name, shape=shape))
            case Kind.LOCAL:
                return Operand(program.ReadLocal(span=span, name=name, shape=shape))
            case _:
                assert_never(declared.kind)

    @staticmethod
    def _is_delayed(reference: tree.Reference, declared: Declared) -> bool:
        steps = 0 if reference.time is None else -reference.time.offset
        return steps > (0 if declared.kind is Kind.INPUT else 1)


class ConstantNames:
    """Names where only numbers may stand. ``what`` names the place in messages;
    ``with_dimensions`` admits the sizes that the constructor is given."""

    def __init__(
        self,
        scope: Scope,
        constants: Constants,
        unknown: UnknownNames,
        report: Report,
        *,
        what: str,
        with_dimensions: bool = False,
    ) -> None:
        self._scope = scope
        self._constants = constants
        self._unknown = unknown
        self._report = report
        self._what = what
        self._with_dimensions = with_dimensions

    def read(self, reference: tree.Reference) -> Operand | None:
        name = reference.name.text
        declared = self._scope.get(name)
        if declared is None:
            found = predefined(reference)
            if found is None:
                self._unknown.add(reference.name)
            return found
        if declared.kind is Kind.CONSTANT:
            return self._constant(reference, declared)
        if declared.kind is Kind.DIMENSION and self._with_dimensions:
            if reference.time is None:
                return Operand(program.ReadDimension(span=reference.span, name=name))
            self._report.add(not_constant(reference.span, self._what))
            return None
        reason = (
            "a size is known only when a module is made"
            if declared.kind is Kind.DIMENSION
            else f"`{name}` is {article(declared.kind)}"
        )
        self._report.add(not_constant(reference.span, self._what, reason))
        return None

    def _constant(
        self, reference: tree.Reference, declared: Declared
    ) -> Operand | None:
        wrong = wrong_time_index(reference, declared)
        if wrong is not None:
            self._report.add(wrong)
            return None
        if declared.name not in self._constants:
            self._report.add(used_too_early(reference, declared.span))
            return None
        value = self._constants[declared.name]
        if value is None:
            return None
        constant = program.Constant(
            span=reference.span, value=value, name=declared.name
        )
        return Operand(constant, constant=value)


def article(kind: Kind) -> str:
    """The kind with its article, as in "an input"."""
    return f"{'an' if kind is Kind.INPUT else 'a'} {kind.value}"
