"""The derivatives of the function table, against torch and against differences."""

from __future__ import annotations

import re

import pytest
import torch
from step_values import FUNCTIONS as TORCH
from step_values import assert_same, formula_value
from torch import Tensor

from rnndsl.formulas.formula import Compare, Formula, Symbol
from rnndsl.formulas.functions import BACKWARD, FUNCTIONS, Function

CONSTANTS = {
    "elu": (1.3,),
    "leaky_relu": (0.2,),
    "clamp": (-0.7, 0.9),
    "clip_gradient": (0.8,),
}
POSITIVE = ("log", "sqrt")
CONDITION = Compare(">", Symbol("u"), Symbol("v"))
DIFFERENTIABLE = [
    pytest.param(function, index, id=f"{function.name}-{operand}")
    for function in FUNCTIONS.values()
    for index, operand in enumerate(function.operands)
    if function.adjoints[index] is not None
]
NAMES = ("u", "v")
EXTREMES = (-1e4, -100.0, 0.0, 100.0, 1e4)


def operands_of(function: Function) -> tuple[Formula, ...]:
    if function.name == "where":
        return (CONDITION, Symbol("u"), Symbol("v"))
    return tuple(Symbol(name) for name in NAMES[: len(function.operands)])


def adjoint(function: Function, index: int) -> Formula:
    """What leaves at an operand, from the symbols d, y and u, v."""
    found = function.adjoints[index]
    assert found is not None
    constants = CONSTANTS.get(function.name, ())
    return found(Symbol("d"), Symbol("y"), *operands_of(function), *constants)


def applied(function: Function, values: dict[str, Tensor]) -> Tensor:
    arguments = [formula_value(o, values) for o in operands_of(function)]
    return TORCH[function.name](*arguments, *CONSTANTS.get(function.name, ()))


def points(function: Function) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(len(function.name))
    drawn = 3 * torch.randn(2, 40, generator=generator, dtype=torch.float64)
    if function.name in POSITIVE:
        drawn = drawn.abs() + 0.1
    return dict(zip(NAMES, drawn, strict=True))


def test_all_constants_that_must_be_given_are() -> None:
    needed = {name for name, function in FUNCTIONS.items() if function.constants}
    assert set(CONSTANTS) == needed
    assert set(TORCH) == set(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_value_is_that_of_torch(function: Function) -> None:
    values = points(function)
    expected = applied(function, values)
    arguments = zip(
        *(formula_value(o, values).tolist() for o in operands_of(function)), strict=True
    )
    constants = CONSTANTS.get(function.name, ())
    found = [function.value(*each, *constants) for each in arguments]
    assert_same(torch.tensor(found, dtype=torch.float64), expected)


@pytest.mark.parametrize(("function", "index"), DIFFERENTIABLE)
def test_adjoint_is_that_of_torch(function: Function, index: int) -> None:
    values = {name: v.requires_grad_() for name, v in points(function).items()}
    result = applied(function, values)
    arriving = torch.linspace(-2, 3, 40, dtype=torch.float64)
    name = NAMES[index - 1 if function.name == "where" else index]
    (expected,) = torch.autograd.grad(result, values[name], arriving)
    known = {**values, "y": result, "d": arriving}
    found = formula_value(adjoint(function, index), known).detach()
    # torch takes 1/6 in single precision here.
    assert_same(found, expected, 1e-7 if function.name == "hard_sigmoid" else 1e-12)


@pytest.mark.parametrize(
    ("function", "index"),
    [case for case in DIFFERENTIABLE if not case.values[0].alters_gradient],
)
def test_adjoint_is_that_of_differences(function: Function, index: int) -> None:
    values = points(function)
    name = NAMES[index - 1 if function.name == "where" else index]
    known = {**values, "y": applied(function, values), "d": torch.ones(40)}
    found = formula_value(adjoint(function, index), known)
    constants = CONSTANTS.get(function.name, ())
    step = 1e-6

    def moved(by: float) -> Tensor:
        shifted = {**values, name: values[name] + by}
        # The choice stays, where it depends on what is moved.
        first = [values["u"] > values["v"]] if function.name == "where" else []
        names = NAMES[: len(function.operands) - len(first)]
        arguments = zip(
            *(part.tolist() for part in (*first, *(shifted[n] for n in names))),
            strict=True,
        )
        results = [function.value(*each, *constants) for each in arguments]
        return torch.tensor(results, dtype=torch.float64)

    expected = (moved(step) - moved(-step)) / (2 * step)
    assert_same(found.expand(40), expected, 1e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=["fp32", "fp16"])
@pytest.mark.parametrize(("function", "index"), DIFFERENTIABLE)
def test_adjoint_is_finite_where_the_function_is(
    function: Function, index: int, dtype: torch.dtype
) -> None:
    grid = torch.tensor(EXTREMES, dtype=dtype)
    values = {"u": grid.repeat_interleave(5), "v": grid.repeat(5)}
    result = applied(function, values)
    known = {**values, "y": result, "d": torch.ones(25, dtype=dtype)}
    found = formula_value(adjoint(function, index), known).expand(25)
    domain = torch.isfinite(result)
    if function.name in POSITIVE:
        domain &= values["u"] > 0
    assert domain.any()
    assert torch.isfinite(found[domain]).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["fp64", "fp32"])
@pytest.mark.parametrize("name", BACKWARD)
def test_backward_functions_are_those_of_torch(name: str, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(1)
    d, u = 3 * torch.randn(2, 50, generator=generator, dtype=dtype)
    extremes = torch.tensor(EXTREMES, dtype=dtype)
    u, d = torch.cat((u, extremes)), torch.cat((d, torch.ones(5, dtype=dtype)))
    aten = torch.ops.aten
    if name == "relu_backward":
        expected = aten.threshold_backward(d, u, 0)
    else:
        if name in ("sigmoid_backward", "tanh_backward"):
            u = TORCH[name.removesuffix("_backward")](u)
        expected = getattr(aten, name)(d, u)
    formula = BACKWARD[name](Symbol("d"), Symbol("u"))
    found = formula_value(formula, {"d": d, "u": u})
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_latex_has_a_place_for_each_argument(function: Function) -> None:
    places = {int(place) for place in re.findall(r"\{(\d)\}", function.latex)}
    count = len(function.operands) + len(function.constants)
    assert places == set(range(count))


def test_a_tie_sends_half_to_each_operand() -> None:
    values = {"u": torch.tensor([2.0]), "v": torch.tensor([2.0])}
    known = {**values, "y": values["u"], "d": torch.tensor([3.0])}
    for name in ("min", "max"):
        for index in (0, 1):
            assert formula_value(adjoint(FUNCTIONS[name], index), known) == 1.5
