"""What runs the steps of a model: all at once, or one by one where one is fed back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rnndsl.analysis.model import Exchange, Model
from rnndsl.analysis.model_layers import FeedBack, RecurrentLayer
from rnndsl.backends.torch.docstring import docstring
from rnndsl.backends.torch.fitting import unpack
from rnndsl.backends.torch.layout import WIDTH, Nest, call, nested
from rnndsl.backends.torch.models.conditioning import (
    constants,
    contexts_at_steps,
    fed_back,
    names_read,
)
from rnndsl.backends.torch.models.emission import emits
from rnndsl.backends.torch.models.methods import signature, tupled
from rnndsl.backends.torch.models.names import ModelNames
from rnndsl.backends.torch.models.stack import ModelStack
from rnndsl.backends.torch.models.stage import INDENT, commented
from rnndsl.backends.torch.models.text import filled
from rnndsl.backends.torch.view import MethodView


def run_call(model: Model, names: ModelNames) -> tuple[str, ...]:
    """What checks the arguments of ``forward``, runs all steps, and gives what comes
    out the form of the inputs."""
    method = "run_emitting" if emits(model) else "run"
    given: list[Nest | str] = [Nest("", tuple(names.inputs.values())), "state"]
    if model.exchange is not Exchange.ONE_TO_ONE:
        given += ["lengths=lengths", "mask=mask"]
    if model.exchange is Exchange.REPEAT:
        given.append("steps=steps")
    if model.reset is not None:
        given.append("reset=reset")
    return tuple(nested(Nest(f"return self.{method}", tuple(given)), indent=INDENT))


def unroll_method(
    model: Model, names: ModelNames, stack: ModelStack, states: Sequence[str]
) -> MethodView:
    """All steps, from inputs that are laid out."""
    lines, last_state = _run_lines(model, names, stack, states)
    parts = ["Tensor", "ModelState"]
    results: list[Nest | str] = [stack.result, "state"]
    if last_state:
        results[1] = Nest("", tuple(last_state))
    if stack.emitted:
        parts.append("dict[str, dict[str, Tensor]]")
        items = tuple(f'"{label}": {value}' for label, value in stack.emitted)
        results.append(Nest("", items, "{}"))
    arguments = ["inputs: Tensors", "state: ModelState", "lengths: Tensor | None"]
    text = "Inputs (T, B, ...), the steps of each row that count in front."
    if model.exchange is Exchange.ONE_TO_ONE:
        text = "Inputs (1, B, ...)."
    if model.reset is not None:
        arguments.append("reset: Tensor")
    text_of_lines = "\n".join(lines)
    inputs = [
        name if re.search(rf"\b{name}\b", text_of_lines) else "_"
        for name in names.inputs.values()
    ]
    return MethodView(
        signature=signature("unroll", arguments, f" -> tuple[{', '.join(parts)}]:"),
        docstring=docstring(
            "Runs all steps, from a state to the state behind them.",
            filled(text, INDENT),
        ),
        lines=(
            *unpack(inputs, "inputs", indent=INDENT),
            *lines,
            *_returned(results),
        ),
    )


def _returned(results: Sequence[Nest | str]) -> list[str]:
    """``return x, (state_1, state_2)``, broken as a tuple without brackets is."""
    flat = ", ".join(r if isinstance(r, str) else r.flat() for r in results)
    if len(f"return {flat}") + INDENT <= WIDTH:
        return [f"return {flat}"]
    return nested(Nest("return ", tuple(results)), indent=INDENT)


def _run_lines(
    model: Model, names: ModelNames, stack: ModelStack, states: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The statements of the stages, and what the state behind the last step is made
    of, nothing if they end with that state."""
    stages, loop = stack.stages, stack.loop
    last_state = [*states, *kept_names(model, names, stack)]
    if loop is None:
        body = commented((stage.span, stage.run) for stage in stages)
        return [*_taken(model, names, stack, body), *body], last_state
    begin, end = loop
    before = commented((stage.span, stage.run) for stage in stages[:begin])
    after = commented((stage.span, stage.run) for stage in stages[end:])
    inputs = tupled([stack.fed_operand, *_further(model, names)])
    run = call(
        f"{names.flow}, state = step_by_step",
        ["self", inputs, "state", "lengths"],
        indent=INDENT,
    )
    taken = _taken(model, names, stack, [*before, *after])
    middle = commented([(stages[begin].span, run)])
    inner, count = stack.loop_modules, len(states)
    former = [f"state[{index}]" for index in range(inner)]
    last_state = [*former, *states[inner:], f"*state[{count}:]"]
    return [*taken, *before, *middle, *after], last_state if inner < count else []


