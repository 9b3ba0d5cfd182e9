"""A small random recurrent model, and everything it can generate."""

from __future__ import annotations

import torch
from torch import Tensor, nn

State = tuple[Tensor, tuple[Tensor]]
Scored = tuple[float, float, list[int]]


class TinyModel(nn.Module):
    """Symbols to scores of the next: an embedding, a GRU with a counter, a head."""

    def __init__(self, symbols: int, hidden: int = 5, spread: float = 2.0) -> None:
        super().__init__()
        self.symbols = symbols
        self.embedding = nn.Embedding(symbols, 3)
        self.cell = nn.GRUCell(3, hidden)
        self.head = nn.Linear(hidden, symbols)
        self.calls = 0
        self.double()
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=spread)

    def forward(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """tokens (N,), state h (1, N, H) and a counter (2, N), both batch axis 1."""
        self.calls += 1
        h, (count,) = state
        h = self.cell(self.embedding(tokens), h[0])
        return self.head(h) + 0.1 * count.sum(0).unsqueeze(1), (h[None], (count + 1,))

    def first_state(self, batch: int) -> State:
        like = self.head.weight
        h = torch.randn(1, batch, self.cell.hidden_size).to(like)
        return h, (torch.zeros(2, batch).to(like),)


def row_of(state: State, row: int) -> State:
    h, (count,) = state
    return h[:, row : row + 1], (count[:, row : row + 1],)


def log_probability(
    model: TinyModel, state: State, read: list[int], tokens: list[int]
) -> float:
    """Of tokens, one row's, behind the symbols read before."""
    if not tokens:
        return 0.0
    scores, state = after(model, state, read)
    step = scores.log_softmax(0)[tokens[0]].item()
    return step + log_probability(model, state, tokens[:1], tokens[1:])


def after(model: TinyModel, state: State, read: list[int]) -> tuple[Tensor, State]:
    """The scores (V) and the state behind the symbols read, at least one."""
    scores = torch.empty(0)
    for symbol in read:
        (scores,), state = model(torch.tensor([symbol]), state)
    return scores, state


def every_score(
    model: TinyModel,
    state: State,
    read: list[int],
    *,
    stop: int | None,
    longest: int,
    alpha: float = 0.0,
) -> list[Scored]:
    """Score, log-probability and tokens of all sequences, best first."""
    found: list[Scored] = []

    def extend(state: State, read: list[int], tokens: list[int], log_p: float) -> None:
        scores, state = after(model, state, read)
        for symbol, gain in enumerate(scores.log_softmax(0).tolist()):
            whole, total = [*tokens, symbol], log_p + gain
            if symbol == stop or len(whole) == longest:
                found.append((total / ((5 + len(whole)) / 6) ** alpha, total, whole))
            else:
                extend(state, [symbol], whole, total)

    extend(state, read, [], 0.0)
    return sorted(found, reverse=True)
