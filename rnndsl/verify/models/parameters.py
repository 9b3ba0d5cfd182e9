"""The parameters of a model by the names of its ``state_dict``."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rnndsl.analysis.program import Cell
from rnndsl.verify.draw import draw_parameter, draw_patterns, normal, single, uniform
from rnndsl.verify.interpreter import Sizes


class Parameters:
    """Gives the interpreter the parameters it asks for.

    With a ``generator`` one that is not there yet is drawn when it is first asked for:
    a model is interpreted once to find out what it stores and in which shape.
    ``untrained`` are those that no gradient is computed for, ``patterns`` the places of
    entries of sparse ones. ``like`` has the dtype of all numbers.
    Matrices are drawn at this ``scale``.
    """

    def __init__(
        self,
        values: dict[str, Tensor],
        dtype: torch.dtype = torch.float64,
        generator: torch.Generator | None = None,
        patterns: dict[str, Tensor] | None = None,
        scale: float = 1.0,
        prefix: str = "",
    ) -> None:
        self.values = values
        self.patterns = {} if patterns is None else patterns
        self.like = torch.empty(0, dtype=dtype)
        self.untrained: list[str] = []
        self._generator = generator
        self._scale = scale
        self._prefix = prefix

    def within(self, prefix: str) -> Parameters:
        """The same for a part of the model, whose names begin so."""
        part = Parameters(
            self.values,
            self.like.dtype,
            self._generator,
            self.patterns,
            self._scale,
            self._prefix + prefix,
        )
        part.untrained = self.untrained
        return part

    def tensor(self, name: str, *shape: int) -> Tensor:
        """One parameter. A matrix, or a kernel, is drawn so that its product with unit
        inputs has unit size."""
        name = self._prefix + name
        if name not in self.values:
            is_matrix = len(shape) >= 2
            spread = 1.5 / math.sqrt(max(math.prod(shape[1:]), 1)) if is_matrix else 0.7
            drawn = uniform(shape, self._random(name))
            self._keep(name, spread * (2 * drawn - 1), is_matrix=is_matrix)
        return self._checked(name, shape)

    def table(
        self, name: str, rows: int, width: int, *, trained: bool, padding: int | None
    ) -> Tensor:
        """One vector of unit entries for each token, (rows, width), zero for that of
        ``padding``."""
        name = self._prefix + name
        if name not in self.values:
            drawn = normal((rows, width), self._random(name))
            if padding is not None:
                drawn[padding] = 0
            self.values[name] = drawn
            if not trained:
                self.untrained.append(name)
        return self._checked(name, (rows, width))

    def of_cell(
        self, cell: Cell, sizes: Sizes, prefix: str, suffix: str
    ) -> dict[str, Tensor]:
        """The stored tensors of a cell by its own names for them."""
        prefix = self._prefix + prefix
        names = {p.name: f"{prefix}.{p.name}{suffix}" for p in cell.parameters}
        if any(name not in self.values for name in names.values()):
            self._draw_cell(cell, sizes, prefix, suffix)
        stored = {own: self.values[name] for own, name in names.items()}
        for own in names:
            columns = self.patterns.get(f"{prefix}.{own}_columns{suffix}")
            if columns is not None:
                stored[f"{own}_columns"] = columns
        return stored

    def _draw_cell(self, cell: Cell, sizes: Sizes, prefix: str, suffix: str) -> None:
        for parameter in cell.parameters:
            name = f"{prefix}.{parameter.name}{suffix}"
            drawn = draw_parameter(parameter, sizes, self._random(name))
            is_matrix = len(parameter.member_shape) == 2
            self._keep(name, drawn, is_matrix=is_matrix)
            if parameter.frozen:
                self.untrained.append(name)
        for own, columns in draw_patterns(cell, sizes, self._random(prefix)).items():
            self.patterns[f"{prefix}.{own}{suffix}"] = columns

    def _keep(self, name: str, drawn: Tensor, *, is_matrix: bool) -> None:
        """Numbers that fit into float32, matrices scaled."""
        self.values[name] = single(drawn * self._scale if is_matrix else drawn)

    def _random(self, name: str) -> torch.Generator:
        assert self._generator is not None, f"no value for {name}"
        return self._generator

    def _checked(self, name: str, shape: tuple[int, ...]) -> Tensor:
        value = self.values[name]
        assert value.shape == shape, f"{name}: {tuple(value.shape)}, not {shape}"
        return value
