"""Docstrings of a generated model, and what its ``explain`` says."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import assert_never

from rnndsl.analysis.model import (
    Embedding,
    Exchange,
    Masking,
    Model,
    ModelInput,
    OneHot,
    Pooling,
    Settling,
    TokenInput,
    VectorInput,
)
from rnndsl.analysis.model_layers import RecurrentLayer, TimeConvolution
from rnndsl.backends.torch.describe import shape_text
from rnndsl.backends.torch.docstring import docstring
from rnndsl.backends.torch.layout import WIDTH
from rnndsl.backends.torch.models.emission import emitted_names
from rnndsl.backends.torch.models.stage import Stage, place, spec_line
from rnndsl.backends.torch.printer import number

_INDENT = 8
_MASKED = {Masking.ZERO: "zero", Masking.HOLD: "what it was before"}


def class_docstring(model: Model) -> tuple[str, ...]:
    """What the author says of the model, and what its sizes are."""
    about = model.docstring.strip() or f"The model {model.name}."
    parts: list[str] = []
    if model.dimensions:
        sizes = ", ".join(f"{d.argument} is {d.name}" for d in model.dimensions)
        parts.append(f"Sizes: {sizes}.")
    front, tokens = model.front, model.inputs[0]
    if isinstance(front, Embedding) and front.given and isinstance(tokens, TokenInput):
        shape = shape_text((), str(tokens.vocabulary), str(front.width))
        parts.append(f"embedding {shape}: the vector of each token, copied.")
    if not parts:
        return docstring(about)
    return docstring(about, "\n".join(filled(part, 4) for part in parts))


def forward_docstring(model: Model, recurrences: Sequence[str]) -> tuple[str, ...]:
    """Inputs and results with their shapes."""
    leading = leading_axes(model, "T", "B")
    first = "Runs the model over sequences."
    order = (
        "; batch before time with ``batch_first``; without B for a single sequence; "
        "or packed"
    )
    if model.exchange is Exchange.ONE_TO_ONE:
        first, order = "Runs the model once.", "; B may be absent"
    elif model.exchange is Exchange.REPEAT:
        order = ", the same at each step; B may be absent"
    once, steps = once_text(model), _inputs(model, *leading)
    parts = [f"Inputs: {f'{once}; {steps}' if once else steps}{order}."]
    if model.settling is not None:
        parts.append(_settling_text(model.settling))
    if model.exchange is not Exchange.ONE_TO_ONE:
        if model.exchange is Exchange.REPEAT:
            parts.append("steps: T, how many steps to run.")
        parts += _counted_text(model)
    refusal = state_refusal(model)
    if refusal is None:
        parts.append(_state_text(model, recurrences))
    else:
        parts.append(f"state: None. Raises RuntimeError for another: {refusal}.")
    if model.stateful is not None:
        parts.append(
            "Without it the model starts where the last call ended; ``reset_state`` "
            "makes it begin anew."
        )
    if model.reset is not None:
        parts.append(
            "reset: (T, B), True at steps before which all layers start anew; in the "
            "form of the inputs."
        )
    output = f"Returns the output {output_shape(model, 'T', 'B')}"
    if model.exchange.has_steps:
        output += f", {_MASKED[model.masking]} at steps that do not count,"
    parts += [f"{output} and the last state.", *_emitted(model)]
    return docstring(first, "\n".join(filled(part, _INDENT) for part in parts))


def _settling_text(settling: Settling) -> str:
    change = "changes"
    if settling.tolerance:
        change += f" by more than {number(settling.tolerance).text}"
    return (
        f"Each layer repeats its step until no state {change}, {settling.steps} times "
        "at most."
    )


def _state_text(model: Model, recurrences: Sequence[str]) -> str:
    encoder = model.encoder
    once = [item.name for item in model.contexts]
    once += [item.name for item in (() if encoder is None else encoder.inputs)]
    if not once:
        return (
            "state: where to start, as an earlier call returned it: a tuple with the "
            f"states of {', '.join(recurrences)}."
        )
    verb = "is" if len(once) == 1 else "are"
    return (
        "state: where to start, as ``start`` or an earlier call returned it; "
        f"{', '.join(once)} {verb} then not read."
    )


def _counted_text(model: Model) -> list[str]:
    """The options that say which steps count."""
    if model.encoder is None:
        return [
            "lengths: (B,), how many steps of each row count, where not all do.",
            "mask: (T, B), False at the steps that do not, wherever they are.",
        ]
    names = [model.encoder.inputs[0].name, model.inputs[0].name]
    lengths = " and ".join(f"{name}_lengths" for name in names)
    masks = " and ".join(f"{name}_mask" for name in names)
    return [
        f"{lengths}: (B,), how many steps of each row count, where not all do.",
        f"{masks}: False at the steps that do not, wherever they are.",
    ]


def once_text(model: Model) -> str:
    """What is given once: contexts, and the inputs of an encoder."""
    parts = [given_text(model.contexts, "B")] if model.contexts else []
    if model.encoder is not None:
        parts.append(given_text(model.encoder.inputs, "S", "B"))
    return "; ".join(parts)


def step_docstring(model: Model, refusal: str | None) -> tuple[str, ...]:
    """One step's inputs and results, or why there is none."""
    output = output_shape(model, "B")
    marks = "" if model.reset is None else ", reset (B,)"
    parts = [
        f"Inputs: {_inputs(model, 'B')}{marks}; B may be absent. Returns the output "
        f"{output} and the new state.",
        *_emitted(model),
    ]
    if refusal is not None:
        parts.append(f"Raises RuntimeError: {refusal}.")
    return docstring(
        "One step, as when streaming.",
        "\n".join(filled(part, _INDENT) for part in parts),
    )


