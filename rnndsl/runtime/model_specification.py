"""What a generated module tells the runtime of a model: its shapes and names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from torch import Tensor

from rnndsl.runtime.specification import Dim, Shape

# What a layer takes as ``hx`` and returns as its last state.
LayerState: TypeAlias = Tensor | tuple[Tensor, ...]
# One for each recurrent layer; None: from where that layer starts by itself.
ModelState: TypeAlias = tuple[LayerState | None, ...]
Exchange: TypeAlias = Literal[
    "one_to_one", "one_to_many", "one_to_many(repeat)", "many_to_one", "many_to_many"
]
# What is put out where no step counts: zeros, or what was put out last.
Masked: TypeAlias = Literal["zero", "hold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpecification:
    """An input of a model: vectors of ``shape``, or, with a ``vocabulary``, whole
    numbers below it. Batch and time stand before the shape."""

    name: str
    shape: Shape = ()
    vocabulary: Dim | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpecification:
    """A model, from its inputs to its head.

    ``dimensions`` pairs each dimension with the constructor argument that gives its
    size. ``contexts`` are given once a sequence: only the batch stands before their
    shapes. ``masked`` says what a sequence of outputs has at steps that do not count.
    ``stateful``: a call goes on where the one before ended. ``takes_marks``: it can
    mark steps at which everything starts anew. ``recurrences`` names the recurrent
    layers in the order of their states. Behind these a state has ``feeds``,
    what the next step reads besides, and ``constants``, which stay the same.
    ``streaming_refusal`` says why the model cannot run step by step, if it cannot.
    ``state_refusal`` says why it cannot start from a given state, if it cannot.
    ``summary`` has a line for each stage.
    """

    name: str
    source: str
    dimensions: tuple[tuple[str, str], ...]
    contexts: tuple[InputSpecification, ...] = ()
    inputs: tuple[InputSpecification, ...]
    exchange: Exchange
    recurrences: tuple[str, ...]
    feeds: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    masked: Masked = "zero"
    stateful: bool = False
    takes_marks: bool = False
    streaming_refusal: str | None = None
    state_refusal: str | None = None
    summary: tuple[str, ...]

    @property
    def has_steps(self) -> bool:
        """Whether there is an output at each step."""
        return self.exchange not in ("one_to_one", "many_to_one")

    @property
    def entries(self) -> tuple[str, ...]:
        """What a state holds, by name."""
        return (*self.recurrences, *self.feeds, *self.constants)
