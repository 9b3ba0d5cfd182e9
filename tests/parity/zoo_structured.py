"""Cells of the zoo with structured parameters, written by hand: from what is stored."""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import linear, relu

Values: TypeAlias = dict[str, Tensor]


def exp_rnn(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    u = torch.linalg.matrix_exp(_antisymmetric(p["weight_hh"], s["h"].shape[-1]))
    z = linear(x["x"], p["weight_ih"]) + linear(s["h"], u)
    h = torch.where(z < 0, -1.0, 1.0) * relu(z.abs() + p["bias_hh"])
    return h, {"h": h}


def antisymmetric_rnn(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    size = s["h"].shape[-1]
    damped = _antisymmetric(p["weight_hh"], size) - 0.01 * torch.eye(
        size, dtype=torch.float64
    )
    force = linear(x["x"], p["weight_ih"], p["bias_ih"]) + linear(s["h"], damped)
    h = s["h"] + 0.01 * torch.tanh(force)
    return h, {"h": h}


def echo_state(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    size = s["h"].shape[-1]
    rows = torch.arange(size).unsqueeze(1)
    empty = p["weight_hh"].new_zeros(size, size)
    u = empty.index_put((rows, p["weight_hh_columns"]), p["weight_hh"])
    new = torch.tanh(linear(x["x"], p["weight_ih"]) + linear(s["h"], u))
    h = torch.lerp(s["h"], new, 0.3)
    return h, {"h": h}


def hopfield(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    new = torch.where(s["begun"][..., None] > 0, _associated(s["s"], p), x["x"])
    return new, {"s": new, "begun": torch.ones_like(s["begun"])}


def hopfield_asynchronous(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    new = torch.where(x["chosen"] > 0, _associated(s["s"], p), s["s"])
    return new, {"s": new}


def _antisymmetric(stored: Tensor, size: int) -> Tensor:
    matrix = stored.new_zeros(size, size)
    matrix = matrix.index_put(tuple(torch.tril_indices(size, size, -1)), stored)
    return matrix - matrix.T


def _associated(s: Tensor, p: Values) -> Tensor:
    size = s.shape[-1]
    lower = s.new_zeros(size, size)
    lower = lower.index_put(tuple(torch.tril_indices(size, size)), p["weight"])
    field = linear(s, torch.tril(lower) + torch.tril(lower, -1).T) - p["threshold"]
    return torch.where(field == 0, s, field.sign())
