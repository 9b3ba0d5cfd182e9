"""Training, and what a model that only counts words can do."""

from __future__ import annotations

from typing import Any

import torch
from data import Batch
from torch import Tensor, nn

BATCH = 32


def train(model: Any, reviews: Batch, epochs: int) -> None:
    """Trains a compiled model, and prints the mean loss of each epoch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    model.train()
    for epoch in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(reviews.lengths)).split(BATCH):
            batch = reviews[rows]
            output, _ = model(batch.words, lengths=batch.lengths)
            loss = model.loss(output, batch.labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        print(f"epoch {epoch + 1}: loss {total / len(reviews.lengths):.3f}")
    model.eval()


def accuracy(model: Any, reviews: Batch) -> float:
    """The share of reviews that are understood."""
    with torch.no_grad():
        output, _ = model(reviews.words, lengths=reviews.lengths)
    return _share(model.predict(output) > 0.5, reviews.labels)


def bag_of_words_accuracy(reviews: Batch, tests: Batch, words: int) -> float:
    """That of logistic regression on how often each word occurs in a review."""
    regression = nn.Linear(words, 1)
    optimizer = torch.optim.Adam(regression.parameters(), lr=0.05)
    counts = _counts(reviews, words)
    for _ in range(200):
        scores = regression(counts)
        loss = nn.functional.binary_cross_entropy_with_logits(scores, reviews.labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return _share(regression(_counts(tests, words)) > 0, tests.labels)


def _counts(reviews: Batch, words: int) -> Tensor:
    """How often each word occurs in each review, (B, V); the padding does not count."""
    counts = nn.functional.one_hot(reviews.words, words).sum(0).float()
    counts[:, 0] = 0
    return counts


def _share(said: Tensor, labels: Tensor) -> float:
    return (said == labels.bool()).float().mean().item()
