"""Layers and cells as ordinary citizens of PyTorch."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from handwritten.decay import Decay, DecayCell
from handwritten.lstm import LSTM, LSTMCell
from handwritten.pairs import ENGINES, LAYERS, Pair, flat, gradients, paired
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.nn.utils.rnn import pack_padded_sequence
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint

T, B, D, H = 5, 3, 4, 6
engines = pytest.mark.parametrize("engine", ENGINES)
layers = pytest.mark.parametrize("pair", LAYERS, ids=lambda pair: pair[0].__name__)


def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(T, B, D), torch.rand(T, B)


@pytest.mark.parametrize("how", ["deepcopy", "pickle", "save"])
def test_copies_compute_the_same_and_are_independent(how: str) -> None:
    layer: Any = Decay(D, H, 2, bidirectional=True)
    layer.engine = "reference"
    layer(*inputs())[0].sum().backward()
    if how == "deepcopy":
        other = copy.deepcopy(layer)
    elif how == "pickle":
        other = pickle.loads(pickle.dumps(layer))
    else:
        file = io.BytesIO()
        torch.save(layer, file)
        file.seek(0)
        other = torch.load(file, weights_only=False)
    values = inputs()
    assert_close(flat(other(*values)), flat(layer(*values)), rtol=0, atol=0)
    assert (other.engine, other.explain()) == ("reference", layer.explain())
    other.reset_parameters()
    assert not torch.equal(other.weight_hh_l1, layer.weight_hh_l1)


def test_weights_only_file() -> None:
    source, target = LSTM(D, H, 2), nn.LSTM(D, H, 2)
    file = io.BytesIO()
    torch.save(source.state_dict(), file)
    file.seek(0)
    target.load_state_dict(torch.load(file, weights_only=True), strict=True)
    x, _ = inputs()
    assert_close(flat(source(x)), flat(target(x)))


@layers
@engines
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes(pair: Pair, engine: str, dtype: torch.dtype) -> None:
    layer = pair[0](D, H, bidirectional=True)
    layer.engine = engine
    x = torch.randn(T, B, D, requires_grad=True)
    expected = flat(layer(x))
    wanted = gradients(expected, [x, *layer.parameters()])
    layer.to(dtype)
    result = flat(layer(x.to(dtype)))
    assert all(tensor.dtype == dtype for tensor in result)
    found = gradients(result, [x, *layer.parameters()])
    tolerance = {torch.float16: 4e-2, torch.bfloat16: 3e-1, torch.float64: 1e-5}[dtype]
    assert_close(
        [f.float() for f in (*result, *found)],
        [w.float() for w in (*expected, *wanted)],
        rtol=tolerance,
        atol=tolerance,
    )


@engines
def test_autocast(engine: str) -> None:
    layer: Any = Decay(D, H, 2, bias=False, bidirectional=True)
    layer.engine = engine
    x, dt = (value.requires_grad_() for value in inputs())
    h, s = torch.randn(4, B, H), torch.rand(4, B)
    leaves = [x, dt, *layer.parameters()]
    expected = flat(layer(x, dt, (h, s)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = flat(layer(x, dt, (h, s)))
        assert all(tensor.dtype == torch.bfloat16 for tensor in result)
        found = gradients(result, leaves)
        assert flat(layer(x, dt))[0].dtype == torch.bfloat16
        assert flat(layer(x.double(), dt, (h, s.half())))[0].dtype == torch.bfloat16
        with pytest.raises(ValueError, match="expected a floating-point dtype"):
            layer(x.long(), dt)
        cell_output, _ = DecayCell(D, H)(x[0], dt[0], (h[0], s[0]))
        assert cell_output.dtype == torch.bfloat16
        double: Any = LSTM(D, H, dtype=torch.float64)
        assert flat(double(x.double()))[0].dtype == torch.float64
    outside = gradients(result, leaves)
    assert_close(found, outside)
    assert all(gradient.dtype == torch.float32 for gradient in found)
    wanted = gradients(expected, leaves)
    assert_close([r.float() for r in result], expected, rtol=0.1, atol=0.1)
    for gradient, exact in zip(found, wanted, strict=True):
        assert (gradient - exact).norm() <= 0.1 * exact.norm()


@engines
def test_packed_autocast(engine: str) -> None:
    layer: Any = LSTM(D, H)
    layer.engine = engine
    packed = pack_padded_sequence(torch.randn(T, B, D), [5, 3, 2])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, _ = layer(packed)
    assert output.data.dtype == torch.bfloat16


@engines
@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpoint(engine: str, reentrant: bool) -> None:
    layer: Any = LSTM(D, H, 2, dropout=0.5)
    layer.engine = engine
    x = torch.randn(T, B, D, requires_grad=True)
    torch.manual_seed(0)
    expected = gradients(layer(x), [x, *layer.parameters()])
    torch.manual_seed(0)

    def run(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(flat(layer(x)))

    parts = [p.double() for p in checkpoint(run, x, use_reentrant=reentrant)]
    torch.stack([(p * p.cos()).sum() for p in parts]).sum().backward()
    assert_close([x.grad, *(p.grad for p in layer.parameters())], expected)


@engines
def test_saved_tensors_go_through_hooks(engine: str) -> None:
    layer: Any = LSTM(D, H)
    layer.engine = engine
    x = torch.randn(T, B, D)
    expected = gradients(layer(x), list(layer.parameters()))
    packed: list[torch.Tensor] = []

    def pack(tensor: torch.Tensor) -> int:
        packed.append(tensor.clone())
        return len(packed) - 1

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda index: packed[index]):
        result = layer(x)
    assert len(packed) > T
    assert_close(gradients(result, list(layer.parameters())), expected)


@engines
def test_module_hooks_and_tensor_hooks(engine: str) -> None:
    layer: Any = LSTM(D, H)
    layer.engine = engine
    calls: list[str] = []
    layer.register_forward_pre_hook(lambda *_: calls.append("before"))
    layer.register_forward_hook(lambda *_: calls.append("after"))
    layer.register_full_backward_hook(lambda *_: calls.append("backward"))
    layer.weight_hh_l0.register_hook(lambda g: calls.append(str(tuple(g.shape))))
    layer(torch.randn(T, B, D, requires_grad=True))[0].sum().backward()
    assert calls[:2] == ["before", "after"]
    assert sorted(calls[2:]) == ["(24, 6)", "backward"]


@engines
def test_inference_mode_and_no_grad(engine: str) -> None:
    layer: Any = LSTM(D, H, 2, bidirectional=True)
    layer.engine = engine
    x, _ = inputs()
    expected = flat(layer(x))
    for context in (torch.inference_mode(), torch.no_grad()):
        with context:
            result = flat(layer(x))
        assert not any(tensor.requires_grad for tensor in result)
        assert_close(result, [tensor.detach() for tensor in expected])


@engines
def test_replaced_reparametrised_and_pruned_weights(engine: str) -> None:
    ours, theirs = paired(LAYERS[0], engine, D, H)
    x, _ = inputs()
    for layer in (ours, theirs):
        torch.manual_seed(8)
        layer.weight_hh_l0 = nn.Parameter(torch.randn(4 * H, H))
        prune.random_unstructured(layer, "weight_ih_l0", 0.5)
    assert_close(flat(ours(x)), flat(theirs(x)))
    normed: Any = LSTM(D, H)
    normed.engine = engine
    before = flat(normed(x))
    parametrizations.weight_norm(normed, "weight_hh_l0")
    assert_close(flat(normed(x)), before)
    g = normed.parametrizations.weight_hh_l0.original0
    (gradient,) = torch.autograd.grad(flat(normed(x))[0].sum(), g)
    assert gradient.abs().sum() > 0


@engines
def test_training_with_an_optimiser(engine: str) -> None:
    results = []
    for kind in (LSTM, nn.LSTM):
        torch.manual_seed(0)
        layer: Any = kind(D, H)
        if isinstance(layer, LSTM):
            layer.engine = engine
        optimiser = torch.optim.SGD(layer.parameters(), lr=0.5, momentum=0.9)
        x, _ = inputs()
        losses = []
        for _ in range(5):
            optimiser.zero_grad()
            loss = layer(x)[0].square().mean()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        results.append(losses)
    assert results[0] == pytest.approx(results[1], rel=1e-5)
    assert results[0][-1] < results[0][0]


def test_two_layers_in_one_graph() -> None:
    first: Any = LSTM(D, H)
    second: Any = Decay(H, 2)
    x, dt = inputs()
    x.requires_grad_()

    def run() -> Any:
        output, state = first(x)
        return second(output, dt, (output[-1:, :, :2], state[1].sum(-1)))

    leaves = [x, *first.parameters(), second.weight_ih_l0]
    found = gradients(run(), leaves)
    first.engine = second.engine = "reference"
    assert_close(found, gradients(run(), leaves))


def test_streaming_in_pieces_is_running_at_once() -> None:
    layer, cell = LSTM(D, H, dtype=torch.float64), LSTMCell(D, H, dtype=torch.float64)
    cell.load_state_dict({n[:-3]: p for n, p in layer.state_dict().items()})
    x = torch.randn(T, B, D, dtype=torch.float64)
    output, last = layer(x)
    begun, state = layer(x[:2])
    ended, state = layer(x[2:], state)
    assert_close(torch.cat((begun, ended)), output)
    assert_close(flat(state), flat(last))
    assert_close(cell(x[0])[0], output[0])
