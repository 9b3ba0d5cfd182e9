"""A resolved cell as text: its declarations, with what is stored where, and equations.

This is what ``rnndsl show --as equations`` prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rnndsl.analysis.delays import own_equations
from rnndsl.analysis.program import (
    Cell,
    Constant,
    Dim,
    DrawnFrom,
    Equation,
    Initial,
    Shape,
    State,
    StoredParameter,
    TypedExpression,
)
from rnndsl.analysis.walk import operands
from rnndsl.analysis.written import written_expression
from rnndsl.columns import aligned
from rnndsl.formulas.features import ALL_FUNCTIONS
from rnndsl.formulas.text import written, written_number

_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(")


def equations_text(cell: Cell) -> str:
    """The declarations, one value on a line, then the equations as the author wrote
    them; one that uses functions of the author's own is followed by what it stands
    for."""
    lines = [cell_heading(cell), "", *aligned(_declarations(cell)), ""]
    for equation in own_equations(cell):
        lines.append(f"  {equation.text}")
        if _uses_own_functions(equation):
            meaning = written_expression(equation.value).text
            left = equation.text.partition("=")[0]
            lines.append(f"  {' ' * len(left)}= {meaning}")
    lines.append(f"  output {written_expression(cell.output).text}")
    if cell.emitted:
        values = ", ".join(written_expression(value).text for value in cell.emitted)
        lines.append(f"  emit {values}")
    return "\n".join(lines) + "\n"


def cell_heading(cell: Cell) -> str:
    """``cell LSTM(I, H)``."""
    dimensions = ", ".join(dimension.name for dimension in cell.dimensions)
    return f"cell {cell.name}({dimensions})"


def shape_text(shape: Shape) -> str:
    """``[H, I]``, ``[]``."""
    return f"[{', '.join(map(str, shape))}]"


def _declarations(cell: Cell) -> Iterator[tuple[str, ...]]:
    for dimension in cell.dimensions:
        yield ("size", dimension.name, "", dimension.argument)
    for item in cell.inputs:
        yield ("input", item.name, shape_text(item.shape))
    for state in cell.states:
        yield ("state", state.name, shape_text(state.shape), *_described(state))
    for parameter in cell.parameters:
        yield from _members(parameter)
    for name, value in _constants(cell).items():
        yield ("const", name, "", written_number(value).text)


def _described(state: State) -> Iterator[str]:
    yield _at_first(state)
    if state.delay is not None:
        yield f"keeps {state.delay.name}[t-{state.delay.steps}]"


def _at_first(state: State) -> str:
    """What a state is before the first step."""
    if isinstance(state.initial, str):
        return f"{state.initial} at first"
    return f"{written_number(state.initial).text} at first"


def _members(parameter: StoredParameter) -> Iterator[tuple[str, ...]]:
    kind = "bias" if parameter.is_bias else "param"
    shape = " ".join((shape_text(parameter.member_shape), *structure_words(parameter)))
    for index, member in enumerate(parameter.members):
        place = parameter.name
        if len(parameter.members) > 1:
            place += _rows(index, parameter.member_shape)
        initial = () if member.initial is None else (_initial(member.initial),)
        yield (kind, member.name, shape, place, *initial)


def _rows(index: int, shape: Shape) -> str:
    """The place of a member among the rows of its tensor."""
    if shape == ():
        return f"[{index}]"
    return f"[{_multiple(index, shape[0])}:{_multiple(index + 1, shape[0])}]"


def _multiple(count: int, rows: Dim) -> str:
    if isinstance(rows, int):
        return str(count * rows)
    if count < 2:
        return rows if count else "0"
    return f"{count}*{rows}"


def _initial(initial: Initial) -> str:
    if not isinstance(initial, DrawnFrom):
        return f"= {written_number(initial.value).text}"
    arguments = ", ".join(written(a, {}).text for a in initial.arguments)
    name = f"-{initial.function}" if initial.negated else initial.function
    return f"~ {name}({arguments})" if arguments else f"~ {name}"


def structure_words(parameter: StoredParameter) -> Iterator[str]:
    """``frozen``, ``sparse(0.1)``: what the spec says behind the shape."""
    if parameter.frozen:
        yield "frozen"
    structure = parameter.structure
    if structure is not None and structure.argument is None:
        yield structure.kind.value
    elif structure is not None and structure.argument is not None:
        yield f"{structure.kind.value}({written_number(structure.argument).text})"


def _constants(cell: Cell) -> dict[str, float]:
    """The declared constants that the equations use, in order of appearance."""
    found: dict[str, float] = {}
    waiting: list[TypedExpression] = [cell.output]
    waiting += [equation.value for equation in reversed(cell.equations)]
    while waiting:
        expression = waiting.pop()
        if isinstance(expression, Constant) and expression.name is not None:
            found[expression.name] = expression.value
        waiting.extend(reversed(operands(expression)))
    return found


def _uses_own_functions(equation: Equation) -> bool:
    return any(name not in ALL_FUNCTIONS for name in _CALLED.findall(equation.text))
