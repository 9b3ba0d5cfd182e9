"""The generated model under verification: built, filled, called and differentiated."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pad_packed_sequence,
)

from rnndsl.analysis.model import Embedding, Exchange
from rnndsl.verify.case import BATCH, STEPS
from rnndsl.verify.draw import Draw
from rnndsl.verify.models.case import (
    SOURCE_STEPS,
    Form,
    ModelCase,
    Rows,
    read_at_steps,
)
from rnndsl.verify.models.dropout import definite_dropout, replace_variational_dropout
from rnndsl.verify.models.layers import EMBEDDING
from rnndsl.verify.models.setting import ModelSetting
from rnndsl.verify.models.subject_loss import by_rows, with_loss
from rnndsl.verify.models.values import ModelValues
from rnndsl.verify.oracle import Outcome, differentiable
from rnndsl.verify.subject import BrokenModuleError, attempt, fill

_PIECE = 2


def build_model(
    module: ModuleType, setting: ModelSetting, engine: str, dtype: torch.dtype
) -> Any:
    """The model of a setting, with its parameters. Raises BrokenModuleError."""
    case, draw = setting.case, setting.draw
    options = {"batch_first": True} if case.batch_first else {}
    sizes = {d.argument: setting.sizes[d.name] for d in setting.model.dimensions}
    with attempt("cannot be built"):
        model = getattr(module, setting.name)(
            **sizes, **options, **_tables(setting), dtype=dtype
        )
        model.train(case.training)
    _check_truncation(model, setting)
    replace_variational_dropout(model)
    _check_trained(model, draw)
    fill(model, draw.stored, engine)
    return model


def _tables(setting: ModelSetting) -> dict[str, Tensor]:
    """The table that the constructor of a model takes, if it takes one."""
    front = setting.model.front
    if not isinstance(front, Embedding) or not front.given:
        return {}
    return {"embedding": setting.draw.parameters[EMBEDDING]}


def _check_truncation(model: Any, setting: ModelSetting) -> None:
    """Cuts gradients as the case says. Raises BrokenModuleError unless the model does
    so as its spec says."""
    truncation = setting.model.truncation
    wanted = None if truncation is None else truncation.steps
    with attempt("has no truncation"):
        found = model.truncation
    if found != wanted:
        raise BrokenModuleError(f"cuts gradients every {found} steps, not {wanted}")
    if setting.case.truncation != wanted:
        model.truncation = setting.case.truncation


def _check_trained(model: nn.Module, draw: Draw) -> None:
    """Raises BrokenModuleError unless the model trains what its spec does."""
    for name, value in model.named_parameters():
        wanted = name not in draw.untrained
        if value.requires_grad and not wanted:
            raise BrokenModuleError(f"trains {name}, which its spec does not train")
        if wanted and not value.requires_grad:
            raise BrokenModuleError(f"does not train {name}, which its spec trains")


def run_model(model: Any, setting: ModelSetting, dtype: torch.dtype) -> Outcome:
    """A model on the setting it was built for. Raises BrokenModuleError."""
    with attempt("fails"), definite_dropout():
        live = live_draw(model, setting.draw, dtype)
        return call_model(model, setting, live).outcome(live)


def call_model(model: Any, setting: ModelSetting, draw: Draw) -> ModelValues:
    """What a model computes, laid out as the interpreter does."""
    case, model_spec = setting.case, setting.model
    contexts: list[Any] = [draw.inputs[item.name] for item in model_spec.contexts]
    is_repeated = model_spec.exchange is Exchange.REPEAT
    has_rows = case.batch_first and not is_repeated
    inputs: list[Any] = [
        by_rows(draw.inputs[item.name], has_rows) for item in model_spec.inputs
    ]
    options = _counted(case, case.rows, STEPS)
    told: dict[str, Any] = {} if case.form is Form.PACKED else dict(options)
    if is_repeated:
        told["steps"] = STEPS
    if draw.marks is not None:
        told["reset"] = by_rows(draw.marks, case.batch_first)
    if case.form is Form.PACKED:
        inputs = [_packed(value, case, case.rows) for value in inputs]
        told = {name: _packed(v, case, case.rows) for name, v in told.items()}
    if model_spec.encoder is not None:
        name = model_spec.inputs[0].name
        told = {f"{name}_{option}": value for option, value in told.items()}
        sources, of_source = _sources(setting, draw)
        contexts += sources
        told |= of_source
    given = {} if draw.states is None else {"state": _model_state(setting, draw)}
    output, last, *beside = model(*contexts, *inputs, **told, **given)
    has_steps = setting.model.exchange.has_steps
    if case.form is Form.PACKED and has_steps:
        output = _unpacked(output, case)
    has_rows = case.batch_first and has_steps
    emitted: dict[str, Any] = dict(*beside)
    if case.form is Form.PACKED:
        emitted = {name: _unpacked(value, case) for name, value in emitted.items()}
    values = ModelValues(
        output=output,
        last=_named(last, draw),
        emitted={n: by_rows(v, case.batch_first) for n, v in emitted.items()},
    )
    values = with_loss(model, setting, draw, values, options)
    return replace(values, output=by_rows(values.output, has_rows))


def call_single(
    model: Any, setting: ModelSetting, row: int
) -> tuple[Tensor, dict[str, Tensor]]:
    """Output and last states of one row that comes without an axis of rows."""
    spec, draw = setting.model, setting.draw
    has_time = spec.exchange not in (Exchange.ONE_TO_ONE, Exchange.REPEAT)
    sources = () if spec.encoder is None else spec.encoder.inputs
    once = [draw.inputs[item.name][row] for item in spec.contexts]
    over_time = [
        draw.inputs[item.name].select(1 if has_time else 0, row)
        for item in (*sources, *spec.inputs)
    ]
    told: dict[str, Any] = {} if draw.marks is None else {"reset": draw.marks[:, row]}
    if spec.exchange is Exchange.REPEAT:
        told["steps"] = STEPS
    output, state, *_ = model(*once, *over_time, **told)
    return output, _named(state, draw)


def _unpacked(value: Any, case: ModelCase) -> Tensor:
    padded, _ = pad_packed_sequence(value, case.batch_first, total_length=STEPS)
    return padded


def _sources(setting: ModelSetting, draw: Draw) -> tuple[list[Any], dict[str, Any]]:
    """The inputs of an encoder, and the options that say which of their steps count."""
    encoder, case = setting.model.encoder, setting.case
    assert encoder is not None, "asked by the caller"
    given = [
        by_rows(draw.inputs[item.name], case.batch_first) for item in encoder.inputs
    ]
    if case.form is Form.PACKED:
        return [_packed(value, case, case.source_rows) for value in given], {}
    options = _counted(case, case.source_rows, SOURCE_STEPS)
    name = encoder.inputs[0].name
    return list(given), {f"{name}_{option}": v for option, v in options.items()}


def _counted(case: ModelCase, rows: Rows | None, steps: int) -> dict[str, Tensor]:
    """The arguments that say which steps count, if not all do."""
    if rows is None:
        return {}
    if case.form is not Form.MASK:
        return {"lengths": torch.tensor([len(row) for row in rows])}
    mask = torch.zeros(steps, BATCH, dtype=torch.bool)
    for row, counted in enumerate(rows):
        mask[list(counted), row] = True
    return {"mask": by_rows(mask, case.batch_first)}


def _packed(value: Tensor, case: ModelCase, rows: Rows | None) -> PackedSequence:
    lengths = _counted(case, rows, STEPS)["lengths"]
    return pack_padded_sequence(value, lengths, case.batch_first, enforce_sorted=False)


def run_steps(model: Any, setting: ModelSetting, dtype: torch.dtype) -> Outcome:
    """A model on its setting's sequence by ``step``. Raises BrokenModuleError."""
    with attempt("fails"), definite_dropout():
        live = live_draw(model, setting.draw, dtype)
        if setting.model.encoder is None:
            state = _model_state(setting, live)
        else:
            contexts = [live.inputs[item.name] for item in setting.model.contexts]
            state = model.start(*contexts, *_sources(setting, live)[0])
        exchange = setting.model.exchange
        inputs = [live.inputs[item.name] for item in setting.model.inputs]
        every: dict[str, list[Tensor]] = {}
        if exchange is Exchange.ONE_TO_ONE:
            output, state, *beside = model.step(*inputs, state=state)
            emitted: dict[str, Tensor] = dict(*beside)
        else:
            outputs = []
            is_repeated = exchange is Exchange.REPEAT
            for t in range(STEPS):
                told = {} if live.marks is None else {"reset": live.marks[t]}
                now = (value if is_repeated else value[t] for value in inputs)
                output, state, *beside = model.step(*now, state=state, **told)
                outputs.append(output)
                for name, value in dict(*beside).items():
                    every.setdefault(name, []).append(value)
            if exchange.has_steps:
                output = torch.stack(outputs)
            emitted = {name: torch.stack(parts) for name, parts in every.items()}
        values = ModelValues(output=output, last=_named(state, live), emitted=emitted)
        return with_loss(model, setting, live, values, {}).outcome(live)


