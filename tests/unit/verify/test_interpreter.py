"""The interpreter on cells small enough to compute by hand."""

from __future__ import annotations

import ast
import inspect
import math
from types import ModuleType

import pytest
import torch
from handmade_cells import (
    after,
    applied,
    before,
    binary,
    cell,
    compared,
    dimension,
    elman,
    equation,
    local,
    negated,
    now,
    number,
    parameter,
    raised,
    state,
    stored,
)
from torch import Tensor

from rnndsl.analysis.program import Cell
from rnndsl.verify import definitions, interpreter, structures
from rnndsl.verify.interpreter import members, run_sequence, step


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def test_one_step_of_every_kind_of_expression() -> None:
    x, h = now("x", "H"), before("h", "H")
    chosen = applied(
        "where", compared(x, "<=", number(0.5)), binary(x, "/", dimension("H")), h
    )
    spec = cell(
        inputs={"x": ("H",), "dt": ()},
        states=(state("h", ("H",)), state("n", ())),
        parameters=(stored("a", ("H",)), stored("s", (), "s_p", "s_q")),
        equations=(
            equation("u", chosen, is_state=False),
            equation("n", binary(before("n"), "+", now("dt")), is_state=True),
            equation(
                "h",
                binary(
                    binary(local("u", "H"), "*", parameter("a", "H")),
                    "-",
                    binary(
                        raised(negated(h), 2.0),
                        "*",
                        binary(parameter("s_q"), "*", after("n")),
                    ),
                ),
                is_state=True,
            ),
        ),
        output=binary(after("h", "H"), "+", parameter("s_p")),
        dimensions=(("H", "hidden_size"),),
    )
    sizes = {"H": 2}
    inputs = {"x": tensor(0.5, 0.75), "dt": scalar(0.25)}
    values = members(
        spec, sizes, {"a": tensor(2.0, -4.0), "s": tensor(10.0, 0.5)}, inputs["x"]
    )
    output, new = step(
        spec, sizes, inputs, {"h": tensor(3.0, 5.0), "n": scalar(1.75)}, values
    )
    # u = (0.5 / 2, 5), n = 2, h = u * a - h^2 * 0.5 * 2
    assert new["n"].item() == 2.0
    assert new["h"].tolist() == [0.5 - 9.0, -20.0 - 25.0]
    assert output.tolist() == [1.5, -35.0]


def test_a_product_takes_the_rows_of_its_matrix() -> None:
    spec = elman()
    sizes = {"I": 3, "H": 2}
    W = torch.tensor([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]], dtype=torch.float64)
    x = tensor(0.1, 0.2, -0.3)
    values = members(spec, sizes, {"W": W, "U": torch.eye(2).double()}, x)
    _, new = step(spec, sizes, {"x": x}, {"h": tensor(0.25, -0.5)}, values)
    expected = [math.tanh(0.1 + 0.4 - 0.9 + 0.25), math.tanh(-0.1 + 0.1 - 0.5)]
    assert new["h"].tolist() == pytest.approx(expected, abs=1e-15)


def test_members_are_row_blocks_and_absent_biases_zero() -> None:
    spec = cell(
        inputs={"x": ("I",)},
        states=(state("h", ("H",)),),
        parameters=(
            stored("W", ("H", "I"), "W_p", "W_q"),
            stored("b", ("H",), "b_p", "b_q", is_bias=True),
        ),
        equations=(equation("h", now("x", "H"), is_state=True),),
        output=after("h", "H"),
    )
    W = torch.arange(24, dtype=torch.float64).reshape(6, 4)
    found = members(spec, {"I": 4, "H": 3}, {"W": W}, W)
    assert torch.equal(found["W_p"], W[:3])
    assert torch.equal(found["W_q"], W[3:])
    assert torch.equal(found["b_q"], torch.zeros(3, dtype=torch.float64))


def test_a_missing_weight_is_no_zero() -> None:
    with pytest.raises(AssertionError, match="no value for parameter U"):
        members(elman(), {"I": 2, "H": 2}, {"W": torch.zeros(2, 2)}, tensor(0.0))


def counter() -> Cell:
    """s[t] = s[t-1] + x[t], starting at a learned s0; k counts steps from 7."""
    return cell(
        inputs={"x": ("H",)},
        states=(state("s", ("H",), "s0"), state("k", (), 7.0)),
        parameters=(stored("s0", ("H",)),),
        equations=(
            equation("s", binary(before("s", "H"), "+", now("x", "H")), is_state=True),
            equation("k", binary(before("k"), "+", number(1.0)), is_state=True),
        ),
        output=binary(after("s", "H"), "*", after("k")),
        dimensions=(("H", "hidden_size"),),
    )


@pytest.mark.parametrize("reverse", [False, True])
def test_sequences_lengths_and_declared_states(reverse: bool) -> None:
    x = torch.arange(1.0, 13.0, dtype=torch.float64).reshape(3, 2, 2)
    output, last = run_sequence(
        counter(),
        {"H": 2},
        {"x": x},
        None,
        {"s0": tensor(100.0, 200.0)},
        lengths=(3, 2),
        reverse=reverse,
    )
    assert last["k"].tolist() == [10.0, 9.0]
    assert last["s"].tolist() == [[115.0, 218.0], [110.0, 212.0]]
    first, second = (9.0, 5.0) if reverse else (1.0, 5.0)
    row = output[:, 0, 0].tolist()
    ends = (row[2], row[1], row[0]) if reverse else tuple(row)
    assert ends == (8 * (100 + first), 9 * (100 + first + second), 10 * 115.0)
    assert output[2, 1].tolist() == [0.0, 0.0]
    assert output[0, 1, 0].item() == (9 * 110.0 if reverse else 8 * 103.0)


def test_gradients_reach_a_learned_first_state() -> None:
    s0 = tensor(1.0, 2.0).requires_grad_()
    x = torch.ones(3, 2, 2, dtype=torch.float64)
    _, last = run_sequence(
        counter(),
        {"H": 2},
        {"x": x},
        None,
        {"s0": s0},
    )
    (gradient,) = torch.autograd.grad(last["s"].sum(), s0)
    assert gradient.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("module", [interpreter, definitions, structures])
def test_the_interpreter_shares_no_code_with_the_compiler(module: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(module))
    imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    imported |= {
        a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names
    }
    own = {name for name in imported if name is not None and "rnndsl" in name}
    assert own <= {
        "rnndsl.analysis.program",
        "rnndsl.verify.convolution",
        "rnndsl.verify.definitions",
        "rnndsl.verify.structures",
    }
