"""Truncated backpropagation through a long text, and perplexity."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

STEPS, ROWS = 35, 20


def pieces(text: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """The text in rows that are read side by side, (T, B) words at a time and those
    that come next. Each row goes on in the next piece where it ended in this one."""
    length = (len(text) - 1) // ROWS
    words = text[: length * ROWS].reshape(ROWS, length).t()
    following = text[1 : length * ROWS + 1].reshape(ROWS, length).t()
    yield from zip(words.split(STEPS), following.split(STEPS), strict=True)


def train_epoch(model: Any, text: Tensor, optimizer: torch.optim.Optimizer) -> None:
    """Reads the text once. The state is kept from piece to piece, its gradient not."""
    model.train()
    model.reset_state()
    for words, following in pieces(text):
        output, _ = model(words)
        loss = model.loss(output, following)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


@torch.no_grad()
def perplexity(model: Any, text: Tensor) -> float:
    """The exponential of the mean cross-entropy of all words of the text."""
    model.eval()
    model.reset_state()
    total, count = 0.0, 0
    for words, following in pieces(text):
        output, _ = model(words)
        total += model.loss(output, following).item() * words.numel()
        count += words.numel()
    return math.exp(total / count)


def unigram_perplexity(text: Tensor, tests: Tensor, size: int) -> float:
    """That of guessing each word by how frequent it is."""
    counts = torch.bincount(text, minlength=size) + 1.0
    log_p = (counts / counts.sum()).log()
    return math.exp(-log_p[tests].mean().item())
