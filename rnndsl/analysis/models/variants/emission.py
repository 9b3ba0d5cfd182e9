"""Cells that put out locals and states beside their output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rnndsl.analysis.program import Cell, ReadCurrent, ReadLocal


def with_emission(cell: Cell, names: Sequence[str]) -> Cell:
    """The cell, with these locals and new states put out beside its output. They are
    there in the cell."""
    values: dict[str, ReadLocal | ReadCurrent] = {}
    for state in cell.states:
        values[state.name] = ReadCurrent(
            span=state.span, name=state.name, shape=state.shape
        )
    for equation in cell.equations:
        if not equation.is_state:
            values[equation.target] = ReadLocal(
                span=equation.span, name=equation.target, shape=equation.value.shape
            )
    return replace(cell, emitted=tuple(values[name] for name in names))


def emittable(cell: Cell) -> tuple[str, ...]:
    """The names of what a cell can put out: its states and its locals, but images."""
    gates = [
        equation.target
        for equation in cell.equations
        if not equation.is_state and len(equation.value.shape) < 2
    ]
    states = [
        state.name
        for state in cell.states
        if state.delay is None and len(state.shape) < 2
    ]
    return (*states, *gates)
