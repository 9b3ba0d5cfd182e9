"""Training of a tagger, and how often it is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from data import TAGS, Batch, Sentence
from torch import Tensor

BATCH = 16


def train(model: Any, sentences: Batch, epochs: int) -> float:
    """Trains a compiled model; returns the mean loss of the last epoch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    count = len(sentences.lengths)
    mean = 0.0
    model.train()
    for _ in range(epochs):
        total = 0.0
        for rows in torch.randperm(count).split(BATCH):
            batch = sentences[rows]
            output, _ = model(batch.words, lengths=batch.lengths)
            loss = model.loss(output, batch.tags, lengths=batch.lengths)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        mean = total / count
    model.eval()
    return mean


@dataclass(frozen=True, slots=True)
class Score:
    """The shares of words, and of whole sentences, whose tags are right; and of
    sentences with tags that no sentence can have, such as I-LOC behind B-PER."""

    words: float
    sentences: float
    impossible: float


@torch.no_grad()
def tagged(model: Any, batch: Batch) -> list[list[str]]:
    """The tags that a model gives the words of each sentence."""
    output, _ = model(batch.words, lengths=batch.lengths)
    tags: Tensor
    if hasattr(model, "crf"):
        tags = model.predict(output, batch.lengths)  # the best of all sequences
    else:
        tags = model.predict(output).argmax(-1)  # the likeliest of each word
    rows = zip(tags.t().tolist(), batch.lengths.tolist(), strict=True)
    return [[TAGS[tag] for tag in row[:length]] for row, length in rows]


def score(given: list[list[str]], sentences: list[Sentence]) -> Score:
    """Compares tags with those of the grammar."""
    pairs = [
        (tag, right)
        for tags, sentence in zip(given, sentences, strict=True)
        for tag, right in zip(tags, sentence.tags, strict=True)
    ]
    whole = [
        tuple(tags) == sentence.tags
        for tags, sentence in zip(given, sentences, strict=True)
    ]
    return Score(
        words=sum(tag == right for tag, right in pairs) / len(pairs),
        sentences=sum(whole) / len(whole),
        impossible=sum(map(is_impossible, given)) / len(given),
    )


def is_impossible(tags: list[str]) -> bool:
    """Whether a name goes on that has not begun."""
    before = ["O", *tags[:-1]]
    return any(
        tag.startswith("I-") and last[2:] != tag[2:]
        for last, tag in zip(before, tags, strict=True)
    )
