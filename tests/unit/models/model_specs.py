"""Specs of models, and the classes they compile to."""

from __future__ import annotations

import sys
import textwrap
from functools import cache
from types import ModuleType
from typing import Any

import torch
from convolution_specs import CONVOLUTIONS
from head_specs import HEADS
from sequence_specs import SEQUENCES

from rnndsl import compile_text

TAGGER = '''from zoo import LSTM, GRU

model Tagger(V, K):
    """Names the entity of every word."""
    input words: tokens(V)
    embed 64
    layer LSTM(128), bidirectional(concat), dropout(0.3)
    layer parallel(LSTM(128), GRU(128)), residual
    io many_to_many
    head linear(K)
    loss cross_entropy(ignore = -100)
'''

STACK = """from zoo import LSTM, GRU

model Stack(I, H, K as classes):
    input x: [I]
    map linear(7), tanh, dropout(0.5)
    dropout 0.4, variational
    layer GRU(H) x 2, dropout(0.5), variational(0.25), project(7), residual
    layer LSTM(4), skip
    map elu(0.5)
    head mlp(5, relu, K)
    loss mse
"""

MIXED = """from zoo import LSTM, GRU

model Mixed(I, H):
    input features: [I]
    layer LSTM(H), bidirectional(product, GRU(H))
    layer parallel(GRU(5), LSTM(5), GRU(5), merge = mean), bidirectional(sum)
    layer GRU(3), reverse
    layer LSTM(4), bidirectional(mean), state learned
"""

TIMED = """from zoo import TimeAwareLSTM

model Timed(I):
    input x: [I], dt: []
    layer TimeAwareLSTM(5), state learned
    layer TimeAwareLSTM(4), reverse
    head linear(2)
    loss mae
"""

ONCE = """from zoo import GRU

model Once(I, K):
    input x: [I]
    layer GRU(5)
    io one_to_one
    head linear(K)
    loss cross_entropy(smoothing = 0.1)
"""

ONE_HOT = """from zoo import GRU

model Letters(V):
    input letters: tokens(V)
    one_hot
    map linear(6)
    layer GRU(5), dropout(0.2)
    head linear(V)
    loss cross_entropy
"""

SINGULAR = """from zoo import GRU

model Singular(I):
    input x: [I]
    map log, sqrt, exp
    layer GRU(4)
    map linear(3), exp, log
    head linear(2), exp
"""

BINARY = """from zoo import GRU

model Binary(I):
    input x: [I]
    layer GRU(5), bidirectional(sum)
    head linear(3)
    loss binary
"""


FROZEN = """from zoo import GRU

model Frozen(V):
    input words: tokens(V)
    embed 4, frozen
    layer GRU(3)
"""


SEPARATE = """from zoo import GRU, LSTM

model Directions(I, K):
    input x: [I]
    layer LSTM(4), bidirectional
    layer GRU(5), bidirectional(separate), state learned, project(6), dropout(0.2)
    map tanh
    head linear(K)
    loss cross_entropy
"""

SEPARATE_CELLS = """from zoo import GRU, LSTM

model Directions(I, K):
    input x: [I]
    layer parallel(GRU(3), LSTM(3)), bidirectional(separate, LSTM(3))
    io many_to_one(POOLING)
    head linear(K)
    loss binary
"""

SHARED = """from zoo import GRU, LSTM

model Deep(I, K):
    input x: [I]
    map linear(5)
    layer LSTM(5) x 3, shared, state learned, residual, dropout(0.1)
    layer parallel(GRU(4), GRU(4)) x 2, shared, bidirectional(sum, LSTM(4)), project(5)
    head linear(K)
    loss mse
"""

STATEFUL = """from zoo import GRU, LSTM

model Stream(I, K):
    input x: [I]
    layer GRU(5), state learned
    layer LSTM(4), residual, project(5)
    stateful
    truncate 2
    head linear(K)
    loss mse
"""


def pooled(pooling: str) -> str:
    """A classifier of whole sequences."""
    return f"""from zoo import GRU

model Classifier(I, K):
    input x: [I]
    layer GRU(5)
    io many_to_one({pooling})
    head linear(K)
    loss cross_entropy
"""


ALL = {
    "tagger": TAGGER.replace("64", "4").replace("128", "5"),
    "stack": STACK,
    "mixed": MIXED,
    "timed": TIMED,
    "once": ONCE,
    "one_hot": ONE_HOT,
    "singular": SINGULAR,
    "binary": BINARY,
    "frozen": FROZEN,
    "stateful": STATEFUL,
    "separate": SEPARATE,
    **{
        f"separate_{pooling}": SEPARATE_CELLS.replace("POOLING", pooling)
        for pooling in ("mean", "max", "attention")
    },
    "shared": SHARED,
    **{name: pooled(name) for name in ("last", "mean", "max", "attention")},
    **HEADS,
    **CONVOLUTIONS,
    **SEQUENCES,
}


@cache
def module(name: str) -> ModuleType:
    """The module of one of the specs, importable under the name ``model_<name>``."""
    return compiled(ALL[name], name)


@cache
def compiled(spec: str, name: str) -> ModuleType:
    """The module of a spec, importable under the name ``model_<name>``."""
    text = compile_text(textwrap.dedent(spec), f"{name}.rnn")
    made = ModuleType(f"model_{name}")
    sys.modules[made.__name__] = made
    exec(compile(text, made.__name__, "exec"), vars(made))
    return made


def specification_of(name: str) -> Any:
    """That of the model of a spec."""
    # An encoder stands before the model that has it.
    *_, specification = (
        value
        for value in vars(module(name)).values()
        if type(value).__name__ == "ModelSpecification"
    )
    return specification


def model(name: str, *sizes: int, **options: Any) -> Any:
    """A model of one of the specs, in double precision and without dropout."""
    built = getattr(module(name), specification_of(name).name)
    return built(*sizes, **{"dtype": torch.float64, **options}).eval()


SIZE = 12


def random_model(name: str, engine: str = "auto") -> Any:
    """A model of one of the specs with all its dimensions of one size."""
    specification = specification_of(name)
    options: dict[str, Any] = {}
    if "given" in ALL[name]:
        options["embedding"] = torch.randn(SIZE, 4, dtype=torch.float64)
    built = model(name, *(SIZE for _ in specification.dimensions), **options)
    built.engine = engine
    return built


def inputs_of(built: Any, *leading: int) -> list[torch.Tensor]:
    """Inputs of such a model with these sizes in front of their shape."""
    return _drawn(built.specification.inputs, leading)


def contexts_of(built: Any, *leading: int) -> list[torch.Tensor]:
    """What such a model is given once a sequence, and what its encoder reads."""
    contexts = _drawn(built.specification.contexts, leading)
    if not hasattr(built, "encoder"):
        return contexts
    return [*contexts, *_drawn(built.encoder.specification.inputs, (7, *leading))]


def _drawn(values: Any, leading: tuple[int, ...]) -> list[torch.Tensor]:
    inputs = []
    for own in values:
        if own.vocabulary is not None:
            high = own.vocabulary if isinstance(own.vocabulary, int) else SIZE
            inputs.append(torch.randint(high, leading))
            continue
        shape = [SIZE if isinstance(dim, str) else dim for dim in own.shape]
        inputs.append(torch.rand((*leading, *shape), dtype=torch.float64) + 1.5)
    return inputs
