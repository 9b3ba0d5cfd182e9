"""Cells that are torch's LSTM, GRU or RNN by their equations, which is proved.

Each value of the step is a polynomial in inputs, old states, parameters, products and
functions (``polynomials.py``), and a form is a set of equations between such
polynomials. Names, the order of terms, factors, gates and equations, and locals that
split or join expressions are not seen by it. Of functions nothing is known but that
equal arguments give equal values: ``sigmoid(-u)`` is not ``1 - sigmoid(u)`` here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import permutations
from typing import TypeAlias

from rnndsl.analysis.program import Cell
from rnndsl.ir.graph import StepGraph
from rnndsl.symbolic.polynomials import (
    Kind,
    NotPolynomialError,
    Opaque,
    Polynomial,
    Polynomials,
)

# Of each gate, a member of a stored parameter; None where it has none.
Members: TypeAlias = tuple[str | None, ...]


class VendorFunction(Enum):
    """The functions of torch that run a layer; the values are torch's names."""

    LSTM = "lstm"
    GRU = "gru"
    RNN_TANH = "rnn_tanh"
    RNN_RELU = "rnn_relu"


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorForm:
    """A cell as one of torch's: its states, and the members that are its weights and
    biases, gate by gate, in torch's order."""

    function: VendorFunction
    states: tuple[str, ...]
    weight_ih: Members
    weight_hh: Members
    bias_ih: Members
    bias_hh: Members


@dataclass(frozen=True, slots=True)
class _Sum:
    """The matrix of the input, that of the old state, and the biases of a gate."""

    weight_ih: str | None
    weight_hh: str | None
    biases: tuple[str, ...]

    @property
    def is_gate(self) -> bool:
        """Whether it is one of torch's gates, which have at most two biases."""
        has_both = self.weight_ih is not None and self.weight_hh is not None
        return has_both and len(self.biases) <= 2


@dataclass(frozen=True, slots=True)
class _Applied:
    """A function's value and its argument."""

    value: Polynomial
    argument: Polynomial


def vendor_form(graph: StepGraph) -> VendorForm | None:
    """Which of torch's cells a step is for all finite values of inputs, states and
    parameters, or None if it is not proved to be one."""
    cell = graph.cell
    shapes = [state.shape for state in cell.states]
    if len(shapes) not in (1, 2) or len(shapes[0]) != 1 or shapes[0] != shapes[-1]:
        return None
    if len(cell.inputs) != 1 or cell.inputs[0].one_hot or cell.emitted:
        return None
    try:
        step = _Step(graph)
    except NotPolynomialError:
        return None
    for form in _forms(step):
        if form is not None and _are_different(form):
            return form
    return None


def _forms(step: _Step) -> Iterator[VendorForm | None]:
    """The step as each of the forms that have so many states."""
    names = [state.name for state in step.cell.states]
    if len(names) == 1:
        yield _rnn(step, names[0])
        yield _gru(step, names[0])
    else:
        for h, c in permutations(names):
            yield _lstm(step, h, c)


def _are_different(form: VendorForm) -> bool:
    """Whether each member has one place: torch's weights are independent."""
    places = (*form.weight_ih, *form.weight_hh, *form.bias_ih, *form.bias_hh)
    members = [name for name in places if name is not None]
    return len(dict.fromkeys(members)) == len(members)


class _Step:
    """What a step computes."""

    def __init__(self, graph: StepGraph) -> None:
        self.cell: Cell = graph.cell
        self._values = Polynomials(graph)
        self._nodes = {
            state.name: node
            for state, node in zip(graph.cell.states, graph.new_states, strict=True)
        }
        self.output: Polynomial = self._values.of(graph.output)

    def old(self, state: str) -> Polynomial:
        return self._values.state(state)

    def new(self, state: str) -> Polynomial:
        return self._values.of(self._nodes[state])

    def functions(self, name: str, value: Polynomial) -> list[_Applied]:
        """Where this function of the table stands in a value."""
        return [
            _Applied(symbol, meaning.argument)
            for symbol, meaning in self._values.opaque(value)
            if meaning.kind is Kind.FUNCTION and meaning.name == name
        ]

    def gate(self, value: Polynomial, h: str) -> _Sum | None:
        """A value as a sum of products with the input and with the old state ``h``, at
        most one of each, and biases; None if it is not."""
        terms = self._values.opaque(value)
        if value != sum(symbol for symbol, _ in terms):
            return None
        of_input: list[str] = []
        of_state: list[str] = []
        biases: list[str] = []
        for _, meaning in terms:
            if self._is_product(meaning, Kind.INPUT, self.cell.inputs[0].name):
                of_input.append(meaning.name)
            elif self._is_product(meaning, Kind.STATE, h):
                of_state.append(meaning.name)
            elif self._is_bias(meaning):
                biases.append(meaning.name)
            else:
                return None
        if len(of_input) > 1 or len(of_state) > 1:
            return None
        return _Sum(
            of_input[0] if of_input else None,
            of_state[0] if of_state else None,
            tuple(sorted(biases, key=self.place)),
        )

    def place(self, member: str) -> tuple[int, int]:
        """Which of the stored parameters a member is in, and where there."""
        for index, parameter in enumerate(self.cell.parameters):
            names = [own.name for own in parameter.members]
            if member in names:
                return index, names.index(member)
        raise KeyError(member)

    def _is_product(self, meaning: Opaque, kind: Kind, name: str) -> bool:
        if meaning.kind is not Kind.PRODUCT:
            return False
        operand = self._values.opaque(meaning.argument)
        return [(meaning.argument, Opaque(kind, name))] == list(operand)

    def _is_bias(self, meaning: Opaque) -> bool:
        if meaning.kind is not Kind.PARAMETER:
            return False
        parameter = self.cell.parameters[self.place(meaning.name)[0]]
        return parameter.member_shape == self.cell.states[0].shape


