"""Values of earlier steps, kept in states that the author does not write down.

``h[t-3]`` is kept in ``h_2``, which takes ``h[t-1]`` in each step, and ``h_3``, which
takes the old ``h_2``: what is read is the old ``h_3``. ``x[t-1]`` is the old ``x_1``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rnndsl.analysis.findings import error
from rnndsl.analysis.program import (
    Cell,
    Delay,
    Equation,
    ReadInput,
    ReadPrevious,
    Shape,
    State,
)
from rnndsl.analysis.scope import Declared, Kind, Scope
from rnndsl.diagnostics import Diagnostic, Label, Report, Span
from rnndsl.syntax import tree

MAX_DELAY = 64


class Delays:
    """The delays that a cell's expressions read."""

    def __init__(self, scope: Scope, report: Report) -> None:
        self._scope = scope
        self._report = report
        self._spans: dict[str, dict[int, Span]] = {}

    def read(self, reference: tree.Reference, declared: Declared) -> tuple[str, Delay]:
        """The state whose old value is the input or the state at this step."""
        assert reference.time is not None
        name, steps = declared.name, -reference.time.offset
        spans = self._spans.setdefault(name, {})
        for step in range(1 if declared.kind is Kind.INPUT else 2, steps + 1):
            if step in spans:
                continue
            spans[step] = reference.span
            other = self._scope.get(f"{name}_{step}")
            if other is not None:
                self._report.add(delay_name_taken(reference, name, steps, other))
        return f"{name}_{steps}", Delay(name=name, steps=steps)

    def states(self, initials: Mapping[str, float | str]) -> tuple[State, ...]:
        """Those that keep what is read; ``initials`` are the starts of the states."""
        return tuple(
            State(
                span=span,
                name=f"{name}_{steps}",
                shape=self._shape(name),
                initial=initials.get(name, 0.0),
                delay=Delay(name=name, steps=steps),
            )
            for name, steps, span in self._each()
        )

    def equations(self) -> tuple[Equation, ...]:
        """What these states take in each step."""
        return tuple(self._equation(*each) for each in self._each())

    def _equation(self, name: str, steps: int, span: Span) -> Equation:
        shape = self._shape(name)
        value: ReadInput | ReadPrevious
        if self._is_input(name) and steps == 1:
            value = ReadInput(span=span, name=name, shape=shape)
            text = f"{name}[t]"
        else:
            first = 1 if self._is_input(name) else 2
            source = name if steps == first else f"{name}_{steps - 1}"
            value = ReadPrevious(span=span, name=source, shape=shape)
            text = f"{source}[t-1]"
        return Equation(
            span=span,
            target=f"{name}_{steps}",
            is_state=True,
            value=value,
            text=f"{name}_{steps}[t] = {text}",
            line=span.line,
        )

    def _each(self) -> Iterator[tuple[str, int, Span]]:
        """In the order of declaration, from the latest step back."""
        for declared in self._scope.of_kind(Kind.INPUT, Kind.STATE):
            for steps, span in sorted(self._spans.get(declared.name, {}).items()):
                yield declared.name, steps, span

    def _is_input(self, name: str) -> bool:
        declared = self._scope.get(name)
        return declared is not None and declared.kind is Kind.INPUT

    def _shape(self, name: str) -> Shape:
        declared = self._scope.get(name)
        assert declared is not None
        assert declared.shape is not None
        return declared.shape


def own_equations(cell: Cell) -> tuple[Equation, ...]:
    """The equations that the author has written, without those of delays."""
    delays = {state.name for state in cell.states if state.delay is not None}
    return tuple(
        equation
        for equation in cell.equations
        if not (equation.is_state and equation.target in delays)
    )


def delay_name_taken(
    reference: tree.Reference, name: str, steps: int, other: Declared
) -> Diagnostic:
    """The state that a delay needs has the name of something else."""
    return error(
        "RNN162",
        f"`{name}[t-{steps}]` is kept in a state `{other.name}`",
        reference.span,
        label="needs this name",
        labels=[Label(other.span, f"a {other.kind.value} of this name")],
        help=f"give the {other.kind.value} another name",
    )
