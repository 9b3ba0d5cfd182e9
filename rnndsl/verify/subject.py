"""The module under verification: built, filled, called and differentiated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnndsl.analysis.program import Cell, ReadCurrent
from rnndsl.runtime.engines.choice import ENGINES
from rnndsl.verify.case import STEPS, Case
from rnndsl.verify.draw import Draw
from rnndsl.verify.oracle import Outcome, differentiable, outcome_of
from rnndsl.verify.setting import Setting

# What broken generated code may raise when it is built or run. What is not among these
# (no memory, an interrupt) is no finding about the module.
_RAISED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
)


def available_engines(
    module: ModuleType,
    cells: Iterable[Cell],
    tensors: Mapping[str, Tensor],
    *,
    is_ragged: bool,
) -> tuple[str, ...]:
    """The engines that can run on this machine, for all of these cells by what their
    module says, and for rows of unequal lengths where it ``is_ragged``."""
    values = tuple(tensors.values())
    classes = [getattr(module, cell.name, None) for cell in cells]
    specifications = [
        found for own in classes if (found := getattr(own, "specification", None))
    ]
    found_engines = []
    for engine in ENGINES:
        if engine.refusal(values) is not None:
            continue
        if engine.ragged_refusal is not None and (is_ragged or not specifications):
            continue
        if all(engine.refuses(own, values) is None for own in specifications):
            found_engines.append(engine.name)
    return tuple(found_engines)


def refused_engines() -> tuple[tuple[str, str], ...]:
    """The engines that cannot run on this machine, each with the reason."""
    reasons = [(engine.name, engine.refusal((torch.zeros(()),))) for engine in ENGINES]
    return tuple((name, reason) for name, reason in reasons if reason is not None)


class BrokenModuleError(Exception):
    """The module could not be built, filled, called or differentiated."""


@contextmanager
def attempt(what: str) -> Iterator[None]:
    """Raises BrokenModuleError, in one line, for an error of generated code within."""
    try:
        yield
    except _RAISED as error:
        lines = str(error).strip().splitlines()
        reason = (
            f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
        )
        raise BrokenModuleError(f"{what}: {reason}") from error


def build_layer(
    module: ModuleType, setting: Setting, engine: str, dtype: torch.dtype
) -> nn.Module:
    """The layer of a setting, with its parameters. Raises BrokenModuleError."""
    case = setting.case
    with attempt("cannot be built"):
        layer: nn.Module = getattr(module, setting.cell.name)(
            **_sizes_and_bias(setting),
            num_layers=case.num_layers,
            bidirectional=case.bidirectional,
            dtype=dtype,
        )
    fill(layer, setting.draw.stored, engine)
    return layer


def build_cell(
    module: ModuleType, setting: Setting, engine: str, dtype: torch.dtype
) -> nn.Module:
    """The cell class of a setting of one layer, with its parameters under the names
    that a single cell gives them. Raises BrokenModuleError."""
    with attempt("cannot be built"):
        cell: nn.Module = getattr(module, f"{setting.cell.name}Cell")(
            **_sizes_and_bias(setting), dtype=dtype
        )
    parameters = setting.draw.stored
    fill(cell, {n.removesuffix("_l0"): v for n, v in parameters.items()}, engine)
    return cell


def _sizes_and_bias(setting: Setting) -> dict[str, int]:
    cell, sizes = setting.cell, setting.sizes
    arguments = {d.argument: sizes[d.name] for d in cell.dimensions}
    # A cell without biases may have no such argument, and its cases never ask for it.
    return arguments if setting.case.bias else {**arguments, "bias": False}


def fill(layer: Any, parameters: Mapping[str, Tensor], engine: str) -> None:
    """Loads the parameters by their names, all of them, frozen ones to be
    differentiated as well; chooses the engine."""
    with attempt("does not take the parameters of its spec"):
        layer.load_state_dict(dict(parameters), strict=True)
        layer.requires_grad_(True)
    with attempt(f"has no engine {engine}"):
        layer.engine = engine


def call_layer(
    layer: nn.Module, case: Case, draw: Draw, states: tuple[str, ...]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Calls a layer, or a module of torch.nn, on a draw: packed if the case is ragged.

    Returns the output (T, B, ...), zero where a row has ended, and the last states.
    """
    inputs: list[Any] = list(draw.inputs.values())
    if case.lengths is not None:
        lengths = torch.tensor(case.lengths)
        inputs = [
            pack_padded_sequence(value, lengths, enforce_sorted=False)
            for value in inputs
        ]
    hx = None if draw.states is None else _joined(draw.states, states)
    output, last = layer(*inputs) if hx is None else layer(*inputs, hx)
    if case.lengths is not None:
        output, _ = pad_packed_sequence(output, total_length=STEPS)
    return output, dict(zip(states, (last,) if len(states) == 1 else last, strict=True))


def run_layer(layer: nn.Module, setting: Setting, dtype: torch.dtype) -> Outcome:
    """A layer on the setting it was built for. Raises BrokenModuleError."""
    with attempt("fails"):
        live = differentiable(setting.draw, dtype)
        own = dict(layer.named_parameters())
        live = replace(live, parameters={name: own[name] for name in live.parameters})
        output, last = call_layer(layer, setting.case, live, setting.states)
        return outcome_of(output, last, live)


def run_cell(cell: nn.Module, setting: Setting, dtype: torch.dtype) -> Outcome:
    """A cell on its setting's sequence, step by step. Raises BrokenModuleError."""
    states = setting.states
    output_is_state = not setting.cell.emitted and setting.cell.output == ReadCurrent(
        name=states[0], shape=setting.cell.output.shape, span=setting.cell.output.span
    )
    with attempt("fails"):
        live = differentiable(setting.draw, dtype)
        own = dict(cell.named_parameters())
        names = {name: name.removesuffix("_l0") for name in live.parameters}
        live = replace(live, parameters={n: own[names[n]] for n in live.parameters})
        assert live.states is not None, "streaming starts from a given state"
        last = {name: value[0] for name, value in live.states.items()}
        outputs = []
        for t in range(STEPS):
            inputs = [value[t] for value in live.inputs.values()]
            returned = cell(*inputs, _joined(last, states))
            output, hx = (None, returned) if output_is_state else returned
            last = dict(zip(states, (hx,) if len(states) == 1 else hx, strict=True))
            outputs.append(last[states[0]] if output is None else output)
        final = {name: value.unsqueeze(0) for name, value in last.items()}
        return outcome_of(torch.stack(outputs), final, live)


def _joined(
    states: Mapping[str, Tensor], names: tuple[str, ...]
) -> Tensor | tuple[Tensor, ...]:
    values = tuple(states[name] for name in names)
    return values[0] if len(values) == 1 else values
