"""A step that a mask leaves out is as if it were not there."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from model_cases import CASES, ENGINES, LENGTHS, ROWS, STEPS, Case, flat, gradients
from model_specs import ALL, compiled, model
from torch import Tensor, nn
from torch.testing import assert_close

from rnndsl import compile_text

cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
HELD = """from zoo import GRU, LSTM

model Held(I):
    input x: [I]
    layer GRU(5), bidirectional(sum, LSTM(5)), state learned
    io many_to_many(mask = hold)
    head linear(2)
    loss mse
"""


def random_mask() -> Tensor:
    """(T, B), at least one step of each row, the first step of some left out."""
    mask = torch.rand(STEPS, ROWS) < 0.6
    mask[3] = True
    mask[0, 0] = mask[1, 0] = mask[5, 1] = False
    return mask


def row_by_row(plain: nn.Module, x: Tensor, mask: Tensor, state: Any) -> Any:
    """What the plain model makes of each row without the steps that do not count, the
    outputs back in their places with zeros between, and the states side by side."""
    outputs, states = [], []
    for row in range(x.shape[1]):
        steps = mask[:, row].nonzero().squeeze(1)
        own = x[steps, row : row + 1]
        begin = torch.utils._pytree.tree_map(lambda s, r=row: s[:, r : r + 1], state)
        lengths = torch.tensor([len(steps)])
        output, last = plain(own, lengths=lengths, state=begin)
        if output.dim() == 3:
            output = output.new_zeros(STEPS, 1, output.shape[2]).index_copy(
                0, steps, output
            )
        outputs.append(output)
        states.append(flat(last))
    axis = 1 if outputs[0].dim() == 3 else 0
    last = [torch.cat(values, 1) for values in zip(*states, strict=True)]
    return torch.cat(outputs, axis), last


@cases
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch_first", [False, True])
def test_masked_steps_are_left_out(case: Case, engine: str, batch_first: bool) -> None:
    ours, plain = case.pair()
    ours.engine, ours.batch_first = engine, batch_first
    x, mask = case.input(), random_mask()
    state = torch.utils._pytree.tree_map(torch.rand_like, ours.initial_state(ROWS))
    expected = row_by_row(plain, x, mask, state)
    given, given_mask = (x.transpose(0, 1), mask.t()) if batch_first else (x, mask)
    output, last = ours(given, mask=given_mask, state=state)
    if batch_first and output.dim() == 3:
        output = output.transpose(0, 1)
    assert_close(output, expected[0], rtol=1e-12, atol=1e-12)
    assert_close(flat(last), expected[1], rtol=1e-12, atol=1e-12)
    leaves = [x] if x.requires_grad else []
    found = gradients((output, *flat(last)), [*leaves, *ours.parameters()])
    names = [name for name, _ in ours.named_parameters()]
    wanted = dict(plain.named_parameters())
    others = [*leaves, *(wanted[name] for name in names)]
    assert_close(found, gradients((expected[0], *expected[1]), others))


@cases
@pytest.mark.parametrize("engine", ENGINES)
def test_what_stands_at_masked_steps_reaches_nothing(case: Case, engine: str) -> None:
    ours, _ = case.pair()
    ours.engine = engine
    x, mask = case.input(), random_mask()
    bad = x.detach().clone()
    bad[~mask] = float("nan") if x.is_floating_point() else -3
    bad.requires_grad_(x.requires_grad)
    expected, result = ours(x, mask=mask), ours(bad, mask=mask)
    assert_close(flat(result), flat(expected), rtol=0, atol=0)
    leaves = list(ours.parameters())
    own, other = ([x], [bad]) if x.requires_grad else ([], [])
    found = gradients(result, [*other, *leaves])
    assert_close(found, gradients(expected, [*own, *leaves]), rtol=0, atol=0)
    if own:
        assert not found[0][~mask].any()


@cases
def test_lengths_are_a_mask(case: Case) -> None:
    ours, _ = case.pair()
    x, lengths = case.input(), torch.tensor(LENGTHS)
    mask = torch.arange(STEPS).unsqueeze(1) < lengths
    expected = flat(ours(x, lengths=lengths))
    assert_close(flat(ours(x, mask=mask)), expected, rtol=0, atol=0)
    everything = torch.ones_like(mask)
    assert_close(flat(ours(x, mask=everything)), flat(ours(x)), rtol=0, atol=0)


@cases
def test_a_row_without_steps_keeps_its_state(case: Case) -> None:
    ours, _ = case.pair()
    x, mask = case.input(), random_mask()
    mask[:, 2] = False
    state = torch.utils._pytree.tree_map(torch.rand_like, ours.initial_state(ROWS))
    output, last = ours(x, mask=mask, state=state)
    for before, after in zip(flat(state), flat(last), strict=True):
        assert_close(after[:, 2], before[:, 2], rtol=0, atol=0)
    if output.dim() == 3:
        assert not output[:, 2].any()
    assert all(g.isfinite().all() for g in gradients(output, list(ours.parameters())))


def held_model(spec: str = HELD) -> Any:
    torch.manual_seed(5)
    built = compiled(spec, "held").Held(3, dtype=torch.float64)
    for parameter in built.parameters():
        nn.init.uniform_(parameter, -0.6, 0.6)
    return built


def test_held_outputs_are_those_of_the_step_before() -> None:
    held, zero = held_model(), held_model(HELD.replace("(mask = hold)", ""))
    x, mask = torch.randn(STEPS, ROWS, 3, dtype=torch.float64), random_mask()
    expected = zero(x, mask=mask)[0].clone()
    assert not expected[~mask].any()
    for t in range(1, STEPS):
        for row in range(ROWS):
            if not mask[t, row]:
                expected[t, row] = expected[t - 1, row]
    output, _ = held(x, mask=mask)
    assert_close(output, expected, rtol=0, atol=0)
    assert not output[:2, 0].any()
    # Lengths are a mask here, too.
    output, _ = held(x, lengths=torch.tensor(LENGTHS))
    padding = torch.arange(STEPS).unsqueeze(1) < torch.tensor(LENGTHS)
    assert_close(output, held(x, mask=padding)[0], rtol=0, atol=0)
    assert_close(output[4:, 0], output[3:4, 0].expand(2, 2), rtol=0, atol=0)
    assert output[3, 0].any()


def test_held_outputs_are_differentiated() -> None:
    held = held_model()
    x, mask = torch.randn(4, 2, 3, dtype=torch.float64), torch.rand(4, 2) < 0.5
    x.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: held(x, mask=mask)[0], (x,))


@pytest.mark.parametrize("name", ["tagger", "stack", "binary"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_masked_steps_count_in_no_loss(name: str, batch_first: bool) -> None:
    ours = model(name, *{"tagger": (9, 4), "stack": (3, 4, 2)}.get(name, (3,)))
    ours.batch_first = batch_first
    width = {"tagger": 4, "stack": 2, "binary": 3}[name]
    mask = random_mask()
    output = torch.randn(STEPS, ROWS, width, dtype=torch.float64)
    target = torch.rand_like(output)
    if name == "tagger":
        target = torch.randint(width, (STEPS, ROWS))
    # The steps that count, as those of one long row.
    expected = ours.loss(output[mask].unsqueeze(1), target[mask].unsqueeze(1))
    output[~mask] = float("nan")
    target[~mask] = -5 if name == "tagger" else float("nan")
    given = [v.transpose(0, 1) if batch_first else v for v in (output, target, mask)]
    loss = ours.loss(*given[:2], mask=given[2])
    assert_close(loss, expected)


@pytest.mark.parametrize(
    ("mask", "kind", "message"),
    [
        ([True], TypeError, "mask: expected a torch.Tensor, got builtins.list"),
        (torch.ones(STEPS, ROWS), ValueError, "mask: expected torch.bool, got"),
        (
            torch.ones(ROWS, STEPS).bool(),
            RuntimeError,
            "mask: expected size (6, 5), one for each step of each row, got (5, 6)",
        ),
    ],
)
def test_masks(mask: object, kind: type[Exception], message: str) -> None:
    stack = model("stack", 3, 4, 2)
    x = torch.zeros(STEPS, ROWS, 3, dtype=torch.float64)
    y = torch.zeros(STEPS, ROWS, 7, dtype=torch.float64)
    for module, value in ((stack, x), (stack.layer_3, y)):
        with pytest.raises(kind, match=re.escape(message)):
            module(value, mask=mask)


def test_a_mask_beside_lengths() -> None:
    stack = model("stack", 3, 4, 2)
    x = torch.zeros(STEPS, ROWS, 3, dtype=torch.float64)
    both: dict[str, Any] = {"mask": random_mask(), "lengths": torch.tensor(LENGTHS)}
    message = "mask: expected lengths or a mask, got both"
    with pytest.raises(ValueError, match=message):
        stack(x, **both)
    with pytest.raises(ValueError, match=message):
        stack.layer_3(torch.zeros(STEPS, ROWS, 7, dtype=torch.float64), **both)
    with pytest.raises(ValueError, match=message):
        stack.loss(x[..., :2], x[..., :2], **both)


def test_masks_of_the_spec_are_in_the_specification() -> None:
    assert 'masked="hold"' in compile_text(HELD, "held.rnn")
    assert "many_to_many(mask = hold)" in held_model().explain()
    assert "masked=" not in compile_text(ALL["tagger"], "tagger.rnn")


def test_an_input_may_be_called_mask() -> None:
    """That of GRU-D tells which features of a step have been observed."""
    spec = """from zoo import GRUD

model Patient(I):
    input x: [I], mask: [I], delta: [I]
    layer GRUD(4)
"""
    patient = compiled(spec, "patient").Patient(3, dtype=torch.float64)
    x, delta = torch.rand(2, STEPS, ROWS, 3, dtype=torch.float64)
    seen, mask = (x < 0.5).double(), random_mask()
    output, _ = patient(x, mask_=seen, delta=delta, mask=mask)
    for row in range(ROWS):
        kept = mask[:, row]
        expected, _ = patient(x[kept, row], seen[kept, row], delta[kept, row])
        assert_close(output[kept, row], expected)
