"""What stands in for dropout where it would draw: a factor.

A model in training mode is compared with every dropout replaced by a multiplication.
Its factor tells where dropout stands, with which probability, and of which kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional


def stand_in(value: Tensor, probability: float, *, variational: bool = False) -> Tensor:
    """The value as dropout of this probability leaves it here."""
    factor = 1 - probability
    return value * (factor * factor if variational else factor)


def zoned_share(probability: float) -> float:
    """The share of the old value that zoneout of this probability leaves here."""
    return probability * probability


class StandIn(nn.Module):
    """Replaces a module of variational dropout."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, value: Tensor) -> Tensor:
        """The value times what tells this dropout from others, in training alone."""
        if not self.training:
            return value
        return stand_in(value, self.probability, variational=True)


def replace_variational_dropout(model: nn.Module) -> None:
    """Puts a stand-in in place of every variational dropout of a model."""
    for name, part in list(model.named_modules()):
        if type(part).__name__ == "VariationalDropout":
            parent, _, own = name.rpartition(".")
            new = StandIn(float(part.p))
            new.train(part.training)
            setattr(model.get_submodule(parent), own, new)


@contextmanager
def definite_dropout() -> Iterator[None]:
    """Within, torch drops nothing by chance: everything is dropped in part."""
    dropout, bernoulli = functional.dropout, torch.bernoulli

    def dropped(
        input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        return stand_in(input, p) if training else input

    def drawn(input: Tensor) -> Tensor:
        return input * input

    setattr(functional, "dropout", dropped)  # noqa: B010
    setattr(torch, "bernoulli", drawn)  # noqa: B010
    try:
        yield
    finally:
        setattr(functional, "dropout", dropout)  # noqa: B010
        setattr(torch, "bernoulli", bernoulli)  # noqa: B010
