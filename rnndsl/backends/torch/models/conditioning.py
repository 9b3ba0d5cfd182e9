"""Methods of a model with something that is given once a sequence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnndsl.analysis.model import Exchange, Join, Model, ModelInput, RecurrentLayer
from rnndsl.backends.torch.docstring import docstring
from rnndsl.backends.torch.layout import Nest, call, nested
from rnndsl.backends.torch.models.emission import returned
from rnndsl.backends.torch.models.methods import LENGTHS, MASK, signature, tupled
from rnndsl.backends.torch.models.names import ModelNames
from rnndsl.backends.torch.models.stage import INDENT, Stage, commented
from rnndsl.backends.torch.models.text import filled, given_text
from rnndsl.backends.torch.view import MethodView


def is_conditioned(model: Model) -> bool:
    """Whether the model has the methods ``start`` and ``decode``."""
    return bool(model.contexts)


def contexts_at_steps(model: Model) -> tuple[ModelInput, ...]:
    """The contexts that steps read, which a state therefore carries."""
    read = dict.fromkeys(
        name for layer in (*model.layers, *model.head) for name in _read(layer)
    )
    return tuple(item for item in model.contexts if item.name in read)


def _read(layer: object) -> Iterator[str]:
    match layer:
        case Join(source=source):
            yield source
        case RecurrentLayer(branches=branches):
            for branch in branches:
                for use in (branch.forward, branch.backward):
                    yield from () if use is None else use.extra_inputs


def start_method(
    model: Model, names: ModelNames, stages: Sequence[Stage], states: Sequence[str]
) -> MethodView:
    """The state before the first step, of what is given once."""
    contexts = list(names.contexts.values())
    packed = tupled(contexts)
    batched = names.take("is_batched")
    lines = [f"{packed}, {batched} = self.given({packed})"]
    body = commented((stage.span, stage.begin) for stage in stages)
    if any("(batch)" in line for line in body):
        lines.append(f"batch = {contexts[0]}.shape[1]")
    carried = [names.contexts[item.name] for item in contexts_at_steps(model)]
    state = Nest("", (*states, *carried))
    end = Nest("return self.started", (state, batched))
    lines += [*body, *nested(end, indent=INDENT)]
    text = f"Inputs: {given_text(model.contexts, 'B')}; B may be absent."
    return MethodView(
        signature=signature(
            "start", [f"{name}: Tensor" for name in contexts], " -> ModelState:"
        ),
        docstring=docstring("The state before the first step.", filled(text, INDENT)),
        lines=tuple(lines),
    )


def forward_lines(model: Model, names: ModelNames) -> tuple[str, ...]:
    """From the start, where no state is given, through all steps."""
    inputs = list(names.inputs.values())
    options = ["state=state"]
    if model.exchange is not Exchange.ONE_TO_ONE:
        options += ["lengths=lengths", "mask=mask"]
    start = call("    state = self.start", list(names.contexts.values()), indent=INDENT)
    return (
        "if state is None:",
        *start,
        *call("return self.decode", [*inputs, *options], indent=INDENT),
    )


def decode_method(model: Model, names: ModelNames, lines: Sequence[str]) -> MethodView:
    """The steps behind a state; ``lines`` are what runs them."""
    has_time = model.exchange is not Exchange.ONE_TO_ONE
    kind = "Tensor | PackedSequence" if has_time else "Tensor"
    given = [f"{name}: {kind}" for name in names.inputs.values()]
    options = ["*", "state: ModelState", *([LENGTHS, MASK] if has_time else [])]
    output = "Any" if model.exchange.has_steps else "Tensor"
    text = "Inputs, options, output and new state are those of ``forward``."
    return MethodView(
        signature=signature("decode", [*given, *options], returned(model, output)),
        docstring=docstring(
            "Runs the steps behind a state, as ``start`` or an earlier call gave it.",
            filled(text, INDENT),
        ),
        lines=tuple(lines),
    )


def carried_lines(model: Model, names: ModelNames) -> list[str]:
    """Takes what the state carries for all steps."""
    return [
        f'{names.contexts[item.name]} = self.carried(state, "{item.name}")'
        for item in contexts_at_steps(model)
    ]
