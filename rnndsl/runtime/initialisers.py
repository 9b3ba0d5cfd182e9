"""Where parameters start."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, assert_never

import torch
from torch import Tensor
from torch.nn import init

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
]
# A number, or what computes it from the sizes: lambda sizes: 1 / sizes["H"].
InitialiserArgument: TypeAlias = float | Callable[[Mapping[str, int]], float]


@dataclass(frozen=True, slots=True)
class Initialiser:
    """How one member of a parameter starts.

    ``fill`` takes the value, ``uniform`` low and high, ``normal`` mean and standard
    deviation; the xavier kinds and ``orthogonal`` take an optional gain.
    """

    kind: InitialiserKind
    arguments: tuple[InitialiserArgument, ...] = ()

    def apply(self, member: Tensor, sizes: Mapping[str, int]) -> None:
        """Overwrites ``member``; to be called without autograd."""
        values: Any = [a(sizes) if callable(a) else a for a in self.arguments]
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
            case _:
                assert_never(self.kind)


def initialise(
    stored: Tensor,
    initial: tuple[Initialiser | None, ...],
    sizes: Mapping[str, int],
    hidden_size: int,
) -> None:
    """Overwrites a stored tensor with its members' starting values.

    Without initialisers of its own it is drawn in one go, in the order in which
    ``torch.nn`` draws, so that the same seed gives the same numbers.
    """
    bound = 1.0 / math.sqrt(hidden_size)
    with torch.no_grad():
        if all(initialiser is None for initialiser in initial):
            stored.uniform_(-bound, bound)
            return
        members = (stored,) if len(initial) == 1 else stored.chunk(len(initial))
        for member, initialiser in zip(members, initial, strict=True):
            if initialiser is None:
                member.uniform_(-bound, bound)
            else:
                initialiser.apply(member, sizes)