def fed_method(
    model: Model, names: ModelNames, stack: ModelStack, states: Sequence[str]
) -> tuple[MethodView, ...]:
    """One step of the layers that read what the step before put out."""
    if stack.loop is None:
        return ()
    begin, end = stack.loop
    stages = stack.stages[begin:end]
    body = commented((stage.span, stage.run) for stage in stages)
    flow, count = names.flow, len(states)
    inputs = tupled([flow, *_further(model, names)])
    first = call(
        f"{names.fed} = first_feed",
        ["self", f"state[{count}]", f"{flow}.shape[1]", "self.fed_size"],
        indent=INDENT,
    )
    fed = f"next_feed({flow}, {names.fed}, lengths)"
    rest = [f"*state[{count + 1}:]"] if constants(model) else []
    inner = stack.loop_modules
    others = [f"state[{index}]" for index in range(inner, count)]
    result = Nest("", (*states[:inner], *others, fed, *rest))
    return (
        MethodView(
            signature=signature(
                "fed_step",
                ["inputs: Tensors", "state: ModelState", "lengths: Tensor | None"],
                " -> tuple[Tensor, ModelState]:",
            ),
            docstring=docstring(
                "One step of the layers up to what the next step reads, (1, B, ...)."
            ),
            lines=(
                f"{inputs} = inputs",
                *first,
                *_taken(model, names, stack, body),
                *body,
                *_returned((flow, result)),
            ),
        ),
    )


def feed_entry(model: Model) -> list[str]:
    """What the state holds of what is fed back before the first step."""
    if fed_back(model) is None:
        return []
    return ["first_feed(self, None, batch, self.fed_size)"]


def _further(model: Model, names: ModelNames) -> list[str]:
    """The inputs besides the first that the layers read that run one by one."""
    layers = list(model.layers)
    first = next(i for i, item in enumerate(layers) if isinstance(item, RecurrentLayer))
    last = next(i for i, item in enumerate(layers) if isinstance(item, FeedBack))
    read = dict.fromkeys(names_read(layers[first:last]))
    return [names.inputs[item.name] for item in model.inputs[1:] if item.name in read]


def kept_names(model: Model, names: ModelNames, stack: ModelStack) -> list[str]:
    """The local names of what the state carries for all steps."""
    return [name for name, _ in _carried(model, names, stack)]


def _carried(
    model: Model, names: ModelNames, stack: ModelStack
) -> list[tuple[str, str]]:
    """What the state carries for all steps: local names, and what takes it from it."""
    contexts = [
        (names.contexts[item.name], f'self.carried(state, "{item.name}")')
        for item in contexts_at_steps(model)
    ]
    memories = [
        (memory, f'self.memory(state, "{name}")')
        for name, memory in stack.memories.items()
    ]
    return [*contexts, *memories]


def _taken(
    model: Model, names: ModelNames, stack: ModelStack, body: Sequence[str]
) -> list[str]:
    """Takes from the state what some statements read, or what it has to go on with."""
    carried = _carried(model, names, stack)
    if stack.loop is not None:
        text = "\n".join(line for line in body if not line.startswith("#"))
        carried = [c for c in carried if re.search(rf"\b{re.escape(c[0])}\b", text)]
    return [f"{name} = {taken}" for name, taken in carried]
