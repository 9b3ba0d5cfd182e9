"""A stateful model goes on where the last call ended."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from model_cases import ENGINES, ROWS, STEPS, flat, gradients
from model_specs import STATEFUL, compiled, model
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence
from torch.testing import assert_close
from torch.utils._pytree import tree_map

PLAIN = STATEFUL.replace("    stateful\n", "").replace("    truncate 2\n", "")


def pair(engine: str = "auto") -> tuple[Any, Any]:
    """The stateful model and one that is not, with the same random parameters."""
    ours = model("stateful", 3, 2)
    ours.truncation = None
    other = compiled(PLAIN, "plain_stream").Stream(3, 2, dtype=torch.float64)
    for parameter in ours.parameters():
        nn.init.uniform_(parameter, -0.6, 0.6)
    other.load_state_dict(ours.state_dict())
    ours.engine = other.engine = engine
    return ours, other


def inputs(steps: int = STEPS, rows: int = ROWS) -> Tensor:
    return torch.randn(steps, rows, 3, dtype=torch.float64)


@pytest.mark.parametrize("engine", ENGINES)
def test_calls_go_on(engine: str) -> None:
    ours, other = pair(engine)
    state: Any = None
    for steps in (3, 1, STEPS):
        x = inputs(steps).requires_grad_()
        output, last = ours(x)
        expected, state = other(x, state=state)
        assert_close(output, expected, rtol=1e-12, atol=1e-12)
        assert_close(flat(last), flat(state), rtol=1e-12, atol=1e-12)
        # The graph ends with the call: each can be differentiated on its own.
        found = gradients(output, [x, *ours.parameters()])
        wanted = gradients(expected, [x, *other.parameters()])
        assert_close(found, wanted)
        state = tree_map(torch.Tensor.detach, state)


@pytest.mark.parametrize("batch_first", [False, True])
def test_steps_go_on(batch_first: bool) -> None:
    ours, other = pair()
    ours.batch_first = batch_first
    x = inputs()
    expected, _ = other(x)
    outputs = [ours.step(x[t])[0] for t in range(3)]
    rest = x[3:].transpose(0, 1) if batch_first else x[3:]
    output = ours(rest)[0]
    if batch_first:
        output = output.transpose(0, 1)
    assert_close(torch.cat((torch.stack(outputs), output)), expected)


def test_a_state_that_is_given_comes_first() -> None:
    ours, other = pair()
    x = inputs()
    ours(x)
    state = tree_map(torch.rand_like, other.initial_state(ROWS))
    assert_close(ours(x, state=state)[0], other(x, state=state)[0])
    _, last = other(x, state=state)
    assert_close(ours(x)[0], other(x, state=last)[0])


def test_what_becomes_of_a_returned_state_is_not_kept() -> None:
    ours, other = pair()
    x = inputs()
    with torch.no_grad():
        _, last = ours(x)
        for value in flat(last):
            value.fill_(7)
        _, state = other(x)
        assert_close(ours(x)[0], other(x, state=state)[0])


def test_reset() -> None:
    ours, other = pair()
    x = inputs()
    expected = other(x)[0]
    ours.reset_state()
    ours(x)
    assert not torch.allclose(ours(x)[0], expected)
    ours.reset_state()
    assert_close(ours(x)[0], expected)


@pytest.mark.parametrize(
    "rows", [torch.tensor([1, 3]), [3, 1], torch.tensor([0, 1, 0, 1, 0]).bool()]
)
def test_rows_begin_anew(rows: Any) -> None:
    ours, other = pair()
    x = inputs()
    ours(x)
    _, last = other(x)
    ours.reset_state(rows)
    expected, _ = other(x, state=last)
    begun, _ = other(x)
    output, _ = ours(x)
    assert_close(output[:, [0, 2, 4]], expected[:, [0, 2, 4]])
    assert_close(output[:, [1, 3]], begun[:, [1, 3]])
    # The state in which they begin is learned by them, and by no other row.
    (found,) = torch.autograd.grad(output.sum(), ours.layer_1_state.h)
    (wanted,) = torch.autograd.grad(begun[:, [1, 3]].sum(), other.layer_1_state.h)
    assert_close(found, wanted)
    ours.reset_state([0])
    ours.reset_state([2])
    (found,) = torch.autograd.grad(ours(x)[0].sum(), ours.layer_1_state.h)
    (wanted,) = torch.autograd.grad(other(x)[0][:, [0, 2]].sum(), other.layer_1_state.h)
    assert_close(found, wanted)


def test_wrong_rows() -> None:
    ours, other = pair()
    x = inputs()
    ours(x)
    with pytest.raises(
        RuntimeError,
        match=r"expected 5 rows, as in the last call, .* got 3. reset_state\(\) makes",
    ):
        ours(x[:, :3])
    with pytest.raises(RuntimeError, match=r"rows: expected size \(5,\), one for each"):
        ours.reset_state(torch.ones(3).bool())
    with pytest.raises(IndexError):
        ours.reset_state([5])
    ours.reset_state()
    ours.reset_state([7])  # nothing is kept
    assert ours(x[:, :3])[0].shape == (STEPS, 3, 2)
    with pytest.raises(RuntimeError, match="Stream keeps no state: its spec has no"):
        other.reset_state()


def test_what_is_kept_is_no_parameter_and_moves_with_the_module() -> None:
    ours, other = pair()
    x = inputs()
    ours(x)
    assert list(ours.state_dict()) == list(other.state_dict())
    assert not list(ours.buffers())
    _, last = other(x)
    expected, _ = other(x, state=last)
    copied = copy.deepcopy(ours)
    stored = pickle.loads(pickle.dumps(ours))
    buffer = io.BytesIO()
    torch.save(ours, buffer)
    buffer.seek(0)
    loaded = torch.load(buffer, weights_only=False)
    for other_one in (copied, stored, loaded):
        assert_close(other_one(x)[0], expected)
    single = copy.deepcopy(ours)
    # The copies went on, the model itself did not.
    assert_close(ours(x)[0], expected)
    single.reset_state([0])
    assert single.float()(x.float())[0].dtype == torch.float32
    meta = single.to("meta")
    assert meta(x.float().to("meta"))[0].device.type == "meta"


def test_modes_in_which_calls_alternate() -> None:
    ours, other = pair()
    x = inputs()
    ours.train()
    ours(x)
    ours.eval()
    with torch.inference_mode():
        ours(x)
    with torch.no_grad():
        _, last = other(x)
        _, last = other(x, state=last)
    output, _ = ours(x)
    assert_close(output, other(x, state=last)[0])
    output.sum().backward()
    with torch.autocast("cpu", torch.bfloat16):
        ours(x)
    assert ours(x)[0].dtype == torch.float64


def test_functional_transforms_leave_nothing_behind() -> None:
    ours, other = pair()
    x = inputs()
    ours(x)
    torch.func.grad(lambda x: ours(x)[0].sum())(x)
    torch.func.vmap(lambda x: ours(x)[0])(torch.stack((x, x)))
    _, last = other(x)
    assert_close(ours(x)[0], other(x, state=last)[0])


def test_compiled() -> None:
    ours, other = pair()
    fast = torch.compile(ours, backend="eager", fullgraph=True)
    x, state = inputs(2), None
    for _ in range(3):
        expected, state = other(x, state=state)
        assert_close(fast(x)[0], expected)


def test_other_forms_go_on() -> None:
    ours, other = pair()
    x, lengths = inputs(), [4, 2, 6, 1, 6]
    _, last = other(x, lengths=torch.tensor(lengths))
    rows = [x[:length, row] for row, length in enumerate(lengths)]
    ours(pack_sequence(rows, enforce_sorted=False))
    mask = torch.rand(STEPS, ROWS) < 0.5
    assert_close(ours(x, mask=mask)[0], other(x, mask=mask, state=last)[0])
    ours.reset_state()
    single = x[:, 0]
    whole = other(single)[0]
    first = ours(single[:2])[0]
    steps = [ours.step(single[t])[0] for t in range(2, STEPS)]
    assert_close(torch.cat((first, torch.stack(steps))), whole)


def test_what_goes_on_is_shown() -> None:
    ours = model("stateful", 3, 2)
    assert "stateful.rnn:7  stateful\nstateful.rnn:8  truncate 2\n" in ours.explain()
    assert "Without it the model starts where the last call ended" in (
        ours.forward.__doc__
    )
