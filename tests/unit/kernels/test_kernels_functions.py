"""The functions and the storage of kernels, against torch's."""

from __future__ import annotations

import math

import pytest
import torch
from cpu_kernels import CpuKernels, cpu_kernels, needs_compiler
from torch import Tensor, nn

from rnndsl.backends.cuda.printer import SPELLING, cuda_expression
from rnndsl.backends.torch.printer import Code
from rnndsl.formulas.formula import (
    Apply,
    Binary,
    Compare,
    Formula,
    Negate,
    Number,
    Power,
    Symbol,
)
from rnndsl.formulas.functions import FUNCTIONS

pytestmark = needs_compiler
KERNEL = """
extern "C" __global__ void {name}(
    const scalar* u_, const scalar* v_, scalar* y_, int count
) {{
    for (Index n = first_entry(); n < count; n += all_threads()) {{
        const real u = load(u_, n);
        [[maybe_unused]] const real v = load(v_, n);
        store(y_, n, {text});
    }}
}}
"""
POINTS = [-80.0, -20.0, -3.0, -1.0, -0.3, -0.0, 0.0, 0.2, 1.0, 3.0, 20.0, 80.0]
POSITIVE = ("log", "sqrt")
u, v = Symbol("u"), Symbol("v")


def computed(kernels: CpuKernels, name: str, first: Tensor, second: Tensor) -> Tensor:
    result = torch.empty_like(first)
    launch = kernels.bind(
        name, first.numel(), reads=(first, second), writes=(result,), sizes=()
    )
    launch(first.numel())
    return result


def kernel(name: str, formula: Formula) -> str:
    values = {"u": Code("u"), "v": Code("v")}
    return KERNEL.format(name=name, text=cuda_expression(formula, values).text)


def called(name: str) -> Apply:
    function = FUNCTIONS[name]
    operands = {1: (u,), 2: (u, v)}[len(function.operands)]
    defaults = [-0.4 if d is None else d for _, d in function.constants]
    if name == "clamp":
        defaults = [-0.4, 0.7]
    return Apply(name, operands, tuple(defaults))


TABLE = [
    name
    for name, function in FUNCTIONS.items()
    if name != "where" and not function.alters_gradient
]


@pytest.fixture(scope="module")
def kernels() -> dict[torch.dtype, CpuKernels]:
    source = "".join(kernel(f"f_{name}", called(name)) for name in TABLE)
    return {
        dtype: cpu_kernels(source, dtype) for dtype in (torch.float64, torch.float32)
    }


def test_every_function_of_the_table_is_there() -> None:
    assert set(TABLE) <= set(SPELLING)


@pytest.mark.parametrize("name", TABLE)
def test_a_function_has_the_values_of_the_table(
    name: str, kernels: dict[torch.dtype, CpuKernels]
) -> None:
    points = [abs(p) + 0.1 for p in POINTS] if name in POSITIVE else POINTS
    pairs = [(a, b) for a in points for b in points]
    if name == "exp":
        pairs = [(a, b) for a, b in pairs if a <= 20]
    apply = called(name)
    for dtype, allowed in ((torch.float64, 1e-14), (torch.float32, 4e-7)):
        first, second = torch.tensor(pairs, dtype=dtype).unbind(1)
        found = computed(kernels[dtype], f"f_{name}", first.clone(), second.clone())
        operands = zip(first.tolist(), second.tolist(), strict=True)
        expected = torch.tensor(
            [
                FUNCTIONS[name].value(*pair[: len(apply.operands)], *apply.constants)
                for pair in operands
            ],
            dtype=torch.float64,
        )
        error = (found.double() - expected).abs() / expected.abs().clamp(min=1)
        assert error.max() < allowed


BACKWARD = {
    "sigmoid_backward": lambda d, y: torch.ops.aten.sigmoid_backward(d, y),
    "tanh_backward": lambda d, y: torch.ops.aten.tanh_backward(d, y),
    "relu_backward": lambda d, y: torch.ops.aten.threshold_backward(d, y, 0),
    "silu_backward": lambda d, y: torch.ops.aten.silu_backward(d, y),
    "gelu_backward": lambda d, y: torch.ops.aten.gelu_backward(d, y),
}


