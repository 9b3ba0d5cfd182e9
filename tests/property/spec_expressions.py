"""Random expressions of a given shape, in everything the language has."""

from __future__ import annotations

from collections.abc import Callable

from spec_scope import Origin, Scope, Shape, Value
from spec_text import EXPONENTS, NUMBERS, POSITIVE_EXPONENTS, Binding, Text

UNARY = (
    "sigmoid({})",
    "tanh({})",
    "sigmoid({})",
    "tanh({})",
    "relu({})",
    "softplus({})",
    "abs({})",
    "sign({})",
    "sin({})",
    "cos({})",
    "erf({})",
    "silu({})",
    "gelu({})",
    "elu({})",
    "elu({}, 0.7)",
    "leaky_relu({})",
    "leaky_relu({}, 0.2)",
    "selu({})",
    "softsign({})",
    "hard_sigmoid({})",
    "hard_tanh({})",
    "log_sigmoid({})",
    "clamp({}, -0.4, 0.6)",
    "clamp({}, -1, 1)",
)
BOUNDED = ("tanh({})", "sigmoid({})", "sin({})", "softsign({})", "hard_tanh({})")
POSITIVE = (
    ("softplus({}) + 0.1", Binding.SUM),
    ("1 + tanh({}) ** 2", Binding.SUM),
    ("exp(tanh({}))", Binding.ATOM),
    ("abs(tanh({})) + 0.2", Binding.SUM),
    ("sigmoid({}) + 0.05", Binding.SUM),
    ("2 - sin({})", Binding.SUM),
)
OF_POSITIVE = ("log({})", "sqrt({})")
REDUCTIONS = ("sum({})", "mean({})", "largest({})", "smallest({})")
# A large epsilon keeps the derivative small where the entries are nearly equal.
ACROSS = (
    "softmax({})",
    "log_softmax({})",
    "layer_norm({}, 0.1)",
    "layer_norm({}, 0.5)",
    "rms_norm({}, 0.1)",
)
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


