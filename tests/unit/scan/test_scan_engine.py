"""The engine ``scan`` in layers: when it runs, and that it computes what others do."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import pytest
import torch
from scan_cases import ZOO, flat, gradients, inputs_of, layer_of
from torch.nn.utils.rnn import pack_padded_sequence
from torch.testing import assert_close

from rnndsl.runtime.engines.scan import FEWEST_SCANNED

CELLS = (*ZOO, "Chain")
cells = pytest.mark.parametrize("cell", CELLS)


def scanned(result: tuple[torch.Tensor, object]) -> bool:
    """Whether an output comes from no loop."""
    waiting, seen = [result[0].grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if type(node).__name__ == "LinearScanBackward":
            return True
        waiting += [before for before, _ in node.next_functions]
    return False


@cells
def test_auto_takes_it_for_long_sequences(cell: str) -> None:
    layer = layer_of(cell, "auto")
    assert scanned(layer(*inputs_of(cell, FEWEST_SCANNED, 2)))
    assert not scanned(layer(*inputs_of(cell, FEWEST_SCANNED - 1, 2)))
    layer.engine = "scan"
    assert scanned(layer(*inputs_of(cell, 2, 2)))
    layer.engine = "fused"
    assert not scanned(layer(*inputs_of(cell, FEWEST_SCANNED, 2)))


@cells
@pytest.mark.parametrize("steps", [1, 2, 6, 67])
def test_values_and_gradients(cell: str, steps: int) -> None:
    """As ``reference`` has them: in both directions, and two layers if the cell can."""
    stacks = cell in ("HGRN", "MinGRU", "MinLSTM")
    options = {"num_layers": 2} if stacks else {}
    layer = layer_of(cell, "scan", bidirectional=True, **options)
    inputs = inputs_of(cell, steps, 3)
    leaves = [*inputs, *layer.parameters()]
    found = layer(*inputs)
    found_gradients = gradients(found, leaves)
    layer.engine = "reference"
    expected = layer(*inputs)
    assert_close(flat(found), flat(expected), rtol=1e-11, atol=1e-11)
    assert_close(found_gradients, gradients(expected, leaves), rtol=1e-9, atol=1e-10)


@cells
@pytest.mark.parametrize("is_packed", [True, False])
def test_ragged(cell: str, is_packed: bool) -> None:
    """In the second direction rows begin with steps that do not count."""
    layer = layer_of(cell, "scan", bidirectional=True)
    inputs, lengths = inputs_of(cell, 9, 4), torch.tensor([9, 3, 1, 6])
    leaves = [*inputs, *layer.parameters()]

    def run(engine: str) -> list[torch.Tensor]:
        layer.engine = engine
        if not is_packed:
            return flat(layer(*inputs, lengths=lengths))
        given = (pack_padded_sequence(x, lengths, enforce_sorted=False) for x in inputs)
        packed, last = layer(*given)
        return [packed.data, *flat((packed.data, last))[1:]]

    found, expected = run("scan"), run("reference")
    assert_close(found, expected, rtol=1e-11, atol=1e-11)
    pairs = [
        torch.autograd.grad(sum(v.square().sum() for v in values), leaves)
        for values in (found, expected)
    ]
    assert_close(pairs[0], pairs[1], rtol=1e-9, atol=1e-10)


@cells
def test_given_states_and_truncation(cell: str) -> None:
    layer = layer_of(cell, "scan")
    inputs = inputs_of(cell, 8, 2)
    _, hx = layer(*inputs)
    hx = tuple(s.detach() for s in hx) if isinstance(hx, tuple) else hx.detach()
    layer.truncation = 3
    found = layer(*inputs, hx)
    layer.engine = "fused"
    expected = layer(*inputs, hx)
    assert_close(flat(found), flat(expected), rtol=1e-11, atol=1e-11)
    leaves = list(inputs)
    assert_close(gradients(found, leaves), gradients(expected, leaves))


@cells
def test_differentiated_twice(cell: str) -> None:
    layer = layer_of(cell, "scan")
    inputs = inputs_of(cell, 3, 2)
    assert torch.autograd.gradgradcheck(lambda *x: layer(*x)[0], inputs)


@cells
def test_results_may_be_written_into(cell: str) -> None:
    """Before the backward pass, which does not read them, and without a change of any
    other."""
    layer = layer_of(cell, "scan")
    inputs = inputs_of(cell, 5, 2)
    leaves = [*inputs, *layer.parameters()]
    plain = flat(layer(*inputs))
    expected = torch.autograd.grad(sum(3 * value.sum() for value in plain), leaves)
    results = flat(layer(*inputs))
    for value in results:
        value.mul_(3)
    for value, before in zip(results, plain, strict=True):
        assert_close(value, 3 * before)
    total = sum(value.sum() for value in results)
    assert_close(torch.autograd.grad(total, leaves), expected)


@pytest.mark.parametrize("cell", ZOO)
def test_autocast(cell: str) -> None:
    layer = layer_of(cell, "scan").float()
    (x,) = (value.detach().float() for value in inputs_of(cell, 70, 2))
    expected, _ = layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        found, _ = layer(x)
        found.sum().backward()
    assert found.dtype == torch.bfloat16
    assert_close(found.float(), expected, rtol=0.05, atol=0.05)
    for parameter in layer.parameters():
        assert parameter.grad is not None
        assert parameter.grad.dtype == torch.float32


def test_a_cell_without_one_says_why() -> None:
    layer = layer_of("LSTM", "scan")
    with pytest.raises(RuntimeError) as raised:
        layer(*inputs_of("LSTM", 3, 2))
    assert str(raised.value) == (
        "engine 'scan' cannot run here: the cell has a recurrence that is dense, "
        "through U_i, U_f, U_g, U_o. Set engine to 'auto' or 'reference'."
    )


def test_explanations() -> None:
    layer = layer_of("MinGRU", "auto")
    lines = layer.explain().splitlines()
    assert lines[6:9] == [
        "  scan: chosen for sequences of at least 64 steps (all steps at once, by "
        "scans of linear recurrences)",
        "  fused: chosen: in all other calls (explicit forward and backward loops, "
        "in torch operations)",
        "  reference: not chosen: fused comes first (the step as the spec writes it, "
        "differentiated by torch)",
    ]
    layer.engine = "scan"
    assert layer.explain().splitlines()[6].startswith("  scan: chosen: asked for (")
    layer.engine = "fused"
    lines = layer.explain().splitlines()
    assert lines[6].startswith("  scan: not chosen: fused is asked for")
    assert lines[7].startswith("  fused: chosen: asked for")
