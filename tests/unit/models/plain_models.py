"""The models of the specs, written with torch.nn alone: packed sequences, plain loops.

Submodules have the names of the compiled models', whose state they load.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

D: dict[str, Any] = {"dtype": torch.float64}


def run(layer: nn.Module, x: Tensor, lengths: Tensor, hx: Any = None) -> Any:
    """A recurrent layer over rows of these lengths, at least 1."""
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    output, state = layer(packed, hx)
    return pad_packed_sequence(output, total_length=x.shape[0])[0], state


def backward_in_time(x: Tensor, lengths: Tensor) -> Tensor:
    """Each row's steps in reverse, row by row."""
    result = x.clone()
    for row, length in enumerate(lengths.tolist()):
        result[:length, row] = x[:length, row].flip(0)
    return result


def padded_with(x: Tensor, lengths: Tensor, value: float) -> Tensor:
    """x with ``value`` behind the end of each row."""
    result = x.clone()
    for row, length in enumerate(lengths.tolist()):
        result[length:, row] = value
    return result


class PlainTagger(nn.Module):
    def __init__(self, v: int, k: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(v, 4, **D)
        self.layer_1 = nn.LSTM(4, 5, bidirectional=True, **D)
        self.layer_2_1 = nn.LSTM(10, 5, **D)
        self.layer_2_2 = nn.GRU(10, 5, **D)
        self.head = nn.Linear(10, k, **D)

    def forward(self, words: Tensor, *, lengths: Tensor, state: Any) -> Any:
        first, second, third = state or (None, None, None)
        x, first = run(self.layer_1, self.embedding(words), lengths, first)
        y, second = run(self.layer_2_1, x, lengths, second)
        z, third = run(self.layer_2_2, x, lengths, third)
        output = self.head(x + torch.cat((y, z), -1))
        return padded_with(output, lengths, 0), (first, second, third)


class PlainStack(nn.Module):
    def __init__(self, i: int, h: int, k: int) -> None:
        super().__init__()
        self.map_1 = nn.Linear(i, 7, **D)
        self.layer_1 = nn.GRU(7, h, **D)
        self.layer_1_projection = nn.Linear(h, 7, **D)
        self.layer_2 = nn.GRU(7, h, **D)
        self.layer_2_projection = nn.Linear(h, 7, **D)
        self.layer_3 = nn.LSTM(7, 4, **D)
        self.head_1 = nn.Linear(11, 5, **D)
        self.head_2 = nn.Linear(5, k, **D)

    def forward(self, x: Tensor, *, lengths: Tensor, state: Any) -> Any:
        first, second, third = state or (None, None, None)
        x = self.map_1(x).tanh()
        y, first = run(self.layer_1, x, lengths, first)
        x = x + self.layer_1_projection(y)
        y, second = run(self.layer_2, x, lengths, second)
        x = x + self.layer_2_projection(y)
        y, third = run(self.layer_3, x, lengths, third)
        x = functional.elu(torch.cat((x, y), -1), 0.5)
        output = self.head_2(self.head_1(x).relu())
        return padded_with(output, lengths, 0), (first, second, third)


class PlainMixed(nn.Module):
    def __init__(self, i: int, h: int) -> None:
        super().__init__()
        self.layer_1_forward = nn.LSTM(i, h, **D)
        self.layer_1_backward = nn.GRU(i, h, **D)
        self.layer_2_1 = nn.GRU(h, 5, bidirectional=True, **D)
        self.layer_2_2 = nn.LSTM(h, 5, bidirectional=True, **D)
        self.layer_2_3 = nn.GRU(h, 5, bidirectional=True, **D)
        self.layer_3 = nn.GRU(5, 3, **D)
        self.layer_4 = nn.LSTM(3, 4, bidirectional=True, **D)
        self.layer_4_state = nn.ParameterDict(
            {"h": torch.zeros(2, 4, **D), "c": torch.zeros(2, 4, **D)}
        )

    def forward(self, x: Tensor, *, lengths: Tensor, state: Any) -> Any:
        s = list(state or [None] * 7)
        ahead, s[0] = run(self.layer_1_forward, x, lengths, s[0])
        turned = backward_in_time(x, lengths)
        back, s[1] = run(self.layer_1_backward, turned, lengths, s[1])
        x = ahead * backward_in_time(back, lengths)
        outputs = []
        for index, layer in enumerate((self.layer_2_1, self.layer_2_2, self.layer_2_3)):
            output, s[2 + index] = run(layer, x, lengths, s[2 + index])
            outputs.append(output[..., :5] + output[..., 5:])
        x = torch.stack(outputs).mean(0)
        x, s[5] = run(self.layer_3, backward_in_time(x, lengths), lengths, s[5])
        x = backward_in_time(x, lengths)
        if s[6] is None:
            rows = [self.layer_4_state[n].unsqueeze(1) for n in ("h", "c")]
            s[6] = tuple(row.repeat(1, x.shape[1], 1) for row in rows)
        x, s[6] = run(self.layer_4, x, lengths, s[6])
        return (x[..., :4] + x[..., 4:]) / 2, tuple(s)


class PlainLetters(nn.Module):
    def __init__(self, v: int) -> None:
        super().__init__()
        self.v = v
        self.map_1 = nn.Linear(v, 6, **D)
        self.layer_1 = nn.GRU(6, 5, **D)
        self.head = nn.Linear(5, v, **D)

    def forward(self, letters: Tensor, *, lengths: Tensor, state: Any) -> Any:
        x = self.map_1(functional.one_hot(letters, self.v).double())
        x, last = run(self.layer_1, x, lengths, *(state or ()))
        return padded_with(self.head(x), lengths, 0), (last,)


class PlainSingular(nn.Module):
    def __init__(self, i: int) -> None:
        super().__init__()
        self.layer_1 = nn.GRU(i, 4, **D)
        self.map_1 = nn.Linear(4, 3, **D)
        self.head = nn.Linear(3, 2, **D)

    def forward(self, x: Tensor, *, lengths: Tensor, state: Any) -> Any:
        # x has no padding here: each row on its own, and put together again.
        rows, states = [], []
        for row, length in enumerate(lengths.tolist()):
            begin = None if state is None else state[0][:, row : row + 1]
            y = x[:length, row : row + 1].log().sqrt().exp()
            y, last = self.layer_1(y, begin)
            y = self.head(self.map_1(y).exp().log()).exp()
            rows.append(functional.pad(y, (0, 0, 0, 0, 0, x.shape[0] - length)))
            states.append(last)
        return torch.cat(rows, 1), (torch.cat(states, 1),)


class PlainClassifier(nn.Module):
    """Pools each row on its own."""

    def __init__(self, pooling: str, i: int, k: int) -> None:
        super().__init__()
        self.kind = pooling
        self.layer_1 = nn.GRU(i, 5, **D)
        if pooling == "attention":
            projection, context = nn.Linear(5, 5, **D), nn.Linear(5, 1, False, **D)
            self.pooling = nn.ModuleDict({"projection": projection, "context": context})
        self.head = nn.Linear(5, k, **D)

    def forward(self, x: Tensor, *, lengths: Tensor, state: Any) -> Any:
        x, last = run(self.layer_1, x, lengths, *(state or ()))
        rows = [x[:n, row] for row, n in enumerate(lengths.tolist())]
        return self.head(torch.stack([self.pooled(row) for row in rows])), (last,)

    def pooled(self, row: Tensor) -> Tensor:
        match self.kind:
            case "last":
                return row[-1]
            case "mean":
                return row.mean(0)
            case "max":
                return row.max(0).values
            case _:
                hidden = torch.tanh(self.pooling["projection"](row))
                weights = torch.softmax(self.pooling["context"](hidden), 0)
                return (weights * row).sum(0)


class PlainShared(nn.Module):
    """Each group of layers is one set of modules, run again and again."""

    def __init__(self, i: int, k: int) -> None:
        super().__init__()
        self.map_1 = nn.Linear(i, 5, **D)
        self.layer_1 = nn.LSTM(5, 5, **D)
        for index in (1, 2, 3):
            values = {n: torch.zeros(1, 5, **D) for n in ("h", "c")}
            setattr(self, f"layer_{index}_state", nn.ParameterDict(values))
        for index in (1, 2):
            setattr(self, f"layer_4_{index}_forward", nn.GRU(5, 4, **D))
            setattr(self, f"layer_4_{index}_backward", nn.LSTM(5, 4, **D))
        self.layer_4_projection = nn.Linear(8, 5, **D)
        self.head = nn.Linear(5, k, **D)

    def forward(self, x: Tensor, *, lengths: Tensor, state: Any) -> Any:
        s = list(state or [None] * 11)
        x = self.map_1(x)
        for index in range(3):
            if s[index] is None:
                own = getattr(self, f"layer_{index + 1}_state")
                s[index] = [own[n].unsqueeze(1).repeat(1, x.shape[1], 1) for n in "hc"]
            y, s[index] = run(self.layer_1, x, lengths, tuple(s[index]))
            x = x + y
        at = 3
        for _ in range(2):
            outputs = []
            for branch in (1, 2):
                forward = getattr(self, f"layer_4_{branch}_forward")
                backward = getattr(self, f"layer_4_{branch}_backward")
                ahead, s[at] = run(forward, x, lengths, s[at])
                turned = backward_in_time(x, lengths)
                back, s[at + 1] = run(backward, turned, lengths, s[at + 1])
                outputs.append(ahead + backward_in_time(back, lengths))
                at += 2
            x = self.layer_4_projection(torch.cat(outputs, -1))
        return padded_with(self.head(x), lengths, 0), tuple(s)


class PlainOnce(nn.Module):
    def __init__(self, i: int, k: int) -> None:
        super().__init__()
        self.layer_1 = nn.GRU(i, 5, **D)
        self.head = nn.Linear(5, k, **D)

    def forward(self, x: Tensor, *, state: Any) -> Any:
        x, last = self.layer_1(x.unsqueeze(0), *(state or ()))
        return self.head(x[0]), (last,)
