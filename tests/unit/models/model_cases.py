"""Compiled models beside plain ones, with inputs for both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import plain_convolutions
import plain_models as plain
import torch
from model_specs import model
from torch import Tensor, nn

STEPS, ROWS = 6, 5
LENGTHS = (4, 1, 6, 2, 6)
ENGINES = ("fused", "reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``sizes`` of the model; ``tokens``: the vocabulary of the first input, or None
    for vectors of the first size, or of this ``shape``."""

    name: str
    sizes: tuple[int, ...]
    plain: Callable[..., nn.Module]
    tokens: int | None = None
    shape: tuple[int, ...] | None = None

    def pair(self) -> tuple[Any, Any]:
        """The compiled model and the plain one, with the same parameters."""
        compiled, other = model(self.name, *self.sizes), self.plain(*self.sizes)
        for parameter in compiled.parameters():
            nn.init.uniform_(parameter, -0.6, 0.6)
        other.load_state_dict(compiled.state_dict(), strict=True)
        return compiled, other

    def input(self, steps: int = STEPS, rows: int = ROWS) -> Tensor:
        if self.tokens is not None:
            return torch.randint(self.tokens, (steps, rows))
        shape = self.shape or self.sizes[:1]
        x = torch.rand(steps, rows, *shape, dtype=torch.float64) + 1.5
        return x.requires_grad_()


CASES = (
    Case(name="tagger", sizes=(11, 3), plain=plain.PlainTagger, tokens=11),
    Case(name="stack", sizes=(3, 6, 2), plain=plain.PlainStack),
    Case(name="mixed", sizes=(4, 3), plain=plain.PlainMixed),
    Case(name="shared", sizes=(3, 2), plain=plain.PlainShared),
    Case(name="one_hot", sizes=(9,), plain=plain.PlainLetters, tokens=9),
    Case(
        name="video",
        sizes=(2, 3),
        plain=plain_convolutions.PlainVideo,
        shape=(2, 6, 13),
    ),
    Case(
        name="wave", sizes=(2, 7, 3), plain=plain_convolutions.PlainWave, shape=(2, 7)
    ),
    Case(
        name="whole",
        sizes=(2, 3, 4),
        plain=plain_convolutions.PlainWhole,
        shape=(2, 3, 4),
    ),
    Case(name="singular", sizes=(3,), plain=plain.PlainSingular),
    *(
        Case(name=name, sizes=(3, 4), plain=partial(plain.PlainClassifier, name))
        for name in ("last", "mean", "max", "attention")
    ),
)
# Those that run step by step.
STREAMING = tuple(
    case for case in CASES if case.name in ("stack", "one_hot", "singular", "last")
)


def flat(result: Any) -> list[Tensor]:
    """All tensors of a result, in order."""
    if isinstance(result, Tensor):
        return [result]
    return [tensor for part in result for tensor in flat(part)]


def random_like(state: Any) -> Any:
    """Random numbers in the form of a state."""
    if isinstance(state, Tensor):
        return torch.rand_like(state)
    return tuple(random_like(part) for part in state)


def gradients(result: Any, leaves: list[Tensor]) -> list[Tensor]:
    """Gradients of a sum in which every entry of the result has a weight of its own."""
    total = torch.stack([(part * part.cos()).sum() for part in flat(result)]).sum()
    return list(torch.autograd.grad(total, leaves, materialize_grads=True))
