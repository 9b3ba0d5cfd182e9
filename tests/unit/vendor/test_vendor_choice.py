"""When "auto" takes torch's kernels, and what is said about it."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from vendor_specs import SPELLINGS, spelled

import rnndsl
from rnndsl import compile_text, zoo
from rnndsl.runtime.engines import vendor
from rnndsl.runtime.engines.choice import choose_engine


def layer_of(cell: str, *sizes: int, **options: Any) -> Any:
    return getattr(rnndsl.load(zoo.path(cell)), cell)(*sizes, **options)


def chosen(layer: Any, x: Tensor, *, is_ragged: bool = False) -> str:
    """The engine of the first layer and direction on an input (T, B, ...)."""
    specification = layer.specification
    state = tuple(x.new_zeros(x.shape[1], 256) for _ in specification.states)
    engine = choose_engine(
        layer.engine,
        specification,
        (x, *state, *layer.parameters()),
        steps=x.shape[0],
        is_ragged=is_ragged,
    )
    return engine.name


def test_an_lstm_on_a_cpu() -> None:
    layer = layer_of("LSTM", 128, 256)
    # The weights are brought into another order first, which many rows pay for.
    assert chosen(layer, torch.zeros(38, 1, 128)) == "fused"
    assert chosen(layer, torch.zeros(39, 1, 128)) == "vendor"
    assert chosen(layer, torch.zeros(4, 9, 128)) == "fused"
    assert chosen(layer, torch.zeros(4, 10, 128)) == "vendor"
    assert chosen(layer, torch.zeros(3, 64, 128)) == "fused"
    assert chosen(layer, torch.zeros(39, 1, 128), is_ragged=True) == "fused"
    with torch.no_grad():
        assert chosen(layer, torch.zeros(39, 1, 128)) == "vendor"
    assert chosen(layer.double(), torch.zeros(64, 8, 128).double()) == "fused"


def test_without_onednn_an_lstm_is_left_to_the_loops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = layer_of("LSTM", 128, 256)
    monkeypatch.setattr(vendor, "_has_onednn", lambda: False)
    assert chosen(layer, torch.zeros(64, 8, 128)) == "fused"
    assert "  vendor: not chosen: there is no oneDNN (" in layer.explain()


def test_a_gru_on_a_cpu_without_gradients() -> None:
    layer = layer_of("GRU", 128, 256)
    assert chosen(layer, torch.zeros(64, 8, 128)) == "fused"
    with torch.no_grad():
        assert chosen(layer, torch.zeros(4, 1, 128)) == "vendor"
        assert chosen(layer, torch.zeros(3, 1, 128)) == "fused"
    layer.requires_grad_(False)
    assert chosen(layer, torch.zeros(4, 1, 128)) == "vendor"


@pytest.mark.parametrize("cell", ["Elman", "ElmanReLU", "MGU"])
def test_other_cells_on_a_cpu(cell: str) -> None:
    with torch.no_grad():
        assert chosen(layer_of(cell, 128, 256), torch.zeros(64, 8, 128)) == "fused"


class OnGpu:
    """What the rule asks of a tensor on a GPU."""

    is_cuda = True
    shape = (4, 2, 3)

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "Elman", "ElmanReLU"])
def test_on_a_gpu_with_cudnn(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    specification = layer_of(cell, 3, 4).specification

    def found(dtype: torch.dtype) -> tuple[bool, str]:
        tensors: Any = (OnGpu(dtype),)
        return (
            vendor.vendor_pays(specification, tensors, 4),
            vendor.vendor_verdict(specification, tensors),
        )

    chosen_for = (
        "chosen for sequences of at least 4 steps, where no row ends before others"
    )
    assert found(torch.bfloat16) == (False, "not chosen: there is no cuDNN")
    monkeypatch.setattr(vendor, "_has_cudnn", lambda: True)
    assert found(torch.bfloat16) == (True, chosen_for)
    for rounds_more in (True, False):
        monkeypatch.setattr(vendor, "_rounds_more", lambda it=rounds_more: it)
        assert found(torch.float64)[0]
        pays, verdict = found(torch.float32)
        assert pays is not rounds_more
        assert ("not chosen: cuDNN rounds to TF32 here" in verdict) is rounds_more


def test_where_cudnn_would_round_and_products_would_not() -> None:
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32
    try:
        for rnn, products in (
            (True, True),
            (True, False),
            (False, True),
            (False, False),
        ):
            cudnn.allow_tf32, matmul.allow_tf32 = rnn, products
            assert vendor._rounds_more() is (rnn and not products)
    finally:
        cudnn.allow_tf32, matmul.allow_tf32 = before


def test_cut_gradients_make_short_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = layer_of("LSTM", 3, 4)
    seen: list[int] = []

    def watched(*arguments: Any, steps: int, is_ragged: bool) -> Any:
        seen.append(steps)
        return choose_engine(*arguments, steps=steps, is_ragged=is_ragged)

    monkeypatch.setattr("rnndsl.runtime.layers.recurrent.choose_engine", watched)
    for truncation in (None, 3, 90):
        layer.truncation = truncation
        layer(torch.zeros(40, 2, 3))
    assert seen == [40, 3, 40]


def test_auto_and_fused_agree() -> None:
    torch.manual_seed(4)
    layer = layer_of("LSTM", 3, 4, num_layers=2, bidirectional=True)
    x = torch.randn(20, 5, 3)
    found = []
    for engine in ("auto", "fused", "vendor"):
        layer.engine = engine
        found.append(layer(x))
    assert torch.equal(found[0][0], found[2][0])
    assert not torch.equal(found[0][0], found[1][0])
    assert_close(found[0], found[1], rtol=1e-5, atol=1e-6)


def test_what_explain_says() -> None:
    layer = layer_of("LSTM", 3, 4)
    text = layer.explain()
    summary = "(torch's own kernels, where the cell is proved to be torch's)"
    assert (
        "  vendor: chosen for sequences of at least 4 steps, more in small batches, "
        f"where no row ends before others {summary}\n"
    ) in text
    assert "  fused: chosen: in all other calls (" in text
    assert (
        "proved the same as torch.nn.LSTM, with\n"
        "  weight_ih = W_i, W_f, W_g, W_o\n"
        "  weight_hh = U_i, U_f, U_g, U_o\n"
        "  bias_ih = b_i, b_f, b_g, b_o\n"
        "  bias_hh = d_i, d_f, d_g, d_o\n"
    ) in text
    layer.engine = "vendor"
    assert f"  vendor: chosen: asked for {summary}\n" in layer.explain()
    assert "  fused: not chosen: vendor is asked for (" in layer.explain()
    gru = layer_of("GRU", 3, 4)
    assert (
        "chosen for sequences of at least 4 steps, without gradients" in gru.explain()
    )
    elman = layer_of("Elman", 3, 4)
    assert "  vendor: not chosen: it is no faster on a CPU (" in elman.explain()
    elman.double()
    reason = "it has not been timed in torch.float64"
    assert f"  vendor: not chosen: {reason} (" in elman.explain()
    mgu = layer_of("MGU", 3, 4)
    assert "vendor: cannot run here: the cell is not proved to be torch.nn's" in (
        mgu.explain()
    )


def test_what_is_generated() -> None:
    text = compile_text(spelled(*SPELLINGS["a bias of one gate alone"]), "spec.rnn")
    assert (
        "    vendor=VendorKernel(\n"
        '        function="lstm",\n'
        '        states=("h", "c"),\n'
        '        weight_ih="W",\n'
        '        weight_hh="U",\n'
        '        bias_ih=(None, "b_f", None, None),\n'
        "        bias_hh=(None, None, None, None),\n"
        "    ),\n"
    ) in text


def test_a_module_alone_has_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    text = compile_text(zoo.read("GRU"), "gru.rnn", standalone=True)
    module: Any = ModuleType("gru_alone")
    monkeypatch.setitem(sys.modules, "gru_alone", module)
    exec(compile(text, "gru_alone.py", "exec"), vars(module))
    layer = module.GRU(3, 4)
    x = torch.randn(5, 2, 3)
    layer.engine = "vendor"
    found = layer(x)
    layer.engine = "fused"
    assert_close(found, layer(x), rtol=1e-5, atol=1e-6)
