"""Random specs that are valid, in all of the language; a seed gives one spec."""

from __future__ import annotations

import re
from random import Random

from spec_declarations import (
    ParameterDeclarations,
    shape_text,
    state_declarator,
    used_dimensions,
)
from spec_equations import Equations
from spec_expressions import Expressions
from spec_names import NameSource, Style
from spec_scope import Dim, Origin, Scope, Shape, Value

_DIMENSIONS = (
    ("I", "H"),
    ("I", "H", "P"),
    ("H",),
    ("I", "H", 3),
    ("I", "H", 2),
    ("I", "K", "H", 4),
    ("N", "M"),
    ("H", 1),
)
_STYLES = (Style.PLAIN, Style.PLAIN, Style.COLLIDING, Style.COLLIDING, Style.LONG)
_ARGUMENTS = {"I": "input_size", "H": "hidden_size", "P": "proj_size"}


def generate(seed: int) -> str:
    """The text of the spec of a seed: one cell, maybe with functions before it."""
    return _Spec(Random(seed)).text()


class _Spec:
    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._header: tuple[Dim, ...] = rng.choice(_DIMENSIONS)
        self._source = NameSource(rng, rng.choice(_STYLES))
        for dim in self._header:
            self._source.reserve(str(dim))
        self._scope = Scope(rng, self._header)
        self._functions: list[str] = []
        self._inputs: list[tuple[str, Shape]] = []
        self._states: list[tuple[str, Shape]] = []
        self._constants: list[str] = []

    def _shape(self, scalar: float) -> Shape:
        if self._rng.random() < scalar:
            return ()
        return (self._rng.choice(self._header),)

    def text(self) -> str:
        rng, scope = self._rng, self._scope
        cell = rng.choice(("Fuzz", "Unit", "Cell", "A_cell"))
        self._source.reserve(cell)
        for _ in range(rng.choice((0, 0, 1, 2))):
            self._functions.append(self._function())
        for _ in range(rng.choice((0, 0, 1, 2))):
            self._constant()
        scalar_cell = rng.random() < 0.1
        for _ in range(rng.choice((1, 1, 2, 3))):
            shape = self._shape(1.0 if scalar_cell else 0.2)
            self._inputs.append((self._source.take(), shape))
        for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
            shape = self._shape(0.9 if scalar_cell else 0.15)
            self._states.append((self._source.take(on_left=True), shape))
        for name, shape in self._inputs:
            scope.values.append(Value(f"{name}[t]", shape, Origin.INPUT))
        for name, shape in self._states:
            scope.values.append(Value(f"{name}[t-1]", shape, Origin.STATE))
        for name, shape in (*self._inputs, *self._states):
            if rng.random() < 0.15:
                steps = rng.randint(1 if (name, shape) in self._inputs else 2, 4)
                scope.values.append(Value(f"{name}[t-{steps}]", shape, Origin.STATE))
        equations = Equations(scope, self._source, self._states).lines()
        declarations = self._declarations()
        lines = [*declarations, "", *equations]
        if rng.random() < 0.08:
            lines = [*equations, "", *declarations]
        parameters = self._parameters.names
        body = re.sub(
            r"\$(\d+)\$", lambda m: parameters[int(m[1])], "\n    ".join(lines)
        )
        head = self._head(cell)
        return "\n".join([*self._functions, "", head, f"    {body}", ""]).lstrip()

    def _head(self, cell: str) -> str:
        shapes = [shape for _, shape in (*self._inputs, *self._states)]
        shapes += [parameter.shape for parameter in self._scope.parameters]
        named = used_dimensions(shapes, self._header)
        dims = [
            dim
            if dim in _ARGUMENTS or self._rng.random() < 0.6
            else f"{dim} as {dim.lower()}_width"
            for dim in named
        ]
        docstring = '\n    """What a seed gives."""' if self._rng.random() < 0.3 else ""
        return f"cell {cell}({', '.join(dims)}):{docstring}"

    def _declarations(self) -> list[str]:
        """All declarations, some of a kind on one line, in a random order."""
        rng, scope = self._rng, self._scope
        states = [state_declarator(rng, *s, scope.parameters) for s in self._states]
        for dim in dict.fromkeys((*scope.sizes, self._header[0])):
            if not self._is_used(dim):
                scope.parameter((dim,), fresh=True)
        named = [d for d in self._header if isinstance(d, str) and self._is_used(d)]
        self._parameters = ParameterDeclarations(
            rng, self._source, scope.parameters, named
        )
        declarators = [("input", f"{n}: {shape_text(s)}") for n, s in self._inputs]
        declarators += [("state", state) for state in states]
        declarators += self._parameters.declarators
        lines: list[str] = []
        previous = ""
        for keyword, text in declarators:
            if keyword == previous and rng.random() < 0.4:
                lines[-1] += f", {text}"
            else:
                lines.append(f"{keyword} {text}")
            previous = keyword
        inputs = [line for line in lines if line.startswith("input ")]
        others = [line for line in lines if not line.startswith("input ")]
        if rng.random() < 0.2:
            rng.shuffle(others)
        return [*self._constants, *inputs, *others]

    def _is_used(self, dim: Dim) -> bool:
        shapes = [shape for _, shape in (*self._inputs, *self._states)]
        shapes += [parameter.shape for parameter in self._scope.parameters]
        return any(dim in shape for shape in shapes)

    def _constant(self) -> None:
        name = self._source.take()
        known = self._scope.constants
        values = ["0.5", "1 / 3", "sqrt(0.5)", "exp(-1)", "pi / 4", "-0.25", "2"]
        values += [f"1 - {constant} / 2" for constant in known]
        self._constants.append(f"const {name} = {self._rng.choice(values)}")
        known.append(name)

    def _function(self) -> str:
        """A function of one to three parameters, each of which its body reads."""
        rng = self._rng
        name = self._source.take()
        count = rng.choice((1, 1, 2, 2, 3))
        parameters = rng.sample("abcuvw", count)
        scope = Scope(rng, ())
        scope.functions = list(self._scope.functions)
        scope.values = [Value(p, (), Origin.FIXED) for p in parameters]
        # Without parameters of its own, a body is made of these values alone.
        body = ""
        while "$" in body or not all(re.search(rf"\b{p}\b", body) for p in parameters):
            body = Expressions(scope).expression((), rng.randint(2, 5)).text
        self._scope.functions.append((name, count))
        return f"def {name}({', '.join(parameters)}) = {body}"
