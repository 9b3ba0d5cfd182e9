"""Assignments of formulas that fit the page: what is too long is named in parts."""

from __future__ import annotations

from collections.abc import Mapping

from rnndsl.backends.torch.layout import WIDTH, Nest, nested
from rnndsl.backends.torch.printer import Code, expression
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
    return _Assignment(dict(values), indent, names).lines(target, formula)


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
                return [*before, *self._broken(target, formula)]
            self._count += 1
            name = self._names.take(f"{root or target}_part{self._count}")
            before.extend(self.lines(name, part, root=root or target))
            self._values[name] = Code(name)
            formula = _replace(formula, part, Symbol(name))
            line = self._line(target, formula)
        return [*before, line]

    def _line(self, target: str, formula: Formula) -> str:
        return f"{target} = {expression(formula, self._values).text}"

    def _fits(self, line: str) -> bool:
        return len(line) + self._indent <= WIDTH

    def _broken(self, target: str, formula: Formula) -> list[str]:
        """One operation whose operands are long names, over several lines."""
        text = expression(formula, self._values).text
        if isinstance(formula, Apply) and text.endswith(")"):
            head, _, inner = text[:-1].partition("(")
            tree = Nest(f"{target} = {head}", tuple(inner.split(", ")))
            return nested(tree, indent=self._indent)
        return [f"{target} = (", f"    {text}", ")"]


def _largest_part(formula: Formula, values: Mapping[str, Code]) -> Formula | None:
    """The longest operand that is worth a name and leaves the rest shorter."""
    candidates = [
        part
        for part in _descend(formula)
        if not isinstance(part, Symbol | Number | Compare)
    ]
    if not candidates:
        return None
    return max(candidates, key=lambda part: len(expression(part, values).text))


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
