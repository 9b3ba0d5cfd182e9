"""Torch's kernels as an engine: values, gradients, refusals, what callers may do."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

import rnndsl
from rnndsl import zoo
from rnndsl.runtime.engines.vendor import in_one_piece

D, H = 3, 5
TORCH: dict[str, Any] = {
    "LSTM": nn.LSTM,
    "GRU": nn.GRU,
    "Elman": nn.RNN,
    "ElmanReLU": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k),
}
CELLS = pytest.mark.parametrize("cell", TORCH)


def layer_of(cell: str, engine: str = "vendor", **options: Any) -> Any:
    layer = getattr(rnndsl.load(zoo.path(cell)), cell)(
        D, H, **{"dtype": torch.float64, **options}
    )
    layer.engine = engine
    return layer


def beside(layer: Any, engine: str = "reference") -> Any:
    other = copy.deepcopy(layer)
    other.engine = engine
    return other


def sequence(steps: int = 6, batch: int = 4, **options: Any) -> Tensor:
    torch.manual_seed(steps + batch)
    return torch.randn(steps, batch, D, **{"dtype": torch.float64, **options})


def flat(result: Any) -> list[Tensor]:
    output, state = result
    return [output, *(state if isinstance(state, tuple) else (state,))]


def total(result: Any) -> Tensor:
    parts = [(value * value.cos()).sum() for value in flat(result)]
    return torch.stack(parts).sum()


def gradients(layer: Any, x: Tensor) -> list[Tensor | None]:
    layer.zero_grad()
    given = x.clone().requires_grad_()
    total(layer(given)).backward()
    return [given.grad, *(parameter.grad for parameter in layer.parameters())]


@CELLS
def test_it_is_torchs_layer(cell: str) -> None:
    for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16):
        options = {"num_layers": 2, "bidirectional": True, "dtype": dtype}
        layer = layer_of(cell, **options)
        theirs = TORCH[cell](D, H, **options)
        theirs.load_state_dict(layer.state_dict())
        x = sequence(dtype=dtype)
        assert_close(flat(layer(x)), flat(theirs(x)), rtol=0, atol=0)
        # Gradients of both directions are added in another order.
        assert_close(gradients(layer, x), gradients(theirs, x))


@CELLS
@pytest.mark.parametrize("bias", [True, False])
def test_forms_of_input_and_given_states(cell: str, bias: bool) -> None:
    layer = layer_of(cell, bias=bias, batch_first=True)
    plain = beside(layer)
    x = sequence()
    # Neither is contiguous, as a slice of something larger.
    state = tuple(torch.randn(1, 6, 2 * H).double()[..., ::2] for _ in range(2))
    hx = state if cell == "LSTM" else state[0]
    assert_close(flat(layer(x, hx)), flat(plain(x, hx)), rtol=1e-11, atol=1e-12)
    assert_close(flat(layer(x[0])), flat(plain(x[0])), rtol=1e-11, atol=1e-12)


@CELLS
def test_only_some_of_all_are_differentiated(cell: str) -> None:
    layer = layer_of(cell)
    plain = beside(layer)
    for chosen in (["x"], ["hx"], ["weight_hh_l0"], ["bias_ih_l0", "x"]):
        found = []
        for module in (layer, plain):
            for name, parameter in module.named_parameters():
                parameter.requires_grad_(name in chosen)
            x = sequence().requires_grad_("x" in chosen)
            h = torch.ones(1, 4, H).double().requires_grad_("hx" in chosen)
            result = module(x, (h, 2 * h) if cell == "LSTM" else h)
            wanted = [x, h, *module.parameters()]
            wanted = [tensor for tensor in wanted if tensor.requires_grad]
            found.append(torch.autograd.grad(total(result), wanted))
        assert_close(*found, rtol=1e-10, atol=1e-12)


@CELLS
def test_gradients_of_gradients(cell: str) -> None:
    layer = layer_of(cell)
    x = sequence(3, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: layer(v)[0], (x,))
    assert torch.autograd.gradgradcheck(lambda v: layer(v)[0], (x,))


@CELLS
def test_no_rows_and_one_step(cell: str) -> None:
    layer = layer_of(cell)
    found = gradients(layer, sequence(4, 0))
    assert all(bool((g == 0).all()) for g in found if g is not None)
    assert layer(sequence(4, 0))[0].shape == (4, 0, H)
    x = sequence(1, 3)
    assert_close(flat(layer(x)), flat(beside(layer)(x)), rtol=1e-11, atol=1e-12)
    with pytest.raises(RuntimeError, match="expected at least one step, got none"):
        layer(sequence(0, 2))


def test_what_is_returned_is_the_callers() -> None:
    layer = layer_of("LSTM", dtype=torch.float32)
    plain = beside(layer, "fused")
    found = []
    for module in (layer, plain):
        output, (h, c) = module(sequence(dtype=torch.float32))
        output.mul_(2)
        h.add_(1)
        c.zero_()
        (output.square().sum() + h.sum()).backward()
        found.append([parameter.grad for parameter in module.parameters()])
    assert_close(*found, rtol=1e-4, atol=1e-5)


def test_a_graph_is_kept_where_that_is_asked_for_and_else_freed() -> None:
    layer = layer_of("LSTM")
    x = sequence().requires_grad_()
    result = total(layer(x))
    (once,) = torch.autograd.grad(result, x, retain_graph=True)
    (twice,) = torch.autograd.grad(result, x)
    assert torch.equal(once, twice)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        torch.autograd.grad(result, x)


def test_values_changed_before_the_backward_pass_are_noticed() -> None:
    layer = layer_of("LSTM")
    result = total(layer(sequence()))
    with torch.no_grad():
        layer.weight_hh_l0.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.backward()


def test_hooks_on_saved_tensors() -> None:
    layer = layer_of("LSTM")
    x = sequence()
    expected = gradients(layer, x)
    with torch.autograd.graph.save_on_cpu():
        found = gradients(layer, x)
    assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_dropped_weights_and_cut_gradients() -> None:
    layer = layer_of("LSTM")
    layer.drop_weights(0.5, "weight_hh")
    layer.truncation = 4
    x = sequence()
    found = []
    for module in (layer, beside(layer, "fused")):
        torch.manual_seed(5)
        found.append(gradients(module, x))
    assert_close(*found, rtol=1e-10, atol=1e-12)


def test_autocast() -> None:
    layer = layer_of("GRU", dtype=torch.float32)
    x = sequence(dtype=torch.float32)
    found = []
    for module in (layer, beside(layer, "fused")):
        with torch.autocast("cpu", torch.bfloat16):
            result = total(module(x))
            result.backward()
        assert module(x)[0].dtype == torch.float32
        found.append([parameter.grad for parameter in module.parameters()])
    assert_close(*found, rtol=0.1, atol=0.05)


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_rows_that_end_before_others_are_refused(cell: str) -> None:
    layer = layer_of(cell)
    lengths = torch.tensor([6, 2, 3, 6])
    reason = "engine 'vendor' cannot run here: torch's kernels hold no state in rows"
    with pytest.raises(RuntimeError, match=reason):
        layer(sequence(), lengths=lengths)
    with pytest.raises(RuntimeError, match=reason):
        layer(nn.utils.rnn.pack_padded_sequence(sequence(), lengths.sort()[0].flip(0)))
    # Nothing is ragged here.
    layer(sequence(), lengths=torch.full((4,), 6))


def test_transforms_are_refused() -> None:
    layer = layer_of("LSTM")
    reason = "'vendor' cannot run here: torch.func transforms"
    with pytest.raises(RuntimeError, match=reason):
        torch.func.vmap(lambda x: layer(x)[0])(sequence()[None])
    forward_ad: Any = torch.autograd.forward_ad
    with forward_ad.dual_level():
        x = forward_ad.make_dual(sequence(), sequence())
        with pytest.raises(RuntimeError, match="'vendor' cannot run here: forward-"):
            layer(x)
    with pytest.raises(RuntimeError, match=r"'vendor' cannot run here: torch\.compile"):
        torch.export.export(layer, (sequence(),))


class OfItsOwn(Tensor):
    """A tensor that other code may have plans with."""


def test_other_kinds_of_tensors_are_left_to_the_loops() -> None:
    layer = layer_of("LSTM", dtype=torch.float32)
    x = sequence(16, dtype=torch.float32).as_subclass(OfItsOwn)
    with pytest.raises(RuntimeError, match="have not been tried on OfItsOwn"):
        layer(x)
    expected = beside(layer, "fused")(x)
    layer.engine = "auto"
    assert torch.equal(layer(x)[0], expected[0])


def test_weights_in_one_piece_of_memory() -> None:
    torch.manual_seed(2)
    parts = [torch.randn(4 * H, D), torch.randn(H, H), torch.randn(3 * H, H)]
    leaves = [part.requires_grad_() for part in (*parts, torch.randn(4 * H))]
    W, U, b = in_one_piece([[leaves[0]], leaves[1:3], [leaves[3]]])
    assert_close((W, b), (leaves[0], leaves[3]), rtol=0, atol=0)
    assert_close(U, torch.cat(leaves[1:3]), rtol=0, atol=0)
    assert W.is_contiguous()
    assert U.is_contiguous()
    assert U.data_ptr() == W.data_ptr() + W.nbytes
    assert b.data_ptr() == U.data_ptr() + U.nbytes
    (W.sum() + 2 * U.sum() + 3 * b.sum()).backward()
    for leaf, factor in zip(leaves, (1, 2, 2, 3), strict=True):
        assert leaf.grad is not None
        assert bool((leaf.grad == factor).all())
