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
from rnndsl.backends.torch.layout import (
    Nest,
    collection,
    nested,
    quoted,
)
from rnndsl.backends.torch.models.conditioning import (
    constants,
    fed_back,
    is_conditioned,
)
from rnndsl.backends.torch.models.decoding import (
    decode_method,
    encoder_stage,
    forward_lines,
    given_arguments,
    source_options,
    start_method,
    target_options,
)
from rnndsl.backends.torch.models.emission import emits, returned
from rnndsl.backends.torch.models.generating import (
    generate_method,
    generating_runtime,
)
from rnndsl.backends.torch.models.loss import loss_runtime, loss_stage, loss_view
from rnndsl.backends.torch.models.methods import STEPS, signature
from rnndsl.backends.torch.models.names import ModelNames
from rnndsl.backends.torch.models.recurrent import RecurrentModule
from rnndsl.backends.torch.models.running import (
    fed_method,
    feed_entry,
    kept_names,
    run_call,
    unroll_method,
)
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
    has_time = model.exchange is not Exchange.ONE_TO_ONE
    arguments = [f"{d.argument}: int" for d in model.dimensions]
    recurrences = [module.name for module in stack.modules]
    states = [names.numbered("state", i + 1) for i in range(len(recurrences))]
    run = run_call(model, names)
    first_state = [*states, *feed_entry(model), *kept_names(model, names, stack)]
    conditioned = is_conditioned(model)
    methods = [
        unroll_method(model, names, stack, states),
        *fed_method(model, names, stack, states),
    ]
    if conditioned:
        begin = start_method(model, names, stack, first_state)
        methods = [begin, decode_method(model, names, run), *methods]
    generation = model.generation
    step_state = "state: ModelState" if conditioned else _STATE
    return ModelView(
        name=model.name,
        base=_base(model),
        specification=specification,
        specification_lines=_specification(model, specification, stack, refusal),
        docstring=class_docstring(model),
        parameters=(*arguments, *(["batch_first: bool = False"] if has_time else [])),
        keywords=_keywords(model),
        initialise=_initialise(model, has_time),
        build=_build(model, stack),
        forward_overloads=_forward_overloads(model, names),
        forward_signature=_forward_signature(model, names),
        forward_docstring=forward_docstring(model, recurrences),
        forward=forward_lines(model, names) if conditioned else run,
        methods=tuple(methods),
        loss=None if model.loss is None else loss_view(model, model.loss),
        step_signature=signature(
            "step",
            [*_typed(inputs, "Tensor"), "*", step_state, *_reset(model, "Tensor")],
            returned(model, "Tensor"),
        ),
        step_docstring=step_docstring(model, refusal),
        step=_step(model, names),
        initial_states=() if conditioned else _initial_states(model, stack.modules),
        generate=None
        if generation is None
        else generate_method(model, generation, names),
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
        *_named("contexts", [_input(item) for item in model.contexts]),
        Nest("inputs=", tuple(_input(item) for item in model.inputs)),
        f"exchange={quoted(model.exchange.value)}",
        Nest("recurrences=", tuple(quoted(module.name) for module in stack.modules)),
        *_named("feeds", ['"fed"'] if fed_back(model) is not None else []),
        *_named("constants", [quoted(name) for name in constants(model)]),
    ]
    if model.stateful is not None:
        items.append("stateful=True")
    if model.reset is not None:
        items.append("takes_marks=True")
    if model.masking is not Masking.ZERO:
        items.append(f"masked={quoted(model.masking.value)}")
    if refusal is not None:
        items.append(f"streaming_refusal={quoted(refusal)}")
    unstated = state_refusal(model)
    if unstated is not None:
        items.append(f"state_refusal={quoted(unstated)}")
    shown = list(stack.stages)
    if stack.loop is not None:
        # What is fed back is shown where the spec says so, not where it is read.
        del shown[stack.loop[0]]
    texts = summary(model, shown)
    if model.encoder is not None:
        inner = ModelStack(model.encoder, ModelNames(model.encoder))
        texts = [*summary(model.encoder, inner.stages), *texts]
    lines = tuple(quoted(line) for line in texts)
    items.append(Nest("summary=", lines))
    return tuple(nested(Nest(f"{name} = ModelSpecification", tuple(items)), indent=0))


def _named(name: str, items: Sequence[Nest | str]) -> list[Nest]:
    """A field that is left out where there is nothing in it."""
    return [Nest(f"{name}=", tuple(items))] if items else []


