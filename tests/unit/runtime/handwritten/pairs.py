"""The handwritten modules beside the ones of torch.nn that compute the same."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from handwritten.elman import Elman, ElmanCell
from handwritten.gru import GRU, GRUCell
from handwritten.lstm import LSTM, LSTMCell

Pair: TypeAlias = tuple[type[Any], type[nn.Module]]
LAYERS: tuple[Pair, ...] = ((LSTM, nn.LSTM), (GRU, nn.GRU), (Elman, nn.RNN))
CELLS: tuple[Pair, ...] = (
    (LSTMCell, nn.LSTMCell),
    (GRUCell, nn.GRUCell),
    (ElmanCell, nn.RNNCell),
)
ENGINES = ("reference", "fused")


def paired(pair: Pair, engine: str, *arguments: Any, **options: Any) -> tuple[Any, Any]:
    """One of ours and one of torch's with the same parameters."""
    ours, theirs = pair[0](*arguments, **options), pair[1](*arguments, **options)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    ours.engine = engine
    return ours, theirs


def state_of(pair: Pair, *tensors: Tensor) -> Any:
    """The first of the tensors, or as many as the state has, as torch.nn takes them."""
    return tensors if "LSTM" in pair[0].__name__ else tensors[0]


def flat(result: Any) -> list[Tensor]:
    """All tensors of a result, in order."""
    if isinstance(result, Tensor):
        return [result]
    return [tensor for part in result if part is not None for tensor in flat(part)]


def gradients(result: Any, tensors: list[Tensor]) -> list[Tensor]:
    """Gradients of a sum in which every entry of the result has a weight of its own."""
    parts = [part for part in flat(result) if part.is_floating_point()]
    total = torch.stack([(part.double() * part.double().cos()).sum() for part in parts])
    found = torch.autograd.grad(
        total.sum(), tensors, materialize_grads=True, retain_graph=True
    )
    return list(found)
