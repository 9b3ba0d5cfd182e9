"""A cell as a Mermaid flowchart: one step with its states looping back, or unrolled.

This is what ``rnndsl show --as mermaid`` prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from rnndsl.analysis.program import (
    Cell,
    ReadCurrent,
    ReadInput,
    ReadLocal,
    ReadPrevious,
    TypedExpression,
)
from rnndsl.analysis.show import shape_text
from rnndsl.analysis.walk import operands
from rnndsl.analysis.written import written_expression


def step_flowchart(cell: Cell) -> str:
    """One step: inputs and old states below, an equation in each box, arrows to what
    reads it, dotted arrows from new states to the old states of the next step."""
    lines = ["flowchart BT"]
    for index, item in enumerate(cell.inputs):
        label = escaped(f"{item.name}[t] {shape_text(item.shape)}")
        lines.append(f'  input{index}(["{label}"])')
    for index, state in enumerate(cell.states):
        label = escaped(f"{state.name}[t-1] {shape_text(state.shape)}")
        lines.append(f'  state{index}(["{label}"])')
    for index, equation in enumerate(cell.equations):
        lines.append(f'  equation{index}["{escaped(equation.text)}"]')
    lines.append(f'  output(["{escaped(_output(cell))}"])')
    for index, equation in enumerate(cell.equations):
        for source in _sources(cell, equation.value):
            lines.append(f"  {source} --> equation{index}")
    sources = [s for v in (cell.output, *cell.emitted) for s in _sources(cell, v)]
    lines += [f"  {source} --> output" for source in dict.fromkeys(sources)]
    for index, state in enumerate(cell.states):
        new = _current(cell, state.name)
        lines.append(f'  {new} -. "next step" .-> state{index}')
    return "\n".join(lines) + "\n"


def unrolled_flowchart(cell: Cell, steps: int) -> str:
    """The cell at each of the steps in a row, from the first states to the last."""
    states = ", ".join(state.name for state in cell.states)
    lines = ["flowchart LR"]
    lines.append(f'  first(["{escaped(f"first {states}")}"])')
    for step in range(1, steps + 1):
        lines.append(f'  subgraph step{step}["t = {step}"]')
        lines.append("    direction BT")
        for index, item in enumerate(cell.inputs):
            name = f"input{step}_{index}"
            lines.append(f'    {name}(["{escaped(f"{item.name}[{step}]")}"])')
            lines.append(f"    {name} --> cell{step}")
        lines.append(f'    cell{step}["{escaped(cell.name)}"]')
        lines.append(f'    cell{step} --> output{step}(["output[{step}]"])')
        lines.append("  end")
    lines.append(f'  last(["{escaped(f"last {states}")}"])')
    row = ["first", *(f"step{step}" for step in range(1, steps + 1)), "last"]
    for before, after in pairwise(row):
        lines.append(f'  {before} -- "{escaped(states)}" --> {after}')
    return "\n".join(lines) + "\n"


def _output(cell: Cell) -> str:
    values = (cell.output, *cell.emitted)
    return f"output {', '.join(written_expression(value).text for value in values)}"


def _sources(cell: Cell, expression: TypedExpression) -> dict[str, None]:
    """The boxes of what an expression reads, in order of appearance."""
    return dict.fromkeys(_reads(cell, expression))


def _reads(cell: Cell, expression: TypedExpression) -> Iterator[str]:
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        match part:
            case ReadInput(name=name):
                yield f"input{[item.name for item in cell.inputs].index(name)}"
            case ReadPrevious(name=name):
                yield f"state{[state.name for state in cell.states].index(name)}"
            case ReadCurrent(name=name):
                yield _current(cell, name)
            case ReadLocal(name=name):
                yield _equation(cell, name, is_state=False)
            case _:
                waiting.extend(reversed(operands(part)))


def _current(cell: Cell, state: str) -> str:
    return _equation(cell, state, is_state=True)


def _equation(cell: Cell, target: str, *, is_state: bool) -> str:
    """The box of the equation that a value comes from."""
    defined = [(equation.target, equation.is_state) for equation in cell.equations]
    return f"equation{defined.index((target, is_state))}"


def escaped(text: str) -> str:
    """Text for a quoted label; what Mermaid would interpret, as its entities."""
    return (
        text.replace("#", "#35;")
        .replace("&", "#amp;")
        .replace('"', "#quot;")
        .replace("<", "#lt;")
        .replace(">", "#gt;")
        .replace("**", "#42;#42;")
    )
