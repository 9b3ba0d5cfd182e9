"""The view of a model: its specification and its class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from rnndsl.analysis.model import (
    Embedding,
    Exchange,
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
from rnndsl.backends.torch.models.loss import loss_runtime, loss_stage, loss_view
from rnndsl.backends.torch.models.methods import LENGTHS, signature
from rnndsl.backends.torch.models.names import ModelNames
from rnndsl.backends.torch.models.stack import ModelStack
from rnndsl.backends.torch.models.stage import INDENT, commented, place
from rnndsl.backends.torch.models.text import (
    class_docstring,
    forward_docstring,
    step_docstring,
    streaming_refusal,
    summary,
)
from rnndsl.backends.torch.view import ModelView

_STATE = "state: ModelState | None = None"
_RETURNS = " -> tuple[Tensor, ModelState]:"


def model_view(model: Model, specification: str) -> ModelView:
    """Signatures, docstrings and statements of a model's class. ``specification`` is
    the name of the constant that describes it."""
    names = ModelNames(model)
    stack = ModelStack(model, names)
    refusal = streaming_refusal(model)
    inputs = list(names.inputs.values())
    given = [f"{name}: Tensor" for name in inputs]
    has_time = model.exchange is not Exchange.ONE_TO_ONE
    options = [LENGTHS, _STATE] if has_time else [_STATE]
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
        forward_signature=signature("forward", [*given, "*", *options], _RETURNS),
        forward_docstring=forward_docstring(model, recurrences),
        forward=_forward(model, names, stack),
        loss=None if model.loss is None else loss_view(model, model.loss),
        step_signature=signature("step", [*given, "*", _STATE], _RETURNS),
        step_docstring=step_docstring(model, refusal),
        step=_step(names),
        initial_states=_initial_states(stack.modules),
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
    if refusal is not None:
        items.append(f"streaming_refusal={quoted(refusal)}")
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


def _initialise(model: Model, has_time: bool) -> str:
    pairs = ", ".join(f'"{d.name}": {d.argument}' for d in model.dimensions)
    return f"super().__init__({{{pairs}}}{', batch_first' if has_time else ''})"


def _build(model: Model, stack: ModelStack) -> tuple[str, ...]:
    stages = [*stack.stages, *loss_stage(model)]
    lines = commented((stage.span, stage.build) for stage in stages)
    if not any("**factory" in line for line in lines):
        return tuple(lines)
    factory = 'factory: dict[str, Any] = {"device": device, "dtype": dtype}'
    return (factory, *lines)


def _forward(model: Model, names: ModelNames, stack: ModelStack) -> tuple[str, ...]:
    has_time = model.exchange is not Exchange.ONE_TO_ONE
    begin = _begin(names, has_time)
    lines = commented((stage.span, stage.run) for stage in stack.stages)
    match model.exchange:
        case Exchange.ONE_TO_ONE:
            result = f"{stack.result}.squeeze(0)"
        case Exchange.MANY_TO_ONE:
            result = stack.result
        case Exchange.MANY_TO_MANY:
            result = f"self.finish({stack.result}, lengths)"
        case _:
            assert_never(model.exchange)
    count = len(stack.modules)
    states = [names.numbered("state", index + 1) for index in range(count)]
    end = [f"return {result}, {_tuple(states)}"]
    if len(end[0]) + INDENT > WIDTH:
        last = collection("state = ", states, indent=INDENT)
        end = [*last, f"return {result}, state"]
    return (*begin, *lines, *end)


def _begin(names: ModelNames, has_time: bool) -> list[str]:
    """Checks the arguments, and lays them out as the stages take them."""
    inputs = list(names.inputs.values())
    lengths, kept = ("lengths", "lengths") if has_time else ("None", "_")
    packed = _tuple(inputs)
    line = f"{packed}, {kept}, state = self.begin({packed}, {lengths}, state)"
    if len(line) + INDENT <= WIDTH:
        return [line]
    given = names.take("given")
    head = f"{given}: tuple[Tensor, ...] = "
    return [
        *collection(head, inputs, indent=INDENT),
        f"{given}, {kept}, state = self.begin({given}, {lengths}, state)",
        *unpack(inputs, given, indent=INDENT),
    ]


def _tuple(items: Sequence[str]) -> str:
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"


def _step(names: ModelNames) -> tuple[str, ...]:
    inputs = Nest("", tuple(names.inputs.values()))
    run = Nest("return self.run_step", (inputs, "state"))
    return tuple(nested(run, indent=INDENT))


def _initial_states(modules: Sequence[tuple[str, bool]]) -> tuple[str, ...]:
    values = [
        f"self.{name}_state(batch)"
        if is_learned
        else f"self.{name}.initial_state(batch)"
        for name, is_learned in modules
    ]
    return tuple(collection("return ", values, indent=INDENT))


def _runtime(model: Model, stack: ModelStack) -> tuple[str, ...]:
    """What the model needs of the runtime."""
    names = ["InputSpecification", "ModelSpecification", "ModelState", "RecurrentModel"]
    if model.loss is not None:
        names += loss_runtime(model.loss)
    return (*names, *stack.runtime)
