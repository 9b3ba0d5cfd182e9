"""The equations of generated specs: locals, gates, state updates, the output."""

from __future__ import annotations

from random import Random

from spec_expressions import Expressions
from spec_names import NameSource
from spec_scope import Origin, Scope, Shape, Value
from spec_text import Text


class Equations:
    """Writes the equations of one cell and records in the scope what they define."""

    def __init__(
        self, scope: Scope, source: NameSource, states: list[tuple[str, Shape]]
    ) -> None:
        self._scope = scope
        self._rng: Random = scope.rng
        self._source = source
        self._states = list(states)
        self._expressions = Expressions(scope)
        self._families = 0
        self._lines: list[str] = []

    def lines(self) -> list[str]:
        """Every state updated once, locals between, the output last."""
        rng = self._rng
        rng.shuffle(self._states)
        kinds = ["state"] * len(self._states)
        kinds += ["local"] * rng.choice((0, 1, 1, 2, 3, 4))
        kinds += ["gates"] * rng.choice((0, 0, 1, 1, 2))
        rng.shuffle(kinds)
        if rng.random() < 0.4:
            kinds += ["local"] * rng.randint(1, 2)
        pending = iter(self._states)
        for kind in kinds:
            match kind:
                case "state":
                    self._state(*next(pending))
                case "gates":
                    self._gates()
                case _:
                    self._local()
        self._lines.append(f"output {self._output()}")
        return self._lines

    def _size(self) -> int:
        return self._rng.choice((1, 2, 3, 4, 5, 6, 8, 11))

    def _shape(self) -> Shape:
        if self._rng.random() < 0.2:
            return ()
        return (self._rng.choice(self._scope.dimensions),)

    def _define(self, text: str, shape: Shape, origin: Origin) -> None:
        name = self._source.take(on_left=True)
        self._lines.append(f"{name} = {text}")
        self._scope.values.append(Value(name, shape, origin))

    # States

    def _state(self, name: str, shape: Shape) -> None:
        self._lines.append(f"{name}[t] = {self._update(name, shape)}")
        self._scope.values.append(Value(f"{name}[t]", shape, Origin.STATE))

    def _update(self, name: str, shape: Shape) -> str:
        rng, some = self._rng, self._expressions
        values = self._scope.readable(shape, Origin.STATE)
        draw = rng.random()
        if draw < 0.4:
            return some.bounded(some.expression(shape, self._size())).text
        if draw < 0.55:
            gate = some.bounded(some.expression(shape, 4)).text
            other = some.bounded(some.expression(shape, 4)).text
            return f"{gate} * {name}[t-1] + (1 - {gate}) * {other}"
        if draw < 0.7:
            change = some.bounded(some.expression(shape, self._size())).text
            return f"{rng.choice(('0.5', '0.9'))} * {name}[t-1] + {change}"
        if draw < 0.8:
            return some.expression(shape, rng.choice((2, 3, 5))).text
        if draw < 0.88 and values:
            return rng.choice(values).text
        if draw < 0.92:
            return some.expression(shape, 3, Origin.FIXED).text
        if draw < 0.96:
            return some.expression(shape, 4, Origin.INPUT).text
        if shape == ():
            return rng.choice((f"{name}[t-1] + 1", "1", "0.5"))
        return f"{name}[t-1] + {rng.choice(('1', '-0.5'))}"

    # Locals

    def _local(self) -> None:
        rng, some, shape = self._rng, self._expressions, self._shape()
        draw = rng.random()
        values = self._scope.readable(shape, Origin.STATE)
        if draw < 0.08:
            self._define(some.expression((), 1, Origin.FIXED).text, (), Origin.FIXED)
        elif draw < 0.16 and values:
            value = rng.choice(values)
            self._define(value.text, shape, value.origin)
        elif draw < 0.3:
            text = some.expression(shape, rng.randint(1, 4), Origin.FIXED).text
            self._define(text, shape, Origin.FIXED)
        elif draw < 0.45:
            text = some.expression(shape, self._size(), Origin.INPUT).text
            self._define(text, shape, Origin.INPUT)
        else:
            text = some.expression(shape, self._size()).text
            self._define(text, shape, Origin.STATE)

    def _gates(self) -> None:
        """Two to four values of one shape, each made of products with the same two
        operands, and biases, which all are stored together."""
        rng, scope = self._rng, self._scope
        vectors = [v for v in scope.values if len(v.shape) == 1]
        if not vectors:
            self._local()
            return
        shape: Shape = (rng.choice(scope.dimensions),)
        operands = [rng.choice(vectors) for _ in range(rng.choice((1, 2, 2, 3)))]
        with_bias = rng.random() < 0.7
        families = [self._family() for _ in range(2 * len(operands))]
        activated = rng.random() < 0.8
        for _ in range(rng.randint(2, 4)):
            terms: list[Text] = []
            for index, operand in enumerate(operands):
                matrix = scope.parameter(
                    (shape[0], operand.shape[0]), family=families[2 * index], fresh=True
                )
                terms.append(Text(f"{matrix.text} @ {operand.text}"))
                if with_bias:
                    bias = scope.parameter(
                        shape,
                        is_bias=True,
                        family=families[2 * index + 1],
                        fresh=True,
                    )
                    terms.append(Text(bias.text))
            if rng.random() < 0.3:
                rng.shuffle(terms)
            if rng.random() < 0.2:
                terms.append(self._expressions.expression(shape, 2))
            total = self._expressions.added(terms)
            inner = self._expressions.bounded(total) if activated else total
            self._define(inner.text, shape, Origin.STATE)

    def _family(self) -> int:
        self._families += 1
        return self._families

    # The output

    def _output(self) -> str:
        rng, some = self._rng, self._expressions
        updated = [f"{name}[t]" for name, _ in self._states]
        draw = rng.random()
        if draw < 0.45:
            return rng.choice(updated)
        if draw < 0.6:
            return rng.choice(self._scope.values).text
        if draw < 0.65:
            return some.expression(self._shape(), 3, Origin.INPUT).text
        if draw < 0.67:
            return some.expression(self._shape(), 3, Origin.FIXED).text
        return some.expression(self._shape(), self._size()).text
