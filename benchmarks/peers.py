"""What generated layers are compared with: the same cells written by hand.

Each step is PyTorch as one writes it, differentiated by autograd: a linear map of the
input and one of the state, each for all gates at once, then the equations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

import rnndsl
from rnndsl import zoo

State: TypeAlias = tuple[Tensor, ...]
# One step: from x (B, I) and the state (B, H) each to the new state, its output first.
Step: TypeAlias = Callable[[Tensor, State], State]


def elman_steps(parameters: State) -> Step:
    """h = tanh(W x + U h + b + d)."""
    W, U, b, d = parameters

    def step(x: Tensor, state: State) -> State:
        (h,) = state
        return (torch.tanh(linear(x, W, b) + linear(h, U, d)),)

    return step


def lstm_steps(parameters: State) -> Step:
    """The long short-term memory of ``torch.nn.LSTM``."""
    W, U, b, d = parameters

    def step(x: Tensor, state: State) -> State:
        h, c = state
        i, f, g, o = (linear(x, W, b) + linear(h, U, d)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    return step


def gru_steps(parameters: State) -> Step:
    """The gated recurrent unit of ``torch.nn.GRU``."""
    W, U, b, d = parameters

    def step(x: Tensor, state: State) -> State:
        (h,) = state
        r_x, z_x, n_x = linear(x, W, b).chunk(3, 1)
        r_h, z_h, n_h = linear(h, U, d).chunk(3, 1)
        r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
        n = torch.tanh(n_x + r * n_h)
        return ((1 - z) * n + z * h,)

    return step


def peephole_lstm_steps(parameters: State) -> Step:
    """The long short-term memory whose gates see the cells."""
    W, U, p, b = parameters
    p_i, p_f, p_o = p.chunk(3)

    def step(x: Tensor, state: State) -> State:
        h, c_prev = state
        i, f, g, o = (linear(x, W, b) + linear(h, U)).chunk(4, 1)
        i = torch.sigmoid(i + p_i * c_prev)
        f = torch.sigmoid(f + p_f * c_prev)
        c = f * c_prev + i * torch.tanh(g)
        return torch.sigmoid(o + p_o * c) * torch.tanh(c), c

    return step


def mgu_steps(parameters: State) -> Step:
    """The minimal gated unit."""
    W, U, b = parameters
    U_f, U_n = U.chunk(2)

    def step(x: Tensor, state: State) -> State:
        (h,) = state
        f_x, n_x = linear(x, W, b).chunk(2, 1)
        f = torch.sigmoid(f_x + linear(h, U_f))
        n = torch.tanh(n_x + linear(f * h, U_n))
        return ((1 - f) * h + f * n,)

    return step


@dataclass(frozen=True, slots=True)
class Contest:
    """A cell of the zoo, how one writes it by hand, and torch's own layer if any."""

    cell: str
    states: int
    steps: Callable[[State], Step]
    vendor: Callable[[int, int], nn.Module] | None = None


CONTESTS = (
    Contest("LSTM", 2, lstm_steps, nn.LSTM),
    Contest("GRU", 1, gru_steps, nn.GRU),
    Contest("Elman", 1, elman_steps, nn.RNN),
    Contest("PeepholeLSTM", 2, peephole_lstm_steps),
    Contest("MGU", 1, mgu_steps),
)


class EagerLayer(nn.Module):
    """A loop over time steps that autograd records."""

    def __init__(self, contest: Contest, like: nn.Module, hidden_size: int) -> None:
        """Starts with a copy of the parameters of ``like``."""
        super().__init__()
        self.contest = contest
        self.hidden_size = hidden_size
        self.weights = nn.ParameterList(
            value.detach().clone() for value in like.parameters()
        )

    def forward(self, x: Tensor) -> tuple[Tensor, State]:
        """From x (T, B, I) to the output (T, B, H) and the last state."""
        step = self.contest.steps(tuple(self.weights))
        zeros = x.new_zeros(x.shape[1], self.hidden_size)
        state: State = (zeros,) * self.contest.states
        outputs = []
        for x_t in x.unbind(0):
            state = step(x_t, state)
            outputs.append(state[0])
        return torch.stack(outputs), state


@dataclass(frozen=True, slots=True)
class Contestants:
    """The same layer three times, with the same parameters."""

    fused: nn.Module
    eager: nn.Module
    vendor: nn.Module | None

    def named(self) -> dict[str, nn.Module]:
        """Those that there are, by name."""
        layers = {"fused": self.fused, "eager": self.eager}
        return layers if self.vendor is None else {**layers, "torch.nn": self.vendor}


def contestants(contest: Contest, input_size: int, hidden_size: int) -> Contestants:
    """Builds the layers that compete, with equal random parameters."""
    module: Any = rnndsl.load(zoo.path(contest.cell))
    fused = getattr(module, contest.cell)(input_size, hidden_size)
    fused.engine = "fused"
    vendor = None
    if contest.vendor is not None:
        vendor = contest.vendor(input_size, hidden_size)
        vendor.load_state_dict(fused.state_dict())
    return Contestants(fused, EagerLayer(contest, fused, hidden_size), vendor)
