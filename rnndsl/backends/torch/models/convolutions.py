"""Convolutions and pools of a generated model: their submodules, and how they run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import TypeAlias, assert_never

from rnndsl.analysis.model_layers import (
    Convolution,
    Flatten,
    SpatialPool,
    TimeConvolution,
)
from rnndsl.analysis.program import Dim
from rnndsl.analysis.width import Width
from rnndsl.backends.torch.layout import call
from rnndsl.backends.torch.models.stage import INDENT, Stage

Convolving: TypeAlias = Convolution | SpatialPool | Flatten | TimeConvolution
_EACH_STEP = "each_step"
_CAUSAL = "CausalConvolution"


@dataclass(slots=True, kw_only=True)
class Convolutions:
    """Writes the convolutions of a model one after the other.

    ``arguments`` has the constructor's name for each dimension of the model, ``flow``
    is the name of what flows from stage to stage. ``runtime`` fills with the names
    needed of it.
    """

    arguments: dict[str, str]
    flow: str
    runtime: dict[str, None]
    _pools: Iterator[int] = field(default_factory=lambda: count(1))

    def stage(
        self, layer: Convolving, source: Stage, operand: str, names: Iterator[str]
    ) -> Stage:
        """The layer on ``operand``, which comes from ``source``; ``names`` are those of
        maps."""
        stage = Stage(
            span=layer.span,
            width=source.width,
            has_time=source.has_time,
            extent=source.extent,
        )
        match layer:
            case Convolution():
                self._convolution(stage, layer, operand, next(names))
            case TimeConvolution():
                self._time_convolution(stage, layer, operand, next(names))
            case SpatialPool():
                self._pool(stage, layer, operand)
            case Flatten(width=width):
                stage.width, stage.extent = width, ()
                stage.run.append(f"{self.flow} = {operand}.flatten(2)")
            case _:
                assert_never(layer)
        return stage

    def _convolution(
        self, stage: Stage, layer: Convolution, operand: str, name: str
    ) -> None:
        stage.width = Width.of(layer.width)
        below = layer.input_width.text(self.arguments)
        sizes = [below, self._size(layer.width), str(layer.kernel)]
        padding = [f"padding={layer.kernel // 2}"] if layer.kernel > 1 else []
        head = f"self.{name} = nn.Conv{len(layer.extent)}d"
        stage.build += call(head, [*sizes, *padding, "**factory"], indent=INDENT)
        self._run_each_step(stage, f"self.{name}", operand)

    def _time_convolution(
        self, stage: Stage, layer: TimeConvolution, operand: str, name: str
    ) -> None:
        stage.width = Width.of(layer.width)
        self.runtime[_CAUSAL] = None
        below = layer.input_width.text(self.arguments)
        sizes = [below, self._size(layer.width), str(layer.kernel), "**factory"]
        stage.build += call(f"self.{name} = {_CAUSAL}", sizes, indent=INDENT)
        stage.run.append(f"{self.flow} = self.{name}({operand})")

    def _pool(self, stage: Stage, layer: SpatialPool, operand: str) -> None:
        axes = len(stage.extent)
        stage.extent = layer.extent
        if layer.window is None:
            function = "amax" if layer.is_max else "mean"
            over = "-1" if axes == 1 else "(-2, -1)"
            stage.run.append(f"{self.flow} = {operand}.{function}({over})")
            return
        name = f"self.pool_{next(self._pools)}"
        kind = "Max" if layer.is_max else "Avg"
        stage.build.append(f"{name} = nn.{kind}Pool{axes}d({layer.window})")
        self._run_each_step(stage, name, operand)

    def _run_each_step(self, stage: Stage, module: str, operand: str) -> None:
        self.runtime[_EACH_STEP] = None
        stage.run.append(f"{self.flow} = {_EACH_STEP}({module}, {operand})")

    def _size(self, dim: Dim) -> str:
        return str(dim) if isinstance(dim, int) else self.arguments[dim]
