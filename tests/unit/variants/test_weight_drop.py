"""Weight drop: entries of recurrent weights are dropped once in a forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from plain_variants import gru_step, lstm_step, run
from torch import Tensor, nn
from torch.testing import assert_close
from variant_specs import (
    ENGINES,
    LENGTHS,
    build,
    gradients,
    module_of,
    spec,
    vectors,
)


@contextmanager
def weights_noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Tensor]]:
    """The weights without what was dropped, in the order in which they were drawn."""
    drawn: list[Tensor] = []
    dropout = nn.functional.dropout

    def noted(*arguments: Any) -> Tensor:
        drawn.append(dropout(*arguments))
        return drawn[-1]

    with monkeypatch.context() as patched:
        patched.setattr(nn.functional, "dropout", noted)
        yield drawn


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cell", ["GRU", "LSTM"])
def test_as_a_plain_loop(
    cell: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = spec(f"layer {cell}(4), weight_drop(0.5), bidirectional")
    model = build(text, 3).train()
    model.engine = engine
    x = vectors(3)
    with weights_noted(monkeypatch) as drawn:
        output, _ = model(x, lengths=torch.tensor(LENGTHS))
    layer, step = model.layer_1, gru_step if cell == "GRU" else lstm_step
    kept = [weight != 0 for weight in drawn]
    assert len(kept) == 2
    assert not torch.equal(*kept)
    halves = []
    for suffix, mask in zip(("_l0", "_l0_reverse"), kept, strict=True):
        one = module_of(text).__dict__[cell](3, 4, dtype=torch.float64)
        for name, parameter in layer.named_parameters():
            if name.endswith(suffix):
                one._parameters[name.replace(suffix, "_l0")] = parameter
        weight = one.weight_hh_l0 * mask / 0.5
        masks = {"weight_hh": weight.expand(*x.shape[:2], -1, -1)}
        is_back = suffix != "_l0"
        halves.append(run(step, one, x, masks, lengths=LENGTHS, reverse=is_back)[0])
    wanted = torch.cat(halves, -1)
    assert_close(output, wanted, rtol=0, atol=1e-12)
    leaves = [x, *layer.parameters()]
    for found, other in zip(
        gradients(output, leaves), gradients(wanted, leaves), strict=True
    ):
        assert_close(found, other, rtol=0, atol=1e-11)
    assert layer.weight_hh_l0.is_leaf


def test_drawn_anew_and_repeatable_and_not_in_evaluation() -> None:
    model = build(spec("layer LSTM(4) x 2, weight_drop(0.5)"), 3).train()
    x = vectors(3)
    torch.manual_seed(7)
    first, second = model(x)[0], model(x)[0]
    torch.manual_seed(7)
    assert_close(model(x)[0], first, rtol=0, atol=0)
    assert not torch.allclose(second, first)
    model.eval()
    assert_close(model(x)[0], model(x)[0], rtol=0, atol=0)
    plain = build(spec("layer LSTM(4) x 2"), 3)
    plain.load_state_dict(model.state_dict())
    assert_close(plain(x)[0], model(x)[0], rtol=0, atol=0)


def test_half_of_the_entries_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = module_of(spec("layer LSTM(4)")).LSTM(3, 90, num_layers=2)
    layer.drop_weights(0.25, "weight_hh")
    with weights_noted(monkeypatch) as drawn:
        layer(torch.randn(2, 3, 3))
    assert [tuple(weight.shape) for weight in drawn] == [(360, 90), (360, 90)]
    for weight, own in zip(
        drawn, (layer.weight_hh_l0, layer.weight_hh_l1), strict=True
    ):
        kept = weight != 0
        assert 0.74 < kept.float().mean() < 0.76
        assert_close(weight[kept], own[kept] / 0.75)


def test_of_one_step_and_of_other_parameters() -> None:
    module = module_of(spec("layer LSTM(4)"))
    cell = module.LSTMCell(3, 5)
    cell.drop_weights(0.5, "weight_ih", "weight_hh")
    x = torch.randn(2, 3)
    assert not torch.allclose(cell(x)[0], cell(x)[0])
    assert repr(cell) == "LSTMCell(3, 5, weight_drop=0.5)"
    cell.drop_weights(0, "weight_hh")
    assert_close(cell(x)[0], cell(x)[0])


@pytest.mark.parametrize("p", [-0.1, 1, True, "0.5", None])
def test_what_is_no_probability(p: Any) -> None:
    layer = module_of(spec("layer LSTM(4)")).LSTM(3, 5)
    with pytest.raises(ValueError, match="expected a probability from 0 up to 1"):
        layer.drop_weights(p, "weight_hh")


def test_what_is_no_parameter() -> None:
    layer = module_of(spec("layer LSTM(4)")).LSTM(3, 5)
    expected = "'weight_oh' is no parameter of LSTM, which has weight_ih, weight_hh"
    with pytest.raises(ValueError, match=expected):
        layer.drop_weights(0.5, "weight_oh")
