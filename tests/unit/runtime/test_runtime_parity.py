"""Layers and cells against torch.nn: outputs, states and every gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from handwritten.pairs import (
    CELLS,
    ENGINES,
    LAYERS,
    Pair,
    flat,
    gradients,
    paired,
    state_of,
)
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence
from torch.testing import assert_close

T, B, D, H = 7, 3, 5, 4
pytestmark = pytest.mark.parametrize("engine", ENGINES)
layers = pytest.mark.parametrize("pair", LAYERS, ids=lambda pair: pair[0].__name__)
cells = pytest.mark.parametrize("pair", CELLS, ids=lambda pair: pair[0].__name__)


def assert_same(
    ours: Any, theirs: Any, arguments: tuple[Any, ...], leaves: list[torch.Tensor]
) -> None:
    result, expected = ours(*arguments), theirs(*arguments)
    assert_close(flat(result), flat(expected), rtol=0, atol=1e-12)
    named = list(dict(theirs.named_parameters()))
    own = dict(ours.named_parameters())
    found = gradients(result, leaves + [own[name] for name in named])
    wanted = gradients(expected, leaves + [theirs.get_parameter(n) for n in named])
    assert_close(found, wanted, rtol=0, atol=1e-11)
    with torch.no_grad():
        assert_close(flat(ours(*arguments)), flat(expected), rtol=0, atol=1e-12)


def leaf(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


@layers
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("num_layers", "bidirectional"), [(1, False), (2, True)])
def test_layer(
    pair: Pair,
    engine: str,
    num_layers: int,
    bidirectional: bool,
    bias: bool,
    batch_first: bool,
) -> None:
    ours, theirs = paired(
        pair,
        engine,
        D,
        H,
        num_layers=num_layers,
        bias=bias,
        batch_first=batch_first,
        bidirectional=bidirectional,
        dtype=torch.float64,
    )
    x = leaf(B, T, D) if batch_first else leaf(T, B, D)
    assert_same(ours, theirs, (x,), [x])
    blocks = num_layers * (1 + bidirectional)
    h, c = leaf(blocks, B, H), leaf(blocks, B, H)
    given = [h, c] if pair is LAYERS[0] else [h]
    assert_same(ours, theirs, (x, state_of(pair, h, c)), [x, *given])


@layers
def test_unbatched(pair: Pair, engine: str) -> None:
    ours, theirs = paired(
        pair, engine, D, H, 2, bidirectional=True, batch_first=True, dtype=torch.float64
    )
    x, h, c = leaf(T, D), leaf(4, H), leaf(4, H)
    assert_same(ours, theirs, (x,), [x])
    given = [h, c] if pair is LAYERS[0] else [h]
    assert_same(ours, theirs, (x, state_of(pair, h, c)), [x, *given])


@layers
@pytest.mark.parametrize("lengths", [[7, 4, 1], [2, 7, 5], [3, 3, 3], [1, 1, 1]])
def test_packed(pair: Pair, engine: str, lengths: list[int]) -> None:
    ours, theirs = paired(
        pair, engine, D, H, num_layers=2, bidirectional=True, dtype=torch.float64
    )
    x, h, c = leaf(T, B, D), leaf(4, B, H), leaf(4, B, H)
    packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
    assert_same(ours, theirs, (packed,), [x])
    given = [h, c] if pair is LAYERS[0] else [h]
    assert_same(ours, theirs, (packed, state_of(pair, h, c)), [x, *given])


@layers
def test_packed_sorted_without_indices(pair: Pair, engine: str) -> None:
    ours, theirs = paired(pair, engine, D, H, dtype=torch.float64)
    rows = [leaf(length, D) for length in (6, 6, 2)]
    packed = pack_sequence(rows)
    assert packed.sorted_indices is None
    assert_same(ours, theirs, (packed,), rows)
    result, _ = ours(packed)
    assert result.sorted_indices is None
    assert torch.equal(result.batch_sizes, packed.batch_sizes)


@layers
def test_empty_batch(pair: Pair, engine: str) -> None:
    ours, theirs = paired(pair, engine, D, H, 2, bidirectional=True)
    x = torch.randn(T, 0, D, requires_grad=True)
    result, expected = ours(x), theirs(x)
    assert [t.shape for t in flat(result)] == [t.shape for t in flat(expected)]
    for gradient in gradients(result, [x, *ours.parameters()]):
        assert not gradient.any()


@layers
def test_views_that_are_not_contiguous(pair: Pair, engine: str) -> None:
    ours, theirs = paired(pair, engine, D, H, dtype=torch.float64)
    wide = leaf(B, 2 * D, T)
    x = wide[:, ::2].permute(2, 0, 1)
    state = leaf(1, 1, H)
    expanded = state.expand(1, B, H)
    assert_same(ours, theirs, (x, state_of(pair, expanded, expanded)), [wide, state])


@layers
def test_dropout_draws_what_torch_draws(pair: Pair, engine: str) -> None:
    ours, theirs = paired(
        pair, engine, D, 20, num_layers=3, dropout=0.4, dtype=torch.float64
    )
    x = leaf(T, B, D)
    results = []
    for module in (ours, theirs):
        torch.manual_seed(3)
        results.append(flat(module(x)))
    assert_close(*results, rtol=0, atol=1e-12)
    assert_close(flat(ours.eval()(x)), flat(theirs.eval()(x)), rtol=0, atol=1e-12)
    assert not torch.allclose(results[0][0], ours(x)[0])


@cells
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("batch", [(), (3,), (0,)])
def test_cell(pair: Pair, engine: str, batch: tuple[int, ...], bias: bool) -> None:
    ours, theirs = paired(pair, engine, D, H, bias=bias, dtype=torch.float64)
    x, h, c = leaf(*batch, D), leaf(*batch, H), leaf(*batch, H)
    assert_same(ours, theirs, (x,), [x])
    given = [h, c] if pair is CELLS[0] else [h]
    assert_same(ours, theirs, (x, state_of(pair, h, c)), [x, *given])


@cells
def test_stepping_a_cell_is_running_a_layer(pair: Pair, engine: str) -> None:
    index = CELLS.index(pair)
    layer = LAYERS[index][0](D, H, dtype=torch.float64)
    cell = pair[0](D, H, dtype=torch.float64)
    cell.engine = engine
    cell.load_state_dict({n[:-3]: p for n, p in layer.state_dict().items()})
    x = leaf(T, B, D)
    state, outputs = None, []
    for step in x:
        state = cell(step, state)
        outputs.append(flat(state)[0])
    output, last = layer(x)
    assert_close(torch.stack(outputs), output, rtol=0, atol=1e-13)
    assert_close(flat(state), [s[0] for s in flat([last])], rtol=0, atol=1e-13)
