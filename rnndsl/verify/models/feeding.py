"""The layers of a stack, one after the other, or step by step where they feed back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from rnndsl.analysis.model_layers import FeedBack, Layer, RecurrentLayer
from rnndsl.verify.interpreter import Values
from rnndsl.verify.models.layers import apply_layer
from rnndsl.verify.models.recurrent import Recurrences

FED = "feed.value"
"""Under this name is what goes back among the states, (1, N)."""


def run_stack(
    layers: Sequence[tuple[Layer, str]],
    recurrences: Recurrences,
    flow: list[Tensor],
    has_time: bool,
) -> list[Tensor]:
    """What comes out at each step; layers come with the names of their modules."""
    kinds = [type(layer) for layer, _ in layers]
    if FeedBack not in kinds:
        for layer, name in layers:
            flow = apply_layer(layer, name, recurrences, flow, has_time)
        return flow
    first, last = kinds.index(RecurrentLayer), kinds.index(FeedBack)
    for layer, name in layers[:first]:
        flow = apply_layer(layer, name, recurrences, flow, has_time)
    flow, fed = _fed_back(layers[first : last + 1], recurrences, flow)
    for layer, name in layers[last + 1 :]:
        flow = apply_layer(layer, name, recurrences, flow, has_time)
    recurrences.last[FED] = fed.unsqueeze(0)
    return flow


def _fed_back(
    layers: Sequence[tuple[Layer, str]], recurrences: Recurrences, flow: list[Tensor]
) -> tuple[list[Tensor], Tensor]:
    """The layers from the first recurrent one to what is fed back, a step at a time;
    also what the last step feeds back."""
    feed, _ = layers[-1]
    assert isinstance(feed, FeedBack), "the last of them"
    fed = recurrences.parameters.like.new_zeros(feed.width.value(recurrences.sizes))
    states = recurrences.states
    if states is not None:
        fed = states[FED][0]
    if not flow:
        # The states of a row of no steps are those it starts from.
        run_stack(layers[:-1], recurrences, [], has_time=True)
    outputs = []
    for t, value in enumerate(flow):
        if t in recurrences.cuts:
            assert states is not None, "those of the step before"
            fed, states = fed.detach(), _cut(states)
        step = replace(
            recurrences,
            inputs={name: [each[t]] for name, each in recurrences.inputs.items()},
            states=states,
            cuts=(),
            marks=recurrences.marks[t : t + 1],
            last={},
            emitted={},
        )
        (fed,) = run_stack(layers[:-1], step, [torch.cat((value, fed))], has_time=True)
        states = step.last
        outputs.append(fed)
        for name, values in step.emitted.items():
            recurrences.emitted.setdefault(name, []).extend(values)
    is_cut = any(t >= len(flow) for t in recurrences.cuts)
    if flow and states is not None:
        recurrences.last.update(_cut(states) if is_cut else states)
    return outputs, fed.detach() if is_cut else fed


def _cut(states: Values) -> Values:
    return {name: value.detach() for name, value in states.items()}
