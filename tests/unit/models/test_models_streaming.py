"""Step by step is the same as at once; the state goes in and comes out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from model_cases import CASES, ENGINES, ROWS, STEPS, STREAMING, Case, flat, random_like
from model_specs import (
    ALL,
    contexts_of,
    inputs_of,
    model,
    random_model,
    specification_of,
)
from torch.testing import assert_close

streaming = pytest.mark.parametrize("case", STREAMING, ids=lambda case: case.name)


@streaming
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch_first", [False, True])
def test_steps_are_forward(case: Case, engine: str, batch_first: bool) -> None:
    ours = model(case.name, *case.sizes, batch_first=batch_first)
    ours.engine = engine
    x = case.input()
    whole, last = ours(x.transpose(0, 1) if batch_first else x)
    state: Any = None
    outputs = []
    for t in range(STEPS):
        output, state = ours.step(x[t], state=state)
        assert output.shape[0] == ROWS
        outputs.append(output)
    assert_close(flat(state), flat(last))
    if whole.dim() == 3:
        assert_close(torch.stack(outputs, 1 if batch_first else 0), whole)
    else:
        assert_close(outputs[-1], whole)
        assert_close(outputs[2], ours(x[:3].transpose(0, int(batch_first)))[0])


def streams(name: str) -> bool:
    """Whether the model of a spec runs step by step."""
    return specification_of(name).streaming_refusal is None


@pytest.mark.parametrize("name", [name for name in ALL if streams(name)])
@pytest.mark.parametrize("engine", ENGINES)
def test_every_model_that_streams_is_forward_step_by_step(
    name: str, engine: str
) -> None:
    ours = random_model(name)
    ours.engine = engine
    once = ours.specification.exchange == "one_to_one"
    inputs = inputs_of(ours, *((ROWS,) if once else (STEPS, ROWS)))
    contexts = contexts_of(ours, ROWS)
    whole, last, *_ = ours(*contexts, *inputs)
    begin = ours.start(*contexts) if contexts else None
    if once:
        output, state, *_ = ours.step(*inputs, state=begin)
        assert_close((output, flat(state)), (whole, flat(last)))
        return
    if ours.specification.stateful:
        ours.reset_state()
    state, outputs = begin, []
    for t in range(STEPS):
        # A stateful model goes on by itself.
        given = {} if ours.specification.stateful else {"state": state}
        output, state, *_ = ours.step(*(value[t] for value in inputs), **given)
        outputs.append(output)
    assert_close(flat(state), flat(last))
    if ours.specification.has_steps:
        assert_close(torch.stack(outputs), whole)
    else:
        assert_close(outputs[-1], whole)


@streaming
def test_pieces_are_the_whole(case: Case) -> None:
    ours, _ = case.pair()
    x = case.input()
    whole, last = ours(x)
    first, state = ours(x[:2])
    second, state = ours(x[2:], state=state)
    assert_close(flat(state), flat(last))
    if whole.dim() == 3:
        assert_close(torch.cat((first, second)), whole)
    else:
        assert_close(second, whole)


@pytest.mark.parametrize(
    ("name", "sizes", "reason"),
    [
        ("tagger", (9, 3), r"Tagger .* layer_1 \(tagger.rnn:7\) reads .* from its end"),
        ("mixed", (3, 4), r"layer_1 \(mixed.rnn:5\) reads the sequence from its end"),
        ("timed", (3,), r"layer_2 \(timed.rnn:6\) reads the sequence from its end"),
        ("mean", (3, 4), r"many_to_one\(mean\) needs all steps of the sequence"),
        ("max", (3, 4), r"many_to_one\(max\) needs all steps of the sequence"),
        ("attention", (3, 4), r"many_to_one\(attention\) needs all steps"),
    ],
)
def test_what_needs_the_whole_sequence_says_so(
    name: str, sizes: tuple[int, ...], reason: str
) -> None:
    ours = model(name, *sizes)
    x = torch.zeros(4, 3, dtype=torch.float64)
    with pytest.raises(RuntimeError, match=reason):
        ours.step(*([x, x[:, 0]] if name == "timed" else [x]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_initial_state_is_where_forward_starts(case: Case) -> None:
    ours, _ = case.pair()
    x = case.input()
    expected = ours(x)
    assert_close(flat(ours(x, state=ours.initial_state(ROWS))), flat(expected))
    some = list(random_like(ours.initial_state(ROWS)))
    some[-1] = None
    full = [*some[:-1], ours.initial_state(ROWS)[-1]]
    assert_close(flat(ours(x, state=tuple(some))), flat(ours(x, state=tuple(full))))


def test_learned_states_are_parameters() -> None:
    mixed = model("mixed", 3, 4)
    names = dict(mixed.named_parameters())
    assert names["layer_4_state.h"].shape == (2, 4)
    assert names["layer_4_state.c"].shape == (2, 4)
    assert not names["layer_4_state.h"].any()
    x = torch.randn(STEPS, ROWS, 3, dtype=torch.float64)
    mixed(x)[0].square().sum().backward()
    assert mixed.layer_4_state.c.grad.abs().sum() > 0
    given = mixed.initial_state(ROWS)
    mixed.zero_grad()
    detached = torch.utils._pytree.tree_map(torch.Tensor.detach, given)
    mixed(x, state=detached)[0].sum().backward()
    assert mixed.layer_4_state.c.grad is None
