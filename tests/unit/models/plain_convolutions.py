"""Models with convolutions, written with torch.nn alone: one step of one row at a time.

Submodules have the names of the compiled models', whose state they load.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from plain_models import D, padded_with, run
from torch import Tensor, nn
from torch.nn import functional


def each(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``function`` on every step of every row of x (T, B, ...), alone."""
    rows = [torch.stack([function(step[None])[0] for step in row]) for row in x]
    return torch.stack(rows)


class PlainVideo(nn.Module):
    def __init__(self, c: int, k: int) -> None:
        super().__init__()
        self.map_1 = nn.Conv2d(c, 3, 3, padding=1, **D)
        self.map_2 = nn.Conv2d(3, 4, 5, padding=2, **D)
        self.map_3 = nn.Linear(4 * 1 * 2, 6, **D)
        self.layer_1 = nn.GRU(6, 5, bidirectional=True, **D)
        self.head = nn.Linear(10, k, **D)

    def picture(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(self.map_1(x).relu(), 2)
        x = functional.avg_pool2d(self.map_2(x).tanh(), 3)
        return self.map_3(x.reshape(1, -1))

    def forward(self, frames: Tensor, *, lengths: Tensor, state: Any) -> Any:
        x = each(self.picture, frames)
        x, last = run(self.layer_1, x, lengths, *(state or ()))
        return padded_with(self.head(x), lengths, 0), (last,)


class PlainWave(nn.Module):
    def __init__(self, c: int, n: int, k: int) -> None:
        super().__init__()
        self.map_1 = nn.Conv1d(c, 3, 5, padding=2, **D)
        self.map_2 = nn.Conv1d(3, k, 1, **D)
        self.layer_1 = nn.GRU(k * n, 5, **D)
        self.head = nn.Linear(5, 2, **D)

    def wave(self, x: Tensor) -> Tensor:
        return self.map_2(functional.softplus(self.map_1(x)).sqrt()).reshape(1, -1)

    def forward(self, x: Tensor, *, lengths: Tensor, state: Any) -> Any:
        y, last = run(self.layer_1, each(self.wave, x), lengths, *(state or ()))
        rows = [y[n - 1, row] for row, n in enumerate(lengths.tolist())]
        return self.head(torch.stack(rows)), (last,)


class PlainWhole(nn.Module):
    def __init__(self, c: int, y: int, x: int) -> None:
        super().__init__()
        self.map_1 = nn.Conv2d(c, 4, 1, **D)
        self.layer_1 = nn.GRU(4, 5, **D)

    def forward(self, pictures: Tensor, *, lengths: Tensor, state: Any) -> Any:
        means = each(lambda x: self.map_1(x).flatten(2).mean(2), pictures)
        largest, last = run(self.layer_1, means, lengths, *(state or ()))
        return padded_with(largest, lengths, 0), (last,)
