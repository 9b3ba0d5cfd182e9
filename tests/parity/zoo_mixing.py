"""Cells of the zoo that mix features or places by more than products, by hand."""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import conv2d, layer_norm, linear

Values: TypeAlias = dict[str, Tensor]


def conv_lstm(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    gates = conv2d(x["x"], p["weight_ih"], p["bias_ih"], padding=1)
    gates = gates + conv2d(s["h"], p["weight_hh"], padding=1)
    i, f, g, o = gates.chunk(4, 1)
    p_i, p_f, p_o = p["weight_peephole"].chunk(3)
    c = torch.sigmoid(f + p_f * s["c"]) * s["c"]
    c = c + torch.sigmoid(i + p_i * s["c"]) * torch.tanh(g)
    h = torch.sigmoid(o + p_o * c) * torch.tanh(c)
    return h, {"h": h, "c": c}


def layer_norm_lstm(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    gates = p["gain_ih"] * _normal(linear(x["x"], p["weight_ih"]))
    gates = gates + p["gain_hh"] * _normal(linear(s["h"], p["weight_hh"]))
    i, f, g, o = (gates + p["bias_ih"]).chunk(4, -1)
    c = torch.sigmoid(f) * s["c"] + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(p["gain_c"] * _normal(c) + p["bias_c"])
    return h, {"h": h, "c": c}


def _normal(u: Tensor) -> Tensor:
    return layer_norm(u, u.shape[-1:])
