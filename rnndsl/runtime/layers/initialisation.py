"""Stored parameters at their starting values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from rnndsl.runtime.parameters.initialisers import Initialiser
from rnndsl.runtime.parameters.structure import draw_columns
from rnndsl.runtime.specification import ParameterSpecification


def initialise(
    parameter: ParameterSpecification,
    stored: Tensor,
    columns: Tensor | None,
    sizes: Mapping[str, int],
    hidden_size: int,
) -> None:
    """Overwrites a stored tensor with its members' starting values, and the ``columns``
    of a sparse one, None for others.

    Without initialisers of its own it is drawn in one go, in the order in which
    ``torch.nn`` draws, so that the same seed gives the same numbers. With a structure
    each matrix is drawn whole, and the nearest of its structure is stored.
    """
    bound = 1.0 / math.sqrt(hidden_size)
    initial = parameter.initial or (None,) * len(parameter.members)
    with torch.no_grad():
        if parameter.structure is None and all(item is None for item in initial):
            stored.uniform_(-bound, bound)
            return
        if columns is not None:
            draw_columns(columns, parameter.matrix_shape(sizes)[1])
        start = _Start(parameter, sizes, bound)
        for (member, own), item in zip(
            parameter.blocks(stored, columns), initial, strict=True
        ):
            start.overwrite(member, own, item)


class _Start:
    """The starting values of one stored tensor. The times that ``chrono`` draws are
    shared by the members that ask for the same: where one gate is open, the one with
    their negatives is closed."""

    def __init__(
        self, parameter: ParameterSpecification, sizes: Mapping[str, int], bound: float
    ) -> None:
        self._parameter = parameter
        self._sizes = sizes
        self._bound = bound
        self._times: dict[tuple[float, ...], Tensor] = {}

    def overwrite(
        self, member: Tensor, columns: Tensor | None, item: Initialiser | None
    ) -> None:
        structure = self._parameter.structure
        if structure is None:
            self._draw(member, item, None)
            return
        shape = self._parameter.matrix_shape(self._sizes)
        matrix = member.new_empty(shape)

        def keep(drawn: Tensor) -> Tensor:
            return structure.matrix(structure.nearest(drawn, columns), shape, columns)

        self._draw(matrix, item, keep)
        member.copy_(structure.nearest(matrix, columns))

    def _draw(
        self,
        member: Tensor,
        item: Initialiser | None,
        keep: Callable[[Tensor], Tensor] | None,
    ) -> None:
        if item is None:
            member.uniform_(-self._bound, self._bound)
        elif item.kind != "chrono":
            item.apply(member, self._sizes, keep)
        else:
            values = item.values(self._sizes)
            if values not in self._times:
                self._times[values] = torch.empty_like(member)
                Initialiser("chrono", values).apply(self._times[values], self._sizes)
            times = self._times[values]
            member.copy_(-times if item.negated else times)