class Expressions:
    """Draws expressions over what a scope holds. ``size`` bounds the operations."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._rng = scope.rng
        self._origin = Origin.STATE

    def expression(
        self, shape: Shape, size: int, origin: Origin = Origin.STATE
    ) -> Text:
        """Any expression of a shape that depends on no more than ``origin``."""
        outer, self._origin = self._origin, origin
        found = self._any(shape, size)
        self._origin = outer
        return found

    def bounded(self, inner: Text) -> Text:
        """The expression, kept within a few units."""
        return Text(self._rng.choice(BOUNDED).format(inner.text))

    def _any(self, shape: Shape, size: int) -> Text:
        if size <= 1:
            return self._leaf(shape)
        kinds: list[tuple[float, Callable[[Shape, int], Text]]] = [
            (4, self.sum),
            (3, self._product),
            (2.5, self._function),
            (1, self._quotient),
            (1, self._where),
            (1, self._power),
            (1, self._of_positive),
            (0.7, self._negation),
            (0.7, self._extreme),
            (0.5, self._exponential),
        ]
        if self._scope.dimensions:
            kinds.append((0.7, self._across))
        if self._of_the_step(shape):
            kinds.append((0.6, self._clipped))
        if len(shape) == 1:
            kinds.append((4, self.matrix_product))
            if self._scope.products:
                kinds.append((1, self._again))
        if self._scope.functions:
            kinds.append((1.2, self._call))
        weights = [weight for weight, _ in kinds]
        ((_, kind),) = self._rng.choices(kinds, weights)
        return kind(shape, size)

    # Leaves

    def _leaf(self, shape: Shape) -> Text:
        values = self._scope.readable(shape, self._origin)
        draw = self._rng.random()
        if values and draw < 0.8:
            return Text(self._rng.choice(values).text)
        if shape == () and draw < 0.93:
            return self._number()
        return Text(self._scope.parameter(shape).text)

    def _number(self) -> Text:
        draw = self._rng.random()
        if draw < 0.2:
            return Text(self._scope.size() or "2")
        if draw < 0.5 and self._scope.constants:
            return Text(self._rng.choice(self._scope.constants))
        return Text(self._rng.choice(NUMBERS))

    # Arithmetic

    def _pair(self, shape: Shape, size: int) -> tuple[Text, Text]:
        """Two operands whose elementwise result has the shape."""
        left, right = shape, shape
        draw = self._rng.random()
        if shape and draw < 0.12:
            left = ()
        elif shape and draw < 0.24:
            right = ()
        share = self._rng.randint(1, max(1, size - 1))
        return self._any(left, share), self._any(right, max(1, size - share))

    def sum(self, shape: Shape, size: int) -> Text:
        """Terms in any order, biases among them."""
        count = self._rng.randint(2, 4)
        own = self._rng.randrange(count)
        terms: list[tuple[bool, Text]] = []
        for index in range(count):
            term = self._term(shape, max(1, size // count), index == own)
            terms.append((self._rng.random() < 0.2, term))
        return self._joined(terms)

    def _term(self, shape: Shape, size: int, is_own: bool) -> Text:
        draw = self._rng.random()
        if is_own:
            return self._any(shape, size)
        if draw < 0.3:
            return Text(self._scope.parameter(shape, is_bias=True).text)
        if shape and draw < 0.4:
            return self._any((), max(1, size - 1))
        if len(shape) == 1 and draw < 0.65:
            return self.matrix_product(shape, 2)
        return self._any(shape, size)

    def _joined(self, terms: list[tuple[bool, Text]]) -> Text:
        rng = self._rng
        text = terms[0][1].within(Binding.SUM, rng)
        for minus, term in terms[1:]:
            if not minus and term.binding is Binding.SUM and rng.random() < 0.5:
                text = f"{text} + ({term.text})"
            else:
                text = f"{text} {'-' if minus else '+'} "
                text += term.within(Binding.PRODUCT, rng)
        return Text(text, Binding.SUM)

    def added(self, terms: list[Text]) -> Text:
        """The sum of these terms."""
        return self._joined([(False, term) for term in terms])

    def _product(self, shape: Shape, size: int) -> Text:
        left, right = self._pair(shape, size - 1)
        first = left.within(Binding.PRODUCT, self._rng)
        second = right.within(Binding.SIGN, self._rng)
        return Text(f"{first} * {second}", Binding.PRODUCT)

    def _quotient(self, shape: Shape, size: int) -> Text:
        below, kind = self._rng.choice(POSITIVE)
        left, right = self._pair(shape, size - 1)
        divisor = Text(below.format(right.text), kind)
        first = left.within(Binding.PRODUCT, self._rng)
        if shape == () and self._rng.random() < 0.3:
            first = "1"
        second = divisor.within(Binding.SIGN, self._rng)
        return Text(f"{first} / {second}", Binding.PRODUCT)

    def _negation(self, shape: Shape, size: int) -> Text:
        inner = self._any(shape, size - 1).within(Binding.SIGN, self._rng)
        return Text(f"-{inner}", Binding.SIGN)

    def _power(self, shape: Shape, size: int) -> Text:
        inner = self._any(shape, size - 1)
        if self._rng.random() < 0.5:
            base = inner.within(Binding.ATOM, self._rng)
            exponent = self._rng.choice(EXPONENTS)
        else:
            form, kind = self._rng.choice(POSITIVE)
            positive = Text(form.format(inner.text), kind)
            base = positive.within(Binding.ATOM, self._rng)
            exponent = self._rng.choice(POSITIVE_EXPONENTS)
        return Text(f"{base} ** {exponent}", Binding.POWER)

    # Products with matrices

    def matrix_product(self, shape: Shape, size: int) -> Text:
        """A parameter times a value, most often times one that others read too."""
        columns = self._rng.choice(self._scope.dimensions)
        matrix = self._scope.parameter((shape[0], columns))
        plain = self._rng.random() < 0.6
        operand = self._leaf((columns,)) if plain else self._any((columns,), size - 1)
        text = f"{matrix.text} @ {operand.within(Binding.SIGN, self._rng)}"
        self._scope.products.append(Value(text, shape, self._origin))
        return Text(text, Binding.PRODUCT)

    def _again(self, shape: Shape, size: int) -> Text:
        """A product that was written before."""
        known = [
            p
            for p in self._scope.products
            if p.shape == shape and p.origin <= self._origin
        ]
        if not known:
            return self.matrix_product(shape, size)
        return Text(self._rng.choice(known).text, Binding.PRODUCT)

    # Functions

    def _function(self, shape: Shape, size: int) -> Text:
        inner = self._any(shape, size - 1).text
        return Text(self._rng.choice(UNARY).format(inner))

    def _across(self, shape: Shape, size: int) -> Text:
        """A function over the features of a vector, of any size for a scalar."""
        whole = shape or (self._rng.choice(self._scope.dimensions),)
        inner = self._any(whole, size - 1).text
        return Text(self._rng.choice(ACROSS if shape else REDUCTIONS).format(inner))

    def _of_the_step(self, shape: Shape) -> list[str]:
        """The inputs and states of a shape."""
        values = self._scope.readable(shape, self._origin)
        return [v.text for v in values if v.text.endswith(("[t]", "[t-1]"))]

    def _clipped(self, shape: Shape, size: int) -> Text:
        """What clips the gradient of a value of the step."""
        value = self._rng.choice(self._of_the_step(shape))
        other = self._any(shape, size - 1).within(Binding.PRODUCT, self._rng)
        limit = self._rng.choice(("0.5", "0.1", "2"))
        return Text(f"clip_gradient({value} + {other}, {limit})")

    def _of_positive(self, shape: Shape, size: int) -> Text:
        form, _ = self._rng.choice(POSITIVE)
        positive = form.format(self._any(shape, size - 2).text)
        return Text(self._rng.choice(OF_POSITIVE).format(positive))

    def _exponential(self, shape: Shape, size: int) -> Text:
        inner = self._any(shape, size - 2).text
        form = self._rng.choice(("exp(tanh({}))", "exp(-softplus({}))"))
        return Text(form.format(inner))

    def _extreme(self, shape: Shape, size: int) -> Text:
        left, right = self._pair(shape, size - 1)
        function = self._rng.choice(("min", "max"))
        return Text(f"{function}({left.text}, {right.text})")

    def _where(self, shape: Shape, size: int) -> Text:
        share = max(1, size // 4)
        low, high = self._pair(shape, share)
        compared = self._rng.choice(COMPARISONS)
        condition = (
            f"{low.within(Binding.SUM, self._rng)} {compared} "
            f"{high.within(Binding.SUM, self._rng)}"
        )
        if self._rng.random() < 0.1:
            condition = f"({condition})"
        yes, no = self._pair(shape, 2 * share)
        return Text(f"where({condition}, {yes.text}, {no.text})")

    def _call(self, shape: Shape, size: int) -> Text:
        name, count = self._rng.choice(self._scope.functions)
        whole = self._rng.randrange(count)
        arguments = [
            self._any(
                shape if i == whole or self._rng.random() < 0.8 else (),
                max(1, size // count),
            ).text
            for i in range(count)
        ]
        return Text(f"{name}({', '.join(arguments)})")