def _base(model: Model) -> str:
    return "ConditionedModel" if is_conditioned(model) else "RecurrentModel"


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
    given = []
    for name, part in (("embedding", model), ("encoder_embedding", model.encoder)):
        front = None if part is None else part.front
        if isinstance(front, Embedding) and front.given:
            given.append(f"{name}: Tensor")
    return tuple(given)


def _forward_overloads(model: Model, names: ModelNames) -> tuple[tuple[str, ...], ...]:
    """Where the output has the form of the inputs, as sequences or packed."""
    kind = "PackedSequence"
    match model.exchange:
        case Exchange.MANY_TO_MANY | Exchange.ONE_TO_MANY:
            packed_output = kind
        case Exchange.MANY_TO_ONE if emits(model):
            packed_output = "Tensor"
        case _:
            return ()
    given, inputs = given_arguments(model, names), list(names.inputs.values())
    source = source_options(model, names)
    options = [*source, *target_options(names), _STATE, *_reset(model, "Tensor")]
    padded = [*given, *_typed(inputs, "Tensor"), "*", *options]
    options = [*source, _STATE, *_reset(model, kind)]
    packed = [*given, *_typed(inputs, kind), "*", *options]
    return (
        signature("forward", padded, f"{returned(model, 'Tensor')} ..."),
        signature("forward", packed, f"{returned(model, packed_output, kind)} ..."),
    )


def _forward_signature(model: Model, names: ModelNames) -> tuple[str, ...]:
    either = "Tensor | PackedSequence"
    counted = [*source_options(model, names), *target_options(names), _STATE]
    match model.exchange:
        case Exchange.ONE_TO_ONE:
            given, options, output = "Tensor", [_STATE], "Tensor"
        case Exchange.MANY_TO_ONE:
            given, options, output = either, counted, "Tensor"
        case Exchange.MANY_TO_MANY | Exchange.ONE_TO_MANY:
            given, options, output = either, counted, either
        case Exchange.REPEAT:
            given, options, output = "Tensor", [STEPS, *counted], "Tensor"
        case _:
            assert_never(model.exchange)
    options += _reset(model, given)
    inputs = _typed(list(names.inputs.values()), given)
    arguments = [*given_arguments(model, names), *inputs, "*", *options]
    kind = "Any" if given == either else given
    return signature("forward", arguments, returned(model, output, kind))


def _reset(model: Model, kind: str) -> list[str]:
    """The argument for marks of this type, where the model takes any."""
    return [] if model.reset is None else [f"reset: {kind} | None = None"]


def _typed(names: list[str], kind: str) -> list[str]:
    return [f"{name}: {kind}" for name in names]


def _initialise(model: Model, has_time: bool) -> str:
    pairs = ", ".join(f'"{d.name}": {d.argument}' for d in model.dimensions)
    return f"super().__init__({{{pairs}}}{', batch_first' if has_time else ''})"


def _build(model: Model, stack: ModelStack) -> tuple[str, ...]:
    stages = [*encoder_stage(model), *stack.stages, *loss_stage(model)]
    built = [(stage.span, stage.build) for stage in stages]
    if model.truncation is not None:
        cut = f"self.truncation = {model.truncation.steps}"
        built.append((model.truncation.span, [cut]))
    lines = commented(built)
    if not any("**factory" in line for line in lines):
        return tuple(lines)
    factory = 'factory: dict[str, Any] = {"device": device, "dtype": dtype}'
    return (factory, *lines)


def _step(model: Model, names: ModelNames) -> tuple[str, ...]:
    inputs = Nest("", tuple(names.inputs.values()))
    method = "run_emitting_step" if emits(model) else "run_step"
    marks = [] if model.reset is None else ["reset"]
    run = Nest(f"return self.{method}", (inputs, "state", *marks))
    return tuple(nested(run, indent=INDENT))


def _initial_states(
    model: Model, modules: Sequence[RecurrentModule]
) -> tuple[str, ...]:
    values = [*(module.first_state for module in modules), *feed_entry(model)]
    return tuple(collection("return ", values, indent=INDENT))


def _runtime(model: Model, stack: ModelStack) -> tuple[str, ...]:
    """What the model needs of the runtime."""
    names = ["InputSpecification", "ModelSpecification", "ModelState", _base(model)]
    names.append("Tensors")
    if model.loss is not None:
        names += loss_runtime(model.loss)
    if fed_back(model) is not None:
        names += ["first_feed", "next_feed", "step_by_step"]
    return (*names, *stack.runtime, *generating_runtime(model))
