"""The resolved program: typed trees, stored tensors, dimensions, starting values."""

from __future__ import annotations

import math

import pytest
from analysis_specs import cell, cell_of, program_of

from rnndsl.analysis.program import (
    Applied,
    BinaryOperation,
    Compared,
    Constant,
    DrawnFrom,
    FilledWith,
    MatrixProduct,
    Negated,
    Raised,
    ReadCurrent,
    ReadDimension,
    ReadInput,
    ReadLocal,
    ReadParameter,
    ReadPrevious,
    TypedExpression,
)
from rnndsl.formulas.formula import Apply, Binary, Negate, Number, Symbol

LSTM = '''"""A spec."""

cell LSTM(I, H):
    """Long short-term memory."""
    input  x: [I]
    state  h: [H], c: [H]
    param  W_{i,f,g,o}: [H, I] as weight_ih
    param  U_{i,f,g,o}: [H, H] as weight_hh
    bias   b_{i,f,g,o}: [H]    as bias_ih
    bias   d_{i,f,g,o}: [H]    as bias_hh

    i = sigmoid(W_i @ x[t] + b_i + U_i @ h[t-1] + d_i)
    f = sigmoid(W_f @ x[t] + b_f + U_f @ h[t-1] + d_f)
    g = tanh(W_g @ x[t] + b_g + U_g @ h[t-1] + d_g)
    o = sigmoid(W_o @ x[t] + b_o + U_o @ h[t-1] + d_o)
    c[t] = f * c[t-1] + i * g
    h[t] = o * tanh(c[t])
    output h[t]
'''


def written(expression: TypedExpression) -> str:
    """A typed expression with every operation in brackets and every read by kind."""
    match expression:
        case Constant(name=None, value=value):
            return f"{value:g}"
        case Constant(name=name) | ReadDimension(name=name):
            return f"{name}"
        case ReadInput(name=name):
            return f"{name}.input"
        case ReadPrevious(name=name):
            return f"{name}.old"
        case ReadCurrent(name=name):
            return f"{name}.new"
        case ReadLocal(name=name):
            return f"{name}.local"
        case ReadParameter(name=name):
            return f"{name}.param"
        case MatrixProduct(matrix=matrix, operand=operand):
            return f"({written(matrix)} @ {written(operand)})"
        case BinaryOperation(operator=operator, left=left, right=right):
            return f"({written(left)} {operator} {written(right)})"
        case Compared(operator=comparison, left=left, right=right):
            return f"({written(left)} {comparison} {written(right)})"
        case Negated(operand=operand):
            return f"(-{written(operand)})"
        case Raised(base=base, exponent=exponent):
            return f"({written(base)} ** {exponent:g})"
        case Applied(function=function, operands=operands, constants=constants):
            shown = [*map(written, operands), *(f"{c:g}" for c in constants)]
            return f"{function}({', '.join(shown)})"


def test_lstm() -> None:
    program = program_of(LSTM)
    assert program.docstring == "A spec."
    assert program.source.name == "spec.rnn"
    (lstm,) = program.cells
    assert (lstm.name, lstm.docstring) == ("LSTM", "Long short-term memory.")
    assert [(d.name, d.argument) for d in lstm.dimensions] == [
        ("I", "input_size"),
        ("H", "hidden_size"),
    ]
    assert lstm.hidden == "H"
    assert [(i.name, i.shape) for i in lstm.inputs] == [("x", ("I",))]
    assert [(s.name, s.shape, s.initial) for s in lstm.states] == [
        ("h", ("H",), 0.0),
        ("c", ("H",), 0.0),
    ]
    stored = [
        (p.name, [m.name for m in p.members], p.member_shape, p.is_bias)
        for p in lstm.parameters
    ]
    assert stored == [
        ("weight_ih", ["W_i", "W_f", "W_g", "W_o"], ("H", "I"), False),
        ("weight_hh", ["U_i", "U_f", "U_g", "U_o"], ("H", "H"), False),
        ("bias_ih", ["b_i", "b_f", "b_g", "b_o"], ("H",), True),
        ("bias_hh", ["d_i", "d_f", "d_g", "d_o"], ("H",), True),
    ]
    assert {m.initial for p in lstm.parameters for m in p.members} == {None}
    assert [(e.target, e.is_state, e.line) for e in lstm.equations] == [
        ("i", False, 12),
        ("f", False, 13),
        ("g", False, 14),
        ("o", False, 15),
        ("c", True, 16),
        ("h", True, 17),
    ]
    texts = [e.text for e in lstm.equations]
    assert texts[4:] == ["c[t] = f * c[t-1] + i * g", "h[t] = o * tanh(c[t])"]
    assert written(lstm.equations[0].value) == (
        "sigmoid(((((W_i.param @ x.input) + b_i.param) "
        "+ (U_i.param @ h.old)) + d_i.param))"
    )
    assert written(lstm.equations[4].value) == (
        "((f.local * c.old) + (i.local * g.local))"
    )
    assert written(lstm.equations[5].value) == "(o.local * tanh(c.new))"
    assert written(lstm.output) == "h.new"


def test_gru_keeps_the_order_of_the_author() -> None:
    (gru,) = program_of("from zoo import GRU\n").cells
    assert [p.name for p in gru.parameters] == [
        "weight_ih",
        "weight_hh",
        "bias_ih",
        "bias_hh",
    ]
    equations = {e.target: written(e.value) for e in gru.equations}
    assert equations["n"] == (
        "tanh((((W_n.param @ x.input) + b_n.param) "
        "+ (r.local * ((U_n.param @ h.old) + d_n.param))))"
    )
    assert equations["h"] == "(((1 - z.local) * n.local) + (z.local * h.old))"


