"""What the method ``generate`` of a model does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias, TypedDict

import torch
from torch import Tensor

from rnndsl.runtime.checks import check_tensor
from rnndsl.runtime.errors import ShapeError
from rnndsl.runtime.generation.beam import beam_search
from rnndsl.runtime.generation.greedy import (
    GeneratedSequences,
    Prompt,
    greedy_search,
    repeat_batch,
)
from rnndsl.runtime.generation.sampling import sample_sequences
from rnndsl.runtime.model_specification import ModelState
from rnndsl.runtime.models.model import RecurrentModel
from rnndsl.runtime.sequences.ragged import check_lengths, last_step

Strategy: TypeAlias = Literal["greedy", "sample", "beam"]

_DEFAULT_WIDTH = 4
_OPTIONS: dict[str, tuple[str, ...]] = {
    "greedy": (),
    "sample": ("temperature", "top_k", "top_p", "generator"),
    "beam": ("width", "length_penalty"),
}


class SearchOptions(TypedDict, total=False):
    """What only one strategy takes.

    "sample": ``temperature`` (1.0), 0 for the most probable symbol; ``top_k`` and
    ``top_p``, which leave improbable symbols out; ``generator``, torch's own if none.
    "beam": ``width`` (4), how many sequences are kept for each row, and
    ``length_penalty`` (0.0), which favours long ones.
    """

    temperature: float
    top_k: int | None
    top_p: float | None
    generator: torch.Generator | None
    width: int
    length_penalty: float


def rows_to_generate(model: RecurrentModel, prime: object, batch: int | None) -> int:
    """As many as the prime has, else ``batch``, else one.

    Raises ValueError where both are given and differ.
    """
    if prime is None:
        return 1 if batch is None else batch
    rows = check_tensor("prime", prime).shape[0 if model.batch_first else -1]
    if batch is not None and batch != rows:
        raise ValueError(f"batch: expected {rows}, as the prime has, got {batch}")
    return rows


def generate_tokens(
    model: RecurrentModel,
    state: ModelState,
    *,
    start: int | None,
    stop: int | None,
    max_length: int,
    prime: Tensor | None,
    prime_lengths: Tensor | None,
    strategy: Strategy,
    search: SearchOptions,
) -> GeneratedSequences:
    """Sequences that the model writes from a state on, a symbol at a time.

    start and stop: the symbols, or None. prime: (P, B), the first symbols of the
    sequences, (B, P) with ``batch_first``, as tokens are returned. Raises ValueError
    for what does not fit together, ShapeError for a state without rows.
    """
    _check_options(strategy, dict(search))
    _check_rows(model, state)
    if prime is not None:
        prime = check_tensor("prime", prime)
        prime = prime.t() if model.batch_first and prime.dim() == 2 else prime
    constants = len(model.specification.constants)
    moving = state[: len(state) - constants]
    constant = state[len(state) - constants :]
    like = next(_tensors_of_state(state))
    first = None
    if start is not None:
        first = torch.full((like.shape[1],), start, device=like.device)
    elif prime is None:
        raise ValueError(
            "prime: expected the first symbols, since the model has no start symbol"
        )
    prompt = Prompt(
        start=first,
        prime=prime,
        prime_lengths=prime_lengths,
        stop=stop,
        max_length=max_length,
    )
    if strategy == "beam":
        constant = repeat_batch(constant, search.get("width", _DEFAULT_WIDTH))

    def advance(symbols: Tensor, moving: Any) -> tuple[Tensor, Any]:
        scores, new, *_ = model.run_step((symbols,), (*moving, *constant))
        return scores, new[: len(moving)]

    found: GeneratedSequences
    with model.kept_aside():
        match strategy:
            case "greedy":
                found = greedy_search(advance, moving, prompt)
            case "sample":
                found = sample_sequences(
                    advance,
                    moving,
                    prompt,
                    temperature=search.get("temperature", 1.0),
                    top_k=search.get("top_k"),
                    top_p=search.get("top_p"),
                    generator=search.get("generator"),
                )
            case "beam":
                found = beam_search(
                    advance,
                    moving,
                    prompt,
                    width=search.get("width", _DEFAULT_WIDTH),
                    length_penalty=search.get("length_penalty", 0.0),
                )
    if not model.batch_first:
        return found
    return GeneratedSequences(
        tokens=found.tokens.transpose(0, 1),
        lengths=found.lengths,
        log_probabilities=found.log_probabilities,
        scores=found.scores,
    )


def continue_series(
    model: RecurrentModel,
    state: ModelState,
    prime: Tensor,
    *,
    steps: int,
    lengths: Tensor | None,
) -> Tensor:
    """The next ``steps`` vectors behind a series, each read again by the model.

    prime: (P, B, N), of which row b has ``lengths[b]``. Returns (steps, B, N). With
    ``batch_first`` time is the second axis in both. Raises ValueError for steps below
    1, ShapeError for a prime without rows and for a row of no steps.
    """
    if steps < 1:
        raise ValueError(f"steps: expected at least 1, got {steps}")
    if prime.dim() != 3:
        form = "(B, P, N)" if model.batch_first else "(P, B, N)"
        raise ShapeError(f"prime: expected size {form}, got {tuple(prime.shape)}")
    with model.kept_aside():
        output, state, *_ = model.over_time(prime, lengths=lengths, state=state)
    axis = 1 if model.batch_first else 0
    output = output.transpose(0, axis)
    if lengths is not None:
        lengths = check_lengths(lengths, output.shape[0], output)
        if lengths is not None and bool((lengths < 1).any()):
            raise ShapeError("lengths: expected at least 1, something to continue")
    outputs = [last_step(output, lengths)]
    with model.kept_aside():
        for _ in range(steps - 1):
            value, state, *_ = model.run_step((outputs[-1],), state)
            outputs.append(value)
    return torch.stack(outputs, axis)


def _check_rows(model: RecurrentModel, state: ModelState) -> None:
    """Raises ShapeError for the state of a single sequence, as ``start`` makes it of
    what is given without the axis of rows."""
    first = getattr(model, model.specification.recurrences[0])
    batched = next(_tensors_of_state(first.initial_state(1)))
    found = next(_tensors_of_state(state))
    if found.dim() < batched.dim():
        raise ShapeError(
            "generate: expected what is given to have an axis for the batch, (B, ...), "
            "got a single sequence"
        )


def _check_options(strategy: str, search: dict[str, object]) -> None:
    """Raises ValueError for a strategy that is none, or one that does not take what is
    given, TypeError for what none takes."""
    if strategy not in _OPTIONS:
        listed = ", ".join(f'"{name}"' for name in _OPTIONS)
        raise ValueError(f"strategy: expected one of {listed}, got {strategy!r}")
    for name in search:
        owners = [known for known, options in _OPTIONS.items() if name in options]
        if not owners:
            raise TypeError(f"generate() got an unexpected keyword argument '{name}'")
        if strategy not in owners:
            raise ValueError(
                f'{name}: belongs to the strategy "{owners[0]}", got "{strategy}"'
            )


def _tensors_of_state(state: Any) -> Iterator[Tensor]:
    if isinstance(state, Tensor):
        yield state
    elif state is not None:
        for part in state:
            yield from _tensors_of_state(part)
