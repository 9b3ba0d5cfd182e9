"""Encoders and decoders write what they have learned."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from model_specs import model
from test_models_generate import EXACT, STOP, everything
from torch import Tensor, nn
from torch.testing import assert_close

S, T, LONGEST = 5, 4, 4


def translator() -> Any:
    made = model("translator", S, T)
    for parameter in made.parameters():
        nn.init.normal_(parameter)
    return made


def test_a_wide_beam_finds_the_best_of_all_translations() -> None:
    made = translator()
    source, lengths = torch.randint(S, (6, 3)), torch.tensor([6, 2, 4])
    found = made.generate(
        source, source_lengths=lengths, max_length=LONGEST, strategy="beam", width=70
    )
    greedy = made.generate(source, source_lengths=lengths, max_length=LONGEST)
    for row, length in enumerate(lengths.tolist()):
        own = source[:length, row]

        def score(tokens: list[int], own: Tensor = own) -> float:
            read = torch.tensor([1, *tokens[:-1]])
            steps = made(own, read)[0].detach().log_softmax(-1)
            return float(sum(steps[t, token] for t, token in enumerate(tokens)))

        (log_p, best), *_ = everything(score, T, LONGEST)
        end = int(found.lengths[row, 0])
        assert tuple(found.tokens[:end, row, 0].tolist()) == best
        assert_close(float(found.log_probabilities[row, 0]), log_p, **EXACT)
        end = int(greedy.lengths[row])
        tokens = greedy.tokens[:end, row].tolist()
        assert_close(float(greedy.log_probabilities[row]), score(tokens), **EXACT)
        assert STOP in tokens or end == LONGEST


@pytest.mark.parametrize("batch_first", [False, True])
def test_a_prime_of_a_translation(batch_first: bool) -> None:
    made = translator()
    source, prime = torch.randint(S, (6, 3)), torch.tensor([[3, 0, 3]])
    expected = made.generate(source, max_length=3, prime=prime)
    made.batch_first = made.encoder.batch_first = batch_first
    given = [x.t() if batch_first else x for x in (source, prime)]
    found = made.generate(given[0], max_length=3, prime=given[1])
    tokens = found.tokens.t() if batch_first else found.tokens
    assert_close(tokens, expected.tokens)
    assert_close(tokens[0], prime[0])


def test_sequences_are_learned_to_be_turned_round() -> None:
    torch.manual_seed(3)
    made = model("turner", 7, dtype=torch.float32).train()
    optimizer = torch.optim.Adam(made.parameters(), lr=0.02)

    def batch(rows: int) -> tuple[Tensor, Tensor, Tensor]:
        """Symbols 3 to 6, how many there are, and the same in reverse between start
        and stop."""
        lengths = torch.randint(1, 4, (rows,))
        source = torch.randint(3, 7, (3, rows))
        target = torch.zeros(5, rows, dtype=torch.long)
        target[0] = 1
        for row, length in enumerate(lengths.tolist()):
            target[1 : length + 1, row] = source[:length, row].flip(0)
            target[length + 1, row] = 2
        return source, lengths, target

    for _ in range(200):
        source, lengths, target = batch(64)
        options = {"source_lengths": lengths, "target_lengths": lengths + 1}
        output, _ = made(source, target[:-1], **options)
        loss = made.loss(output, target[1:], lengths=lengths + 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1
    source, lengths, target = batch(200)
    found = made.eval().generate(source, source_lengths=lengths, max_length=4)
    tokens = torch.zeros(4, 200, dtype=torch.long)
    tokens[: len(found.tokens)] = found.tokens
    counted = torch.arange(4).unsqueeze(1) <= lengths
    right = ((tokens == target[1:]) | ~counted).all(0)
    assert right.double().mean() > 0.95