def _lstm(step: _Step, h: str, c: str) -> VendorForm | None:
    """c = f * c_prev + i * g, h = o * tanh(c)."""
    new_h, new_c, c_prev = step.new(h), step.new(c), step.old(c)
    match step.functions("sigmoid", new_h), step.functions("tanh", new_h):
        case [o], [tanh_c] if new_h == o.value * tanh_c.value:
            pass
        case _:
            return None
    if tanh_c.argument != new_c or step.output != new_h:
        return None
    match step.functions("sigmoid", new_c), step.functions("tanh", new_c):
        case [i, f], [g] if new_c == f.value * c_prev + i.value * g.value:
            pass
        case [f, i], [g] if new_c == f.value * c_prev + i.value * g.value:
            pass
        case _:
            return None
    sums = [step.gate(own.argument, h) for own in (i, f, g, o)]
    gates = [gate for gate in sums if gate is not None and gate.is_gate]
    if len(gates) < 4:
        return None
    biases = tuple(gate.biases for gate in gates)
    return _form(VendorFunction.LSTM, (h, c), gates, biases)


def _gru(step: _Step, h: str) -> VendorForm | None:
    """n = tanh(W_n x + b_n + r * (U_n h_prev + d_n)), h = (1 - z) * n + z * h_prev."""
    new_h, h_prev = step.new(h), step.old(h)
    match step.functions("sigmoid", new_h), step.functions("tanh", new_h):
        case [z], [n] if new_h == (1 - z.value) * n.value + z.value * h_prev:
            pass
        case _:
            return None
    match step.functions("sigmoid", n.argument):
        case [r] if step.output == new_h:
            pass
        case _:
            return None
    times_r = n.argument.diff(r.value)
    outer = step.gate(n.argument - r.value * times_r, h)
    inner = step.gate(times_r, h)
    if outer is None or outer.weight_ih is None or outer.weight_hh is not None:
        return None
    if inner is None or inner.weight_hh is None or inner.weight_ih is not None:
        return None
    if len(outer.biases) > 1 or len(inner.biases) > 1:
        return None
    sums = [step.gate(own.argument, h) for own in (r, z)]
    gates = [gate for gate in sums if gate is not None and gate.is_gate]
    if len(gates) < 2:
        return None
    gates.append(_Sum(outer.weight_ih, inner.weight_hh, ()))
    b_n, d_n = (next(iter(part.biases), None) for part in (outer, inner))
    biases = [_beside(step, gate.biases, b_n, d_n) for gate in gates[:2]]
    return _form(VendorFunction.GRU, (h,), gates, (*biases, (b_n, d_n)))


def _beside(step: _Step, own: Members, b_n: str | None, d_n: str | None) -> Members:
    """The biases of a gate, each where the one of its group has to be."""

    def group(member: str | None) -> int | None:
        return None if member is None else step.place(member)[0]

    groups = [group(member) for member in own]
    outer, inner = group(b_n), group(d_n)
    is_inner = inner is not None and inner != outer and groups[:1] == [inner]
    is_outer = outer is not None and inner != outer and groups[1:] == [outer]
    if is_inner or is_outer:
        return (None, *own) if len(own) == 1 else own[::-1]
    return own


def _rnn(step: _Step, h: str) -> VendorForm | None:
    """h = tanh(W x + b + U h_prev + d), or relu."""
    new_h = step.new(h)
    for name, function in (
        ("tanh", VendorFunction.RNN_TANH),
        ("relu", VendorFunction.RNN_RELU),
    ):
        match step.functions(name, new_h):
            case [applied] if new_h == applied.value == step.output:
                gate = step.gate(applied.argument, h)
                if gate is not None and gate.is_gate:
                    return _form(function, (h,), [gate], (gate.biases,))
    return None


def _form(
    function: VendorFunction,
    states: tuple[str, ...],
    gates: list[_Sum],
    biases: tuple[Members, ...],
) -> VendorForm:
    """``biases`` are at most two of each gate, the input's first."""
    padded = [(*own, None, None) for own in biases]
    return VendorForm(
        function=function,
        states=states,
        weight_ih=tuple(gate.weight_ih for gate in gates),
        weight_hh=tuple(gate.weight_hh for gate in gates),
        bias_ih=tuple(own[0] for own in padded),
        bias_hh=tuple(own[1] for own in padded),
    )
