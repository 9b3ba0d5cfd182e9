"""The view of a model: its specification and its class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from rnndsl.analysis.model import (
    Embedding,
    Exchange,
    Masking,
    Model,
    ModelInput,
    TokenInput,
    VectorInput,
)
from rnndsl.analysis.program import Dim
from rnndsl.backends.torch.fitting import unpack
from rnndsl.backends.torch.layout import (
    WIDTH,
    Nest,
    collection,
    nested,
    quoted,
)
from rnndsl.backends.torch.models.emission import collected, emits, returned
from rnndsl.backends.torch.models.loss import loss_runtime, loss_stage, loss_view
from rnndsl.backends.torch.models.methods import LENGTHS, MASK, signature
from rnndsl.backends.torch.models.names import ModelNames
from rnndsl.backends.torch.models.stack import ModelStack
from rnndsl.backends.torch.models.stage import INDENT, commented, place
from rnndsl.backends.torch.models.text import (
    class_docstring,
    forward_docstring,
    state_refusal,
    step_docstring,
    streaming_refusal,
    summary,
)
from rnndsl.backends.torch.view import ModelView

_STATE = "state: ModelState | None = None"


def model_view(model: Model, specification: str) -> ModelView:
    """Signatures, docstrings and statements of a model's class. ``specification`` is
    the name of the constant that describes it."""
    names = ModelNames(model)
    stack = ModelStack(model, names)
    refusal = streaming_refusal(model)
    inputs = list(names.inputs.values())
    given = _typed(inputs, "Tensor")
    has_time = model.exchange is not Exchange.ONE_TO_ONE
    arguments = [f"{d.argument}: int" for d in model.dimensions]
    recurrences = [name for name, _ in stack.modules]
    return ModelView(
        name=model.name,
        specification=specification,
        specification_lines=_specification(model, specification, stack, refusal),
        docstring=class_docstring(model),
        parameters=(*arguments, *(["batch_first: bool = False"] if has_time else [])),
        keywords=_keywords(model),
        initialise=_initialise(model, has_time),
        build=_build(model, stack),
        forward_overloads=_forward_overloads(model, inputs),
        forward_signature=_forward_signature(model, inputs),
        forward_docstring=forward_docstring(model, recurrences),
        forward=_forward(model, names, stack),
        loss=None if model.loss is None else loss_view(model, model.loss),
        step_signature=signature(
            "step", [*given, "*", _STATE], returned(model, "Tensor")
        ),
        step_docstring=step_docstring(model, refusal),
        step=_step(model, names),
        initial_states=_initial_states(stack),
        runtime=_runtime(model, stack),
    )


def _specification(
    model: Model, name: str, stack: ModelStack, refusal: str | None
) -> tuple[str, ...]:
    """``TAGGER_SPECIFICATION = ModelSpecification(...)``."""
    source = place(model.span).rpartition(":")[0]
    items: list[Nest | str] = [
        f"name={quoted(model.name)}",
        f"source={quoted(source)}",
        Nest(
            "dimensions=",
            tuple(
                f"({quoted(d.name)}, {quoted(d.argument)})" for d in model.dimensions
            ),
        ),
        Nest("inputs=", tuple(_input(item) for item in model.inputs)),
        f"exchange={quoted(model.exchange.value)}",
        Nest("recurrences=", tuple(quoted(name) for name, _ in stack.modules)),
    ]
    if model.stateful is not None:
        items.append("stateful=True")
    if model.masking is not Masking.ZERO:
        items.append(f"masked={quoted(model.masking.value)}")
    if refusal is not None:
        items.append(f"streaming_refusal={quoted(refusal)}")
    unstated = state_refusal(model)
    if unstated is not None:
        items.append(f"state_refusal={quoted(unstated)}")
    lines = tuple(quoted(line) for line in summary(model, stack.stages))
    items.append(Nest("summary=", lines))
    return tuple(nested(Nest(f"{name} = ModelSpecification", tuple(items)), indent=0))


def _input(item: ModelInput) -> Nest:
    match item:
        case TokenInput(name=name, vocabulary=vocabulary):
            last: Nest | str = f"vocabulary={_dim(vocabulary)}"
        case VectorInput(name=name, shape=shape):
            last = Nest("shape=", tuple(_dim(dim) for dim in shape))
        case _:
            assert_never(item)
    return Nest("InputSpecification", (f"name={quoted(name)}", last))


def _dim(dim: Dim) -> str:
    return str(dim) if isinstance(dim, int) else quoted(dim)


def _keywords(model: Model) -> tuple[str, ...]:
    """What the constructor takes besides sizes, by keyword."""
    is_given = isinstance(model.front, Embedding) and model.front.given
    return ("embedding: Tensor",) if is_given else ()


def _forward_overloads(model: Model, inputs: list[str]) -> tuple[tuple[str, ...], ...]:
    """Where the output has the form of the inputs, as sequences or packed."""
    kind = "PackedSequence"
    match model.exchange:
        case Exchange.MANY_TO_MANY:
            packed_output = kind
        case Exchange.MANY_TO_ONE if emits(model):
            packed_output = "Tensor"
        case _:
            return ()
    padded = [*_typed(inputs, "Tensor"), "*", LENGTHS, MASK, _STATE]
    packed = [*_typed(inputs, "PackedSequence"), "*", _STATE]
    return (
        signature("forward", padded, f"{returned(model, 'Tensor')} ..."),
        signature("forward", packed, f"{returned(model, packed_output, kind)} ..."),
    )


def _forward_signature(model: Model, inputs: list[str]) -> tuple[str, ...]:
    either = "Tensor | PackedSequence"
    match model.exchange:
        case Exchange.ONE_TO_ONE:
            given, options, output = "Tensor", [_STATE], "Tensor"
        case Exchange.MANY_TO_ONE:
            given, options, output = either, [LENGTHS, MASK, _STATE], "Tensor"
        case Exchange.MANY_TO_MANY:
            given, options, output = either, [LENGTHS, MASK, _STATE], either
        case _:
            assert_never(model.exchange)
    arguments = [*_typed(inputs, given), "*", *options]
    kind = "Any" if given == either else given
    return signature("forward", arguments, returned(model, output, kind))


def _typed(names: list[str], kind: str) -> list[str]:
    return [f"{name}: {kind}" for name in names]


def _initialise(model: Model, has_time: bool) -> str:
    pairs = ", ".join(f'"{d.name}": {d.argument}' for d in model.dimensions)
    return f"super().__init__({{{pairs}}}{', batch_first' if has_time else ''})"


def _build(model: Model, stack: ModelStack) -> tuple[str, ...]:
    stages = [*stack.stages, *loss_stage(model)]
    built = [(stage.span, stage.build) for stage in stages]
    if model.truncation is not None:
        cut = f"self.truncation = {model.truncation.steps}"
        built.append((model.truncation.span, [cut]))
    lines = commented(built)
    if not any("**factory" in line for line in lines):
        return tuple(lines)
    factory = 'factory: dict[str, Any] = {"device": device, "dtype": dtype}'
    return (factory, *lines)


def _forward(model: Model, names: ModelNames, stack: ModelStack) -> tuple[str, ...]:
    has_time = model.exchange is not Exchange.ONE_TO_ONE
    begin = _begin(names, has_time)
    lines = commented((stage.span, stage.run) for stage in stack.stages)
    count = len(stack.modules)
    states = [names.numbered("state", index + 1) for index in range(count)]
    finish = "return " if not stack.emitted else "output, state = "
    end = [f"{finish}self.finish({stack.result}, {_tuple(states)}, layout)"]
    if len(end[0]) + INDENT > WIDTH:
        last = collection("state = ", states, indent=INDENT)
        end = [*last, f"{finish}self.finish({stack.result}, state, layout)"]
    if stack.emitted:
        emitted = names.take("emitted")
        end += collected(emitted, stack.emitted)
        end.append(f"return output, state, {emitted}")
    return (*begin, *lines, *end)


def _begin(names: ModelNames, has_time: bool) -> list[str]:
    """Checks the arguments, and lays them out as the stages take them."""
    inputs = list(names.inputs.values())
    kept = "lengths" if has_time else "_"
    options = "lengths, state, mask" if has_time else "None, state"
    packed = _tuple(inputs)
    head, inner = (
        f"{packed}, {kept}, state, layout = self.begin(",
        f"{packed}, {options}",
    )
    if len(f"{head}{inner})") + INDENT <= WIDTH:
        return [f"{head}{inner})"]
    if max(len(head), len(inner) + 4) + INDENT <= WIDTH:
        return [head, f"    {inner}", ")"]
    given, tensors = names.take("given"), names.take("tensors")
    return [
        *collection(f"{given} = ", inputs, indent=INDENT),
        f"{tensors}, {kept}, state, layout = self.begin({given}, {options})",
        *unpack(inputs, tensors, indent=INDENT),
    ]


def _tuple(items: Sequence[str]) -> str:
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"


def _step(model: Model, names: ModelNames) -> tuple[str, ...]:
    inputs = Nest("", tuple(names.inputs.values()))
    method = "run_emitting_step" if emits(model) else "run_step"
    run = Nest(f"return self.{method}", (inputs, "state"))
    return tuple(nested(run, indent=INDENT))


def _initial_states(stack: ModelStack) -> tuple[str, ...]:
    values = [
        f"self.{name}_state(batch)"
        if is_learned
        else f"self.{stack.shared.get(name, name)}.initial_state(batch)"
        for name, is_learned in stack.modules
    ]
    return tuple(collection("return ", values, indent=INDENT))


def _runtime(model: Model, stack: ModelStack) -> tuple[str, ...]:
    """What the model needs of the runtime."""
    names = ["InputSpecification", "ModelSpecification", "ModelState", "RecurrentModel"]
    if model.loss is not None:
        names += loss_runtime(model.loss)
    return (*names, *stack.runtime)
