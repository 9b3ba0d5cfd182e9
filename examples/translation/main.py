"""Compiles an encoder and a decoder, and trains them to spell words backward."""

from __future__ import annotations

import argparse
import random
import string
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

import rnndsl

HERE = Path(__file__).parent
SPEC = HERE / "reverse.rnn"
START, STOP = 1, 2  # as the spec says; 0 is padding
LETTERS = {letter: token for token, letter in enumerate(string.ascii_lowercase, 3)}
SHORTEST, LONGEST = 3, 12
BATCH, TESTED = 128, 500
NEEDED = 0.95
SHOWN = ("translation", "recurrent", "attention")


def compile_model(output: Path) -> ModuleType:
    """Writes the Python module of the spec into a folder, and imports it."""
    written = rnndsl.compile_file(SPEC, output / "reverse.py")
    print(f"compiled {SPEC.name} to {written.name}")
    sys.path.insert(0, str(output))
    return import_module(written.stem)


def draw_words(count: int, generator: random.Random) -> list[str]:
    """Words of random letters."""
    return [
        "".join(generator.choices(string.ascii_lowercase, k=length))
        for length in generator.choices(range(SHORTEST, LONGEST + 1), k=count)
    ]


def batch_of(words: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
    """The words (S, B), how many letters they have (B,), and the same backward, between
    a start and a stop symbol, (T, B)."""
    lengths = torch.tensor([len(word) for word in words])
    source = torch.zeros(int(lengths.max()), len(words), dtype=torch.long)
    target = torch.zeros(len(source) + 2, len(words), dtype=torch.long)
    for row, word in enumerate(words):
        tokens = torch.tensor([LETTERS[letter] for letter in word])
        source[: len(word), row] = tokens
        target[: len(word) + 2, row] = torch.tensor([START, *tokens.flip(0), STOP])
    return source, lengths, target


def write(model: Any, words: Sequence[str]) -> list[str]:
    """What the model makes of words; what is no letter becomes a question mark."""
    source, lengths, _ = batch_of(words)
    found = model.generate(
        source,
        source_lengths=lengths,
        max_length=LONGEST + 3,
        strategy="beam",
        width=3,
    )
    spelt = {token: letter for letter, token in LETTERS.items()}
    written = []
    for row in range(len(words)):
        tokens = found.tokens[: found.lengths[row, 0], row, 0].tolist()
        written.append("".join(spelt.get(t, "?") for t in tokens if t != STOP))
    return written


def train(model: Any, steps: int, generator: random.Random) -> None:
    """Teacher forcing: the model reads what it shall write, one step behind."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)
    for step in range(1, steps + 1):
        source, lengths, target = batch_of(draw_words(BATCH, generator))
        output, _ = model(
            source,
            target[:-1],
            source_lengths=lengths,
            target_lengths=lengths + 1,
        )
        loss = model.loss(output, target[1:], lengths=lengths + 1)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == steps:
            print(f"step {step}: loss {loss.item():.3f}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the example. Returns 0 if enough new words were spelt backward, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output", type=Path, default=HERE / "build", help="a folder, made if absent"
    )
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # steps as small as these gain nothing from more

    module = compile_model(options.output)
    torch.manual_seed(options.seed)
    generator = random.Random(options.seed)
    model = module.Reverser(v_size=len(LETTERS) + 3)
    train(model, options.steps, generator)

    model.eval()
    for word, written in zip(SHOWN, write(model, SHOWN), strict=True):
        print(f"{word} -> {written}")
    words = draw_words(TESTED, generator)
    right = sum(w[::-1] == v for w, v in zip(words, write(model, words), strict=True))
    accuracy = right / TESTED
    print(f"new words spelt backward without a mistake {accuracy:.1%}")
    return 0 if accuracy >= NEEDED else 1


if __name__ == "__main__":
    sys.exit(main())
