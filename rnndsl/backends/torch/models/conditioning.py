"""What a model is given once a sequence, and what its state carries of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rnndsl.analysis.model import Model, ModelInput
from rnndsl.analysis.model_layers import Attend, FeedBack, Join, Layer, RecurrentLayer


def is_conditioned(model: Model) -> bool:
    """Whether the model has the methods ``start`` and ``decode``."""
    return bool(model.contexts) or model.encoder is not None


def fed_back(model: Model) -> FeedBack | None:
    """What each step reads of the one before, besides states."""
    return next((item for item in model.layers if isinstance(item, FeedBack)), None)


def contexts_at_steps(model: Model) -> tuple[ModelInput, ...]:
    """The contexts that steps read, which a state therefore carries."""
    read = dict.fromkeys(names_read((*model.layers, *model.head)))
    return tuple(item for item in model.contexts if item.name in read)


def constants(model: Model) -> tuple[str, ...]:
    """What a state carries that stays the same: contexts, and what is attended to."""
    attentions = sum(isinstance(layer, Attend) for layer in model.layers)
    return (
        *(item.name for item in contexts_at_steps(model)),
        *(f"attention_{index + 1}" for index in range(attentions)),
    )


def names_read(layers: Iterable[Layer]) -> Iterator[str]:
    """The names of the inputs and contexts that layers read at each step."""
    for layer in layers:
        match layer:
            case Join(source=source):
                yield source
            case RecurrentLayer(branches=branches):
                for branch in branches:
                    for use in (branch.forward, branch.backward):
                        yield from () if use is None else use.extra_inputs
