"""Where parameters start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, assert_never

import torch
from torch import Tensor
from torch.nn import init

from rnndsl.runtime.parameters.structure import Structure, draw_columns

InitialiserKind: TypeAlias = Literal[
    "fill",
    "uniform",
    "normal",
    "xavier_uniform",
    "xavier_normal",
    "kaiming_uniform",
    "kaiming_normal",
    "orthogonal",
    "identity",
    "spectral_radius",
    "sparse_normal",
    "chrono",
]
# A number, or what computes it from the sizes: lambda sizes: 1 / sizes["H"].
InitialiserArgument: TypeAlias = float | Callable[[Mapping[str, int]], float]


@dataclass(frozen=True, slots=True)
class Initialiser:
    """How one member of a parameter starts.

    ``fill`` takes the value, ``uniform`` low and high, ``normal`` mean and standard
    deviation; the xavier kinds and ``orthogonal`` take an optional gain.
    ``spectral_radius`` takes the radius, ``sparse_normal`` the share of entries that
    are not 0 and their standard deviation, ``chrono`` the length of the longest
    dependency: the logarithm of uniform times, Tallec and Ollivier, arXiv:1804.11188,
    equation 16. ``negated``: the negative of all that.
    """

    kind: InitialiserKind
    arguments: tuple[InitialiserArgument, ...] = ()
    negated: bool = False

    def values(self, sizes: Mapping[str, int]) -> tuple[float, ...]:
        """The arguments as numbers."""
        return tuple(a(sizes) if callable(a) else a for a in self.arguments)

    def apply(
        self,
        member: Tensor,
        sizes: Mapping[str, int],
        keep: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """Overwrites ``member``; to be called without autograd. ``keep`` gives a matrix
        the structure that it will have."""
        self._draw(member, self.values(sizes), keep)
        if self.negated:
            member.neg_()

    def _draw(
        self, member: Tensor, values: Any, keep: Callable[[Tensor], Tensor] | None
    ) -> None:
        match self.kind:
            case "fill":
                init.constant_(member, *values)
            case "uniform":
                init.uniform_(member, *values)
            case "normal":
                init.normal_(member, *values)
            case "xavier_uniform":
                init.xavier_uniform_(member, *values)
            case "xavier_normal":
                init.xavier_normal_(member, *values)
            case "kaiming_uniform":
                init.kaiming_uniform_(member)
            case "kaiming_normal":
                init.kaiming_normal_(member)
            case "orthogonal":
                # The decomposition exists in single and double precision only.
                dtype = torch.promote_types(member.dtype, torch.float32)
                drawn = torch.empty_like(member, dtype=dtype)
                init.orthogonal_(drawn, *values)
                member.copy_(drawn)
            case "identity":
                init.eye_(member)
            case "spectral_radius":
                init.normal_(member)
                kept = member if keep is None else keep(member)
                member.copy_(kept * _scale(kept, *values))
            case "sparse_normal":
                _draw_sparse(member, *values)
            case "chrono":
                (steps,) = values
                init.uniform_(member, 1, max(steps - 1, 1)).log_()
            case _:
                assert_never(self.kind)


def _scale(matrix: Tensor, radius: float) -> Tensor:
    """What gives a square matrix this spectral radius: the largest absolute value of
    its eigenvalues. A nilpotent one stays as it is."""
    dtype = torch.promote_types(matrix.dtype, torch.float32)
    found = torch.linalg.eigvals(matrix.to(dtype)).abs().max()
    return torch.where(found > 0, radius / found, 1.0).to(matrix.dtype)


def _draw_sparse(member: Tensor, density: float, deviation: float) -> None:
    """Normal numbers in a random share of the entries of each row, 0 elsewhere."""
    rows, size = member.shape
    kept = Structure("sparse", density).kept(size)
    columns = torch.empty(rows, kept, dtype=torch.long, device=member.device)
    draw_columns(columns, size)
    drawn = member.new_empty(columns.shape).normal_(0, deviation)
    member.zero_().scatter_(1, columns, drawn)
