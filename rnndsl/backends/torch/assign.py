"""Assignments of formulas that fit the page: what is too long is named in parts."""

from __future__ import annotations

from collections.abc import Mapping

from rnndsl.backends.torch.fitting import fitted
from rnndsl.backends.torch.layout import WIDTH
from rnndsl.backends.torch.printer import Code, expression
from rnndsl.backends.torch.spelling import torch_form
from rnndsl.formulas.formula import (
    Apply,
    Compare,
    Formula,
    Number,
    Symbol,
    children,
    with_children,
)
from rnndsl.ir.naming import Names


def assign(
    target: str,
    formula: Formula,
    values: Mapping[str, Code],
    *,
    indent: int,
    names: Names,
) -> list[str]:
    """``target = formula``, in several assignments where one would be too long."""
    assignment = _Assignment(dict(values), indent, names)
    return assignment.lines(target, torch_form(formula))


class _Assignment:
    def __init__(self, values: dict[str, Code], indent: int, names: Names) -> None:
        self._values = values
        self._indent = indent
        self._names = names
        self._count = 0

    def lines(self, target: str, formula: Formula, *, root: str = "") -> list[str]:
        """``root`` is the name the parts are called after."""
        before: list[str] = []
        line = self._line(target, formula)
        while not self._fits(line):
            part = _largest_part(formula, self._values)
            if part is None:
                break
            self._count += 1
            name = self._names.take(f"{root or target}_part{self._count}")
            before.extend(self.lines(name, part, root=root or target))
            self._values[name] = Code(name)
            formula = _replace(formula, part, Symbol(name))
            line = self._line(target, formula)
        return [*before, *fitted([line], indent=self._indent)]

    def _line(self, target: str, formula: Formula) -> str:
        return f"{target} = {expression(formula, self._values).text}"

    def _fits(self, line: str) -> bool:
        return len(line) + self._indent <= WIDTH


def _largest_part(formula: Formula, values: Mapping[str, Code]) -> Formula | None:
    """The longest operand that is worth a name and leaves the rest shorter."""
    candidates = [
        part
        for part in _descend(formula)
        if not isinstance(part, Number | Compare) and not _is_name(part, values)
    ]
    if not candidates:
        return None
    return max(candidates, key=lambda part: len(expression(part, values).text))


def _is_name(formula: Formula, values: Mapping[str, Code]) -> bool:
    """Whether it is written as a name, or as the value of a step."""
    if not isinstance(formula, Symbol):
        return False
    return values[formula.name].text.removesuffix("[t]").isidentifier()


def _descend(formula: Formula) -> list[Formula]:
    """The direct operands; through comparisons, which are no values of their own."""
    found: list[Formula] = []
    for part in children(formula):
        if isinstance(part, Compare):
            found.extend(children(part))
        elif isinstance(formula, Apply) and isinstance(part, Number):
            continue
        else:
            found.append(part)
    return found


def _replace(formula: Formula, old: Formula, new: Formula) -> Formula:
    if formula == old:
        return new
    operands = children(formula)
    if not operands:
        return formula
    replaced = tuple(_replace(part, old, new) for part in operands)
    return with_children(formula, replaced)