def test_adjoints_have_the_values_of_torch() -> None:
    source = "".join(kernel(name, Apply(name, (u, v))) for name in BACKWARD)
    pairs = torch.tensor([(a, b) for a in POINTS for b in POINTS]).double()
    d, y = (value.clone() for value in pairs.unbind(1))
    for name, expected in BACKWARD.items():
        found = computed(cpu_kernels(source, torch.float64), name, d, y)
        torch.testing.assert_close(found, expected(d, y), rtol=1e-13, atol=1e-13)


NAN = float("nan")
PROPAGATING = {
    "min": torch.minimum,
    "max": torch.maximum,
    "relu": lambda a, b: torch.relu(a),
    "clamp": lambda a, b: torch.clamp(a, -0.4, 0.7),
    "hard_tanh": lambda a, b: nn.functional.hardtanh(a),
    "hard_sigmoid": lambda a, b: nn.functional.hardsigmoid(a),
    "elu": lambda a, b: nn.functional.elu(a),
    "leaky_relu": lambda a, b: nn.functional.leaky_relu(a),
    "sign": lambda a, b: torch.sign(a),
    "sigmoid": lambda a, b: torch.sigmoid(a),
    "softplus": lambda a, b: -nn.functional.logsigmoid(-a),
}


@pytest.mark.parametrize("name", PROPAGATING)
def test_nan_and_infinity_go_where_they_go_in_torch(
    name: str, kernels: dict[torch.dtype, CpuKernels]
) -> None:
    values = [NAN, math.inf, -math.inf, 0.5]
    pairs = torch.tensor([(a, b) for a in values for b in values]).double()
    first, second = (value.clone() for value in pairs.unbind(1))
    found = computed(kernels[torch.float64], f"f_{name}", first, second)
    expected = PROPAGATING[name](first, second)
    torch.testing.assert_close(found, expected, equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_every_number_of_a_half_type_is_loaded_and_stored_as_it_is(
    dtype: torch.dtype,
) -> None:
    source = kernel("same", u)
    bits = torch.arange(2**16, dtype=torch.int32).to(torch.int16)
    every = bits.view(dtype)
    found = computed(cpu_kernels(source, dtype), "same", every, every)
    assert torch.equal(torch.isnan(found), torch.isnan(every))
    finite = ~torch.isnan(every)
    assert torch.equal(found[finite].view(torch.int16), bits[finite])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_numbers_are_rounded_to_half_types_as_torch_does(dtype: torch.dtype) -> None:
    source = kernel("product", u * v)
    generator = torch.Generator().manual_seed(1)
    scale = 10.0 ** torch.randint(-5, 4, (4000,), generator=generator)
    first = (torch.randn(4000, generator=generator) * scale).to(dtype)
    second = torch.randn(4000, generator=generator).to(dtype)
    ties = torch.tensor([1.0, 3.0, 5.0, 65504.0, 6e-8, 9e-8]).to(dtype)
    half = torch.tensor([1 + torch.finfo(dtype).eps] * 6).to(dtype)
    first, second = torch.cat((first, ties)), torch.cat((second, half))
    found = computed(cpu_kernels(source, dtype), "product", first, second)
    expected = (first.float() * second.float()).to(dtype)
    assert torch.equal(found, expected)


def test_formulas_are_printed_with_the_binding_of_c() -> None:
    values = {"u": Code("u"), "v": Code("v")}

    def printed(formula: Formula) -> str:
        return cuda_expression(formula, values).text

    assert printed((1 - u) * v) == "(1 - u) * v"
    assert printed(u - (v - 0.5)) == "u - (v - real(0.5))"
    assert printed(Negate(u + v)) == "-(u + v)"
    # Of two whole numbers, C++ would make a whole number.
    assert printed(Binary("/", Number(1), Number(2)) * u) == "real(1.0) / real(2.0) * u"
    assert printed(Power(u, 2)) == "u * u"
    assert printed(Power(u + v, 2)) == "square(u + v)"
    assert printed(Power(u + v, 0.5)) == "sqrt(u + v)"
    assert printed(Power(u, 3)) == "pow(u, real(3.0))"
    chosen = Apply("where", (Compare("<", u, Number(0)), Number(1), v))
    assert printed(chosen) == "(u < 0 ? real(1.0) : v)"
    assert printed(Number(math.inf) * u) == "infinity() * u"
    kept = Apply("clip_gradient", (u - v,), (0.5,))
    assert printed(kept * u) == "(u - v) * u"
    assert printed(Number(3e9) * u) == "real(3000000000.0) * u"
