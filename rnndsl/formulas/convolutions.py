"""The convolution of an image, or of a sequence of places, with a kernel."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvolutionFunction:
    """``conv(K, u)`` and ``conv(K, u, b)``: what a call of it may give. What stands
    among ``constants``, with a default, may be left out."""

    name: str
    operands: tuple[str, ...]
    constants: tuple[tuple[str, float | None], ...]
    description: str
    latex: str


CONV = ConvolutionFunction(
    name="conv",
    operands=("K", "u"),
    constants=(("b", 0.0),),
    description="the cross-correlation of u with the kernel K, zero around u, plus b",
    latex=r"{0} * {1}",
)


def convolution_text(kernel: str, operand: str, bias: str | None) -> str:
    """``conv(K, u, b)``."""
    return f"conv({', '.join((kernel, operand, *(() if bias is None else (bias,))))})"