def pieces_of(setting: ModelSetting) -> tuple[slice, slice]:
    """Which steps each of two calls is given; the same rows where there is one step."""
    if setting.model.exchange is Exchange.ONE_TO_ONE:
        return slice(None), slice(None)
    return slice(0, _PIECE), slice(_PIECE, STEPS)


def run_pieces(model: Any, setting: ModelSetting, dtype: torch.dtype) -> Outcome:
    """A model that keeps its state, called twice: the outputs of both calls, and the
    last states. Only values: what is kept has no gradient. Raises BrokenModuleError."""
    with attempt("fails in pieces"), torch.no_grad():
        live = differentiable(setting.draw, dtype)
        outputs = []
        for piece in pieces_of(setting):
            inputs = [live.inputs[item.name][piece] for item in setting.model.inputs]
            told = {} if live.marks is None else {"reset": live.marks[piece]}
            output, state, *_ = model(*inputs, **told)
            outputs.append(output)
        values = {"output": torch.cat(outputs)}
        last = _named(state, live)
        values |= {f"last {name}": value for name, value in last.items()}
        return Outcome(forward=values, gradients={})


def live_draw(model: nn.Module, draw: Draw, dtype: torch.dtype) -> Draw:
    """The draw with the model's own parameters in it."""
    live = differentiable(draw, dtype)
    own = dict(model.named_parameters())
    return replace(
        live, parameters={n: own.get(n, value) for n, value in live.parameters.items()}
    )


def _model_state(setting: ModelSetting, draw: Draw) -> tuple[Any, ...]:
    """The states by ``layer_1.h`` as a model takes them: an entry for each layer, one
    tensor or a tuple, and behind them the contexts that steps read."""
    assert draw.states is not None, "a state is given"
    entries: dict[str, list[Tensor]] = {}
    for name, value in draw.states.items():
        entries.setdefault(name.rpartition(".")[0], []).append(value)
    states = (v[0] if len(v) == 1 else tuple(v) for v in entries.values())
    read = read_at_steps(setting.model)
    return (*states, *(draw.inputs[name].unsqueeze(0) for name in read))


def _named(state: tuple[Any, ...], draw: Draw) -> dict[str, Tensor]:
    """A model's state by the names of the draw, without the contexts it carries."""
    tensors: list[Tensor] = []
    for entry in state:
        tensors += [entry] if isinstance(entry, Tensor) else entry
    return dict(zip(draw.state_weights, tensors, strict=False))
