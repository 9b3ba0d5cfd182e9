"""The interpreter's functions against the function table's values and torch's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from rnndsl.formulas.features import FEATURE_FUNCTIONS
from rnndsl.formulas.functions import FUNCTIONS
from rnndsl.verify.definitions import apply_across, apply_function

POINTS = torch.tensor(
    [-30.0, -3.5, -3.0, -2.2, -1.0, -0.4, 0.0, 0.3, 1.0, 1.7, 3.0, 4.1, 30.0],
    dtype=torch.float64,
)
SETTINGS = {
    "elu": (0.7,),
    "leaky_relu": (0.2,),
    "clamp": (-1.2, 2.0),
    "clip_gradient": (0.4,),
}
POSITIVE = ("log", "sqrt")
UNARY = [name for name, f in FUNCTIONS.items() if len(f.operands) == 1]


def points(name: str) -> Tensor:
    return POINTS[POINTS > 0] if name in POSITIVE else POINTS


@pytest.mark.parametrize("name", UNARY)
def test_unary_values_are_those_of_the_table(name: str) -> None:
    constants = SETTINGS.get(name, ())
    found = apply_function(name, (points(name),), constants)
    wanted = [FUNCTIONS[name].value(u, *constants) for u in points(name).tolist()]
    expected = torch.tensor(wanted, dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", ["min", "max"])
def test_binary_values_are_those_of_the_table(name: str) -> None:
    u, v = POINTS, POINTS.flip(0)
    found = apply_function(name, (u, v), ())
    wanted = [
        FUNCTIONS[name].value(a, b) for a, b in zip(u.tolist(), v.tolist(), strict=True)
    ]
    assert found.tolist() == wanted


def test_where_chooses_by_the_condition() -> None:
    found = apply_function("where", (POINTS > 0.5, POINTS, -POINTS), ())
    assert found.tolist() == [u if u > 0.5 else -u for u in POINTS.tolist()]


ACROSS: dict[str, Callable[[Tensor], Tensor]] = {
    "sum": torch.sum,
    "mean": torch.mean,
    "largest": torch.amax,
    "smallest": torch.amin,
    "softmax": lambda u: torch.softmax(u, 0),
    "log_softmax": lambda u: torch.log_softmax(u, 0),
    "layer_norm": lambda u: functional.layer_norm(u, u.shape, eps=0.3),
    "rms_norm": lambda u: functional.rms_norm(u, u.shape, eps=0.3),
}


@pytest.mark.parametrize("name", FEATURE_FUNCTIONS)
def test_functions_over_features_are_torchs_own(name: str) -> None:
    """With two equal entries at either end, which share the gradient."""
    u = torch.cat((POINTS, POINTS[[0, -1]])).requires_grad_()
    constants = (0.3,) * len(FEATURE_FUNCTIONS[name].constants)
    found, expected = apply_across(name, u, constants), ACROSS[name](u)
    d = torch.linspace(-1, 2, found.numel(), dtype=torch.float64).reshape(found.shape)
    (slope,) = torch.autograd.grad(found, u, d)
    (wanted,) = torch.autograd.grad(expected, u, d)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(slope, wanted, rtol=1e-12, atol=1e-14)


def test_a_clipped_gradient_stays_within_its_limit() -> None:
    u = POINTS.clone().requires_grad_()
    clipped = apply_function("clip_gradient", (u,), (0.4,))
    (slope,) = torch.autograd.grad((clipped**2).sum(), u)
    assert clipped.tolist() == POINTS.tolist()
    assert slope.tolist() == [min(max(2 * v, -0.4), 0.4) for v in POINTS.tolist()]


TORCH_OWN: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "relu": functional.relu,
    "softplus": functional.softplus,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "elu": lambda u: functional.elu(u, 0.7),
    "leaky_relu": lambda u: functional.leaky_relu(u, 0.2),
    "selu": functional.selu,
    "softsign": functional.softsign,
    "hard_sigmoid": functional.hardsigmoid,
    "hard_tanh": functional.hardtanh,
    "log_sigmoid": functional.logsigmoid,
    "clamp": lambda u: torch.clamp(u, -1.2, 2.0),
}


@pytest.mark.parametrize("name", TORCH_OWN)
def test_values_and_derivatives_are_torchs_own(name: str) -> None:
    """At kinks too, which are among the points."""
    u = POINTS.clone().requires_grad_()
    found = apply_function(name, (u,), SETTINGS.get(name, ()))
    (slope,) = torch.autograd.grad(found.sum(), u)
    expected = TORCH_OWN[name](u)
    (wanted,) = torch.autograd.grad(expected.sum(), u)
    # torch keeps some constants, such as the 1/6 of hardsigmoid, in float32 alone.
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-12)
    torch.testing.assert_close(slope, wanted, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("name", UNARY)
def test_derivatives_are_finite_everywhere(name: str) -> None:
    u = points(name).clone().requires_grad_()
    found = apply_function(name, (u,), SETTINGS.get(name, ()))
    # The gradient of sign is zero, which torch gives as no gradient at all.
    (slope,) = torch.autograd.grad(found.sum(), u, materialize_grads=True)
    assert torch.isfinite(slope).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_of_the_table_is_defined(name: str) -> None:
    function = FUNCTIONS[name]
    operands = [torch.tensor([0.4], dtype=torch.float64) for _ in function.operands]
    if name == "where":
        operands[0] = operands[0] > 0
    defaults = tuple(1.0 if v is None else v for _, v in function.constants)
    assert apply_function(name, tuple(operands), defaults).shape == (1,)


def test_what_is_not_defined_over_features_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="median"):
        apply_across("median", POINTS, ())


@pytest.mark.parametrize(
    ("name", "count"), [("sinh", 1), ("tanh", 2), ("clamp", 1), ("where", 2)]
)
def test_what_is_not_defined_is_refused(name: str, count: int) -> None:
    with pytest.raises(NotImplementedError, match=name):
        apply_function(name, (POINTS,) * count, ())
