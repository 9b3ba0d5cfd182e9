"""The methods ``start``, ``forward`` and ``decode`` of a model with contexts or an
encoder."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rnndsl.analysis.model import Embedding, Exchange, Model
from rnndsl.backends.torch.docstring import docstring
from rnndsl.backends.torch.layout import Nest, call, nested
from rnndsl.backends.torch.models.emission import returned
from rnndsl.backends.torch.models.methods import LENGTHS, MASK, STEPS, signature, tupled
from rnndsl.backends.torch.models.names import ModelNames
from rnndsl.backends.torch.models.stack import ModelStack
from rnndsl.backends.torch.models.stage import INDENT, Stage, commented
from rnndsl.backends.torch.models.text import filled, once_text
from rnndsl.backends.torch.view import MethodView


def encoder_stage(model: Model) -> tuple[Stage, ...]:
    """What builds the encoder; nothing for a model without one."""
    encoder = model.encoder
    if encoder is None:
        return ()
    arguments = [*(d.argument for d in encoder.dimensions), "batch_first=batch_first"]
    if isinstance(encoder.front, Embedding) and encoder.front.given:
        arguments.append("embedding=encoder_embedding")
    build = call(
        f"self.encoder = {encoder.name}", [*arguments, "**factory"], indent=INDENT
    )
    width = encoder.output_width
    return (Stage(span=encoder.span, width=width, has_time=True, build=build),)


def given_arguments(model: Model, names: ModelNames) -> list[str]:
    """What ``start`` takes, with its types: contexts and the encoder's inputs."""
    contexts = [f"{name}: Tensor" for name in names.contexts.values()]
    either = "Tensor | PackedSequence"
    return [*contexts, *(f"{name}: {either}" for name in names.encoder_inputs.values())]


def source_options(model: Model, names: ModelNames) -> list[str]:
    """Which steps of the encoder's inputs count, where the decoder has such, too."""
    if model.encoder is None:
        return []
    return [f"{name}: Tensor | None = None" for name in names.source]


def target_options(names: ModelNames) -> list[str]:
    """Which steps of the inputs count."""
    return [f"{name}: Tensor | None = None" for name in names.target]


def start_call(model: Model, names: ModelNames, head: str, indent: int) -> list[str]:
    """A call of ``start`` where the names of its arguments are known."""
    given = [*names.contexts.values(), *names.encoder_inputs.values()]
    if model.encoder is not None:
        lengths, mask = names.source
        given += [f"lengths={lengths}", f"mask={mask}"]
    return call(f"{head}self.start", given, indent=indent)


def start_method(
    model: Model, names: ModelNames, stack: ModelStack, last_state: Sequence[str]
) -> MethodView:
    """The state before the first step, of what is given once."""
    contexts = list(names.contexts.values())
    batched = names.take("is_batched")
    body = commented((stage.span, stage.begin) for stage in stack.stages)
    end = nested(
        Nest("return self.started", (Nest("", tuple(last_state)), batched)),
        indent=INDENT,
    )
    if any("batch)" in line or "batch," in line for line in (*body, *end)):
        rows = names.encoded if model.encoder is not None else contexts[0]
        body.insert(0, f"batch = {rows}.shape[1]")
    lines: list[str] = []
    if model.encoder is not None:
        read = [names.contexts[item.name] for item in model.encoder.contexts]
        inputs = tupled([*read, *names.encoder_inputs.values()])
        wanted = [names.encoded, names.counted, names.last]
        results = _taken(wanted, (*body, *end))
        results.append("_" if contexts else batched)
        head = f"{', '.join(results)} = self.encode"
        lines += call(head, [inputs, "lengths", "mask"], indent=INDENT)
    if contexts:
        packed = tupled(contexts)
        lines.append(f"{packed}, {batched} = self.given({packed})")
    alone = "" if model.encoder is None else " Options are those of the encoder."
    text = f"Inputs: {once_text(model)}; B may be absent.{alone}"
    options = [] if model.encoder is None else ["*", LENGTHS, MASK]
    return MethodView(
        signature=signature(
            "start", [*given_arguments(model, names), *options], " -> ModelState:"
        ),
        docstring=docstring("The state before the first step.", filled(text, INDENT)),
        lines=(*lines, *body, *end),
    )


def _taken(names: Sequence[str], lines: Sequence[str]) -> list[str]:
    """The names that lines read, and ``_`` for others."""
    text = "\n".join(lines)
    return [name if re.search(rf"\b{name}\b", text) else "_" for name in names]


def forward_lines(model: Model, names: ModelNames) -> tuple[str, ...]:
    """From the start, where no state is given, through all steps."""
    options = ["state=state"]
    if model.exchange is not Exchange.ONE_TO_ONE:
        lengths, mask = names.target
        options += [f"lengths={lengths}", f"mask={mask}"]
    start = start_call(model, names, "state = ", INDENT + 4)
    if model.exchange is Exchange.REPEAT:
        options.insert(0, "steps=steps")
    run = [*names.inputs.values(), *options]
    return (
        "if state is None:",
        *(f"    {line}" for line in start),
        *call("return self.decode", run, indent=INDENT),
    )


def decode_method(model: Model, names: ModelNames, lines: Sequence[str]) -> MethodView:
    """The steps behind a state; ``lines`` are what runs them."""
    has_time = model.exchange is not Exchange.ONE_TO_ONE
    repeats = model.exchange is Exchange.REPEAT
    kind = "Tensor | PackedSequence" if has_time and not repeats else "Tensor"
    given = [f"{name}: {kind}" for name in names.inputs.values()]
    options = [
        "*",
        *([STEPS] if repeats else []),
        "state: ModelState",
        *([LENGTHS, MASK] if has_time else []),
    ]
    output = "Any" if model.exchange.has_steps and not repeats else "Tensor"
    text = "Inputs, options, output and new state are those of ``forward``."
    return MethodView(
        signature=signature("decode", [*given, *options], returned(model, output)),
        docstring=docstring(
            "Runs the steps behind a state, as ``start`` or an earlier call gave it.",
            filled(text, INDENT),
        ),
        lines=tuple(lines),
    )