def _emitted(model: Model) -> list[str]:
    """What is returned besides, where anything is."""
    names = emitted_names(model)
    return [f"Third comes what layers emit: {', '.join(names)}."] if names else []


def streaming_refusal(model: Model) -> str | None:
    """Why the model needs whole sequences, if it does."""
    convolving = state_refusal(model)
    if convolving is not None:
        return convolving
    for layer in model.layers:
        if isinstance(layer, RecurrentLayer) and any(
            branch.backward is not None for branch in layer.branches
        ):
            return f"{layer.name} ({place(layer.span)}) reads the sequence from its end"
    if model.pooling in (None, Pooling.LAST, Pooling.STATE):
        return None
    assert model.pooling is not None, "looked at before"
    return f"many_to_one({model.pooling.value}) needs all steps of the sequence"


def state_refusal(model: Model) -> str | None:
    """Why the model needs a sequence from its first step, if it does."""
    for layer in (*model.layers, *model.head):
        if isinstance(layer, TimeConvolution):
            return f"conv_time ({place(layer.span)}) sees the steps before as well"
    return None


def summary(model: Model, stages: Sequence[Stage]) -> list[str]:
    """Each line of the spec, and below it the shape of what leaves it."""
    has_time = model.exchange is not Exchange.ONE_TO_ONE
    shapes: dict[str, str] = {}
    for item in (*model.contexts, *model.inputs):
        shape = () if isinstance(item, TokenInput) else item.shape
        is_once = item in model.contexts or model.exchange is Exchange.REPEAT
        axes = ("B",) if is_once else _axes(has_time)
        shown = f"{item.name} {shape_text(shape, *axes)}"
        line = spec_line(item.span)
        shapes[line] = f"{shapes[line]}, {shown}" if line in shapes else shown
    if isinstance(model.front, OneHot):
        shapes[spec_line(model.front.span)] = "not made: columns of matrices are read"
    for stage in stages:
        shape = (str(stage.width), *stage.extent)
        axes = (*_axes(stage.has_time), *(["2"] if stage.is_separate else []))
        shapes[spec_line(stage.span)] = shape_text(shape, *axes)
    lines = [line for pair in shapes.items() for line in (pair[0], f"    {pair[1]}")]
    if model.masking is Masking.HOLD and model.exchange_span is not None:
        lines.append(spec_line(model.exchange_span))
    running = (model.settling, model.stateful, model.truncation)
    others = (*running, model.loss, model.generation)
    return [*lines, *(spec_line(part.span) for part in others if part is not None)]


def output_shape(model: Model, *leading: str) -> str:
    """``(T, B, K)``, without T where the model gives one output for all steps."""
    return shape_text(
        (str(model.output_width),), *leading_axes(model, *leading, pooled=True)
    )


def _axes(has_time: bool) -> tuple[str, ...]:
    return ("T", "B") if has_time else ("B",)


def leading_axes(model: Model, *axes: str, pooled: bool = False) -> tuple[str, ...]:
    """The axes before the features, of inputs, or of the output (``pooled``)."""
    single = Exchange.MANY_TO_ONE if pooled else Exchange.REPEAT
    is_single = model.exchange in (Exchange.ONE_TO_ONE, single)
    leading = axes[-1:] if is_single else axes
    return (*leading, "2") if pooled and model.is_separate else leading


def given_text(items: Sequence[ModelInput], *leading: str) -> str:
    """``image (B, F), genre (B), whole numbers below 12``."""
    return ", ".join(_input(item, *leading) for item in items)


def _inputs(model: Model, *leading: str) -> str:
    return given_text(model.inputs, *leading)


def _input(item: ModelInput, *leading: str) -> str:
    match item:
        case TokenInput(name=name, vocabulary=vocabulary):
            return (
                f"{name} {shape_text((), *leading)}, whole numbers below {vocabulary}"
            )
        case VectorInput(name=name, shape=shape):
            return f"{name} {shape_text(shape, *leading)}"
        case _:
            assert_never(item)


def filled(text: str, indent: int) -> str:
    """A paragraph on lines that fit."""
    return textwrap.fill(
        text,
        width=WIDTH - indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
