"""Models with something that is given once a sequence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from rnndsl.runtime.errors import ArgumentTypeError, ShapeError
from rnndsl.runtime.model_specification import ModelState
from rnndsl.runtime.models.attention import AttentionMemory
from rnndsl.runtime.models.inputs import context_inputs
from rnndsl.runtime.models.model import RecurrentModel
from rnndsl.runtime.sequences.layout import single_rows, without_rows
from rnndsl.runtime.sequences.ragged import valid_steps
from rnndsl.runtime.specification import Tensors


class ConditionedModel(RecurrentModel):
    """A model whose steps depend on contexts, which have no time, or on an encoder.

    ``start`` gives the state before the first step. It holds, behind an entry for each
    recurrent layer, all that later steps need of what is given once. ``decode`` runs
    the steps behind a state, and ``forward`` both.
    """

    decode: Callable[..., Any]
    encoder: RecurrentModel

    def given(self, contexts: tuple[Any, ...]) -> tuple[Tensors, bool]:
        """The contexts, checked, with an axis in the place of time, (1, B, ...), and
        whether they came with an axis of rows.

        Raises what ``begin`` raises for inputs.
        """
        return context_inputs(self.specification, self._sizes, contexts)

    def encode(
        self, inputs: tuple[Any, ...], lengths: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None, ModelState, bool]:
        """Runs the encoder on its contexts and inputs.

        Returns its outputs (S, B, K); which steps of them count, (S, B), None if all
        do; the last states of its layers; and whether the inputs came with an axis of
        rows.
        """
        encoder = self.encoder
        output, last, *_ = encoder(*inputs, lengths=lengths, mask=mask)
        if isinstance(output, PackedSequence):
            output, steps = pad_packed_sequence(output)
            counts = valid_steps(steps.to(output.device), output.shape[0])
            return output, counts, last, True
        found = encoder.counted(output, lengths, mask)
        if output.dim() == 2:
            found = None if found is None else found.unsqueeze(1)
            return output.unsqueeze(1), found, single_rows(last), False
        if encoder.batch_first:
            output = output.transpose(0, 1)
            found = None if found is None else found.t()
        return output, found, last, True

    def initial_state(self, batch: int) -> ModelState:
        """Raises RuntimeError: there is no state before contexts are given."""
        name = self.specification.name
        raise RuntimeError(
            f"{name} starts from what is given once: `start` makes its first state"
        )

    def started(self, state: ModelState, is_batched: bool) -> ModelState:
        """What ``start`` returns: the state, without rows where none came."""
        return state if is_batched else without_rows(state)

    def carried(self, state: ModelState, name: str) -> Tensor:
        """What the state holds under a name."""
        value = state[self.specification.entries.index(name)]
        if not isinstance(value, Tensor):
            raise ArgumentTypeError(
                f"state: expected a torch.Tensor for {name}, got "
                f"{type(value).__qualname__}"
            )
        return value

    def memory(self, state: ModelState, name: str) -> AttentionMemory:
        """What the state holds for an attention to attend to."""
        value = state[self.specification.entries.index(name)]
        if not isinstance(value, (tuple, list)) or len(value) != 3:
            raise ArgumentTypeError(
                f"state: expected keys, values and a mask for {name}, got "
                f"{type(value).__qualname__}"
            )
        return value[0], value[1], value[2]

    def states(self, state: ModelState | None) -> ModelState:
        """The entries of a state, all of which must be given."""
        if state is None or any(entry is None for entry in state):
            raise ArgumentTypeError(
                "state: expected all entries, as `start` returns them, got None"
            )
        return super().states(state)

    def over_time(self, *inputs: Any, **options: Any) -> Any:
        return self.decode(*inputs, **options)


def at_each_step(context: Tensor, x: Tensor) -> Tensor:
    """A context (1, B, ...) at all steps of x (T, B, ...), or without time where x
    (B, ...) has none."""
    batch = x.shape[-2]
    if context.shape[1] != batch:
        raise ShapeError(
            f"state: expected contexts of {batch} rows, as the inputs have, got "
            f"{context.shape[1]}"
        )
    if x.dim() == 2:
        return context[0]
    return context.expand(x.shape[0], *context.shape[1:])