def test_peephole_lstm_reads_old_and_new_cells() -> None:
    (peephole,) = program_of("from zoo import PeepholeLSTM as Gers\n").cells
    assert peephole.name == "Gers"
    shapes = {p.name: p.member_shape for p in peephole.parameters}
    assert shapes["weight_peephole"] == ("H",)
    equations = {e.target: written(e.value) for e in peephole.equations}
    assert "(p_i.param * c.old)" in equations["i"]
    assert "(p_o.param * c.new)" in equations["o"]
    assert list(equations) == ["i", "f", "g", "c", "o", "h"]


EXPRESSIONS = {
    "-used ** 2": "(-(used.local ** 2))",
    "U @ used * w": "((U.param @ used.local) * w.param)",
    "used - (w - b)": "(used.local - (w.param - b.param))",
    "used / w / w": "((used.local / w.param) / w.param)",
    "used ** two ** two": "(used.local ** 4)",
    "two * used": "(two * used.local)",
    "pi * used / H": "((pi * used.local) / H)",
    "clamp(used, -two, 3 - two)": "clamp(used.local, -2, 1)",
    "elu(used)": "elu(used.local, 1)",
    "where(k >= 0, used, two)": "where((k.param >= 0), used.local, two)",
    "(U) @ (used)": "(U.param @ used.local)",
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions(text: str) -> None:
    resolved = cell_of(cell(f"h[t] = {text}"))
    (value,) = (e.value for e in resolved.equations if e.target == "h")
    assert written(value) == EXPRESSIONS[text]
    assert value.shape == ("H",)
    assert value.span.text == text


def test_shapes_of_results() -> None:
    resolved = cell_of(cell("g = W @ x[t]\nm = k * two\nh[t] = g * m + used"))
    shapes = {e.target: e.value.shape for e in resolved.equations}
    assert shapes == {"used": ("H",), "g": ("H",), "m": (), "h": ("H",), "c": ("H",)}


def test_named_constants_keep_value_and_name() -> None:
    resolved = cell_of(cell("h[t] = pi * used + two"))
    (value,) = (e.value for e in resolved.equations if e.target == "h")
    assert isinstance(value, BinaryOperation)
    assert isinstance(value.left, BinaryOperation)
    pi, two = value.left.left, value.right
    assert isinstance(pi, Constant)
    assert isinstance(two, Constant)
    assert (pi.name, pi.value) == ("pi", math.pi)
    assert (two.name, two.value) == ("two", 2.0)


DEFAULTS = """\
cell A(D as width, K, Q):
    input x: [D], dt: []
    state s: [], h: [K] = start, m: [Q] = -1.5
    param W_{1,2}: [K, D], v: [Q], start: [K], n_: [K]
    h[t] = (
        W_1 @ x[t]  # the first
        + W_2 @ x[t] + dt[t] + n_ * h[t-1]
    )
    s[t] = s[t-1] + dt[t]
    m[t] = v * s[t] + m[t-1]
    output m[t] * s[t]
"""


def test_names_and_dimensions_by_default() -> None:
    resolved = cell_of(DEFAULTS)
    assert [(d.name, d.argument) for d in resolved.dimensions] == [
        ("D", "width"),
        ("K", "k_size"),
        ("Q", "q_size"),
    ]
    assert resolved.hidden == "K"
    assert [p.name for p in resolved.parameters] == ["W", "v", "start", "n_"]
    assert [s.initial for s in resolved.states] == [0.0, "start", -1.5]
    assert resolved.output.shape == ("Q",)


def test_equation_over_several_lines_is_written_on_one() -> None:
    equation = cell_of(DEFAULTS).equations[0]
    assert equation.text == ("h[t] = ( W_1 @ x[t] + W_2 @ x[t] + dt[t] + n_ * h[t-1] )")
    assert equation.line == 5


def test_numbers_as_dimensions() -> None:
    resolved = cell_of(
        """\
cell A(I):
    input x: [I]
    state h: [7]
    param W: [7, I]
    h[t] = W @ x[t] + h[t-1]
    output h[t]
"""
    )
    assert resolved.hidden == 7
    assert resolved.states[0].shape == (7,)
    assert resolved.parameters[0].member_shape == (7, "I")


def test_starting_values() -> None:
    declarations = """\
bias d_{i,f}: [H] = {0.5, two ** 3}
param v: [H] ~ uniform(-1/sqrt(H), 2 * two)
param R: [H, H] ~ orthogonal
param e: [H] ~ normal(0, max(1, H))"""
    resolved = cell_of(cell("h[t] = used + d_i + d_f + v + R @ e", declarations))
    initials = {m.name: m.initial for p in resolved.parameters for m in p.members}
    span = resolved.span
    assert initials["d_i"] == FilledWith(span=span, value=0.5)
    assert initials["d_f"] == FilledWith(span=span, value=8.0)
    low = Binary("/", Negate(Number(1.0)), Apply("sqrt", (Symbol("H"),)))
    assert initials["v"] == DrawnFrom(
        span=span, function="uniform", arguments=(low, Number(4.0))
    )
    assert initials["R"] == DrawnFrom(span=span, function="orthogonal", arguments=())
    assert initials["e"] == DrawnFrom(
        span=span,
        function="normal",
        arguments=(Number(0.0), Apply("max", (Number(1.0), Symbol("H")))),
    )
    assert initials["w"] is None
