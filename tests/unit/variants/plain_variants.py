"""Recurrent cells as loops over rows and steps, with masks for their states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor

Masks: TypeAlias = Mapping[str, Tensor]
# (x, states, masks of this step, layer) to the new states; the first is the output.
Step: TypeAlias = Callable[[Tensor, list[Tensor], Masks, Any], list[Tensor]]


def lstm_step(x: Tensor, old: list[Tensor], masks: Masks, layer: Any) -> list[Tensor]:
    """One step of one row; masks may hold dropout_h, zoneout_h and zoneout_c."""
    h, c = old
    dropped = h * masks.get("dropout_h", torch.ones_like(h))
    weight = masks.get("weight_hh", layer.weight_hh_l0)
    gates = layer.weight_ih_l0 @ x + layer.bias_ih_l0
    gates = gates + weight @ dropped + layer.bias_hh_l0
    i, f, g, o = gates.chunk(4)
    c_new = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h_new = o.sigmoid() * c_new.tanh()
    return [_zoned(h, h_new, masks, "h"), _zoned(c, c_new, masks, "c")]


def gru_step(x: Tensor, old: list[Tensor], masks: Masks, layer: Any) -> list[Tensor]:
    """One step of one row; masks may hold dropout_h and zoneout_h."""
    (h,) = old
    dropped = h * masks.get("dropout_h", torch.ones_like(h))
    weight = masks.get("weight_hh", layer.weight_hh_l0)
    xr, xz, xn = (layer.weight_ih_l0 @ x + layer.bias_ih_l0).chunk(3)
    hr, hz, hn = (weight @ dropped + layer.bias_hh_l0).chunk(3)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    n = (xn + r * hn).tanh()
    return [_zoned(h, (1 - z) * n + z * h, masks, "h")]


def _zoned(old: Tensor, new: Tensor, masks: Masks, state: str) -> Tensor:
    share = masks.get(f"zoneout_{state}")
    return new if share is None else share * old + (1 - share) * new


def run(
    step: Step,
    layer: Any,
    x: Tensor,
    masks: Masks,
    *,
    lengths: tuple[int, ...] | None = None,
    reverse: bool = False,
) -> tuple[Tensor, list[Tensor]]:
    """All rows of x (T, B, I) from zero states, each over its own steps, from the last
    one if ``reverse``. masks (T, B, H) are in the order in which steps are taken.

    Returns the output (T, B, H), zero behind a row's end, and the last states (B, H).
    """
    steps, rows = x.shape[:2]
    count, width = len(layer.specification.states), layer.hidden_size
    outputs, finals = [], []
    for row in range(rows):
        length = steps if lengths is None else lengths[row]
        states = [x.new_zeros(width) for _ in range(count)]
        found = {t: x.new_zeros(width) for t in range(steps)}
        order = reversed(range(length)) if reverse else range(length)
        for index, t in enumerate(order):
            now = {name: mask[index, row] for name, mask in masks.items()}
            states = step(x[t, row], states, now, layer)
            found[t] = states[0]
        outputs.append(torch.stack([found[t] for t in range(steps)]))
        finals.append(states)
    last = [torch.stack(values) for values in zip(*finals, strict=True)]
    return torch.stack(outputs, 1), last
