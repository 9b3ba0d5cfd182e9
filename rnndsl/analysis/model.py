"""The resolved model: a stack of layers between inputs, a head and a loss.

Sizes that a spec writes are dimensions: names of the model's own, or numbers. Widths
that follow from them are sums and products of these.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from rnndsl.analysis.model_layers import (
    Layer,
    RecurrentLayer,
)
from rnndsl.analysis.program import Cell, Dim, Dimension, Located, Shape
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Span


class Pooling(Enum):
    """How the outputs of all steps become one. ``STATE``: no output does, but a state
    after the last step."""

    LAST = "last"
    MEAN = "mean"
    MAX = "max"
    ATTENTION = "attention"
    STATE = "state"


class Exchange(Enum):
    """What goes in and comes out. ONE_TO_MANY reads its own outputs, and, in training,
    the sequence that it shall write; REPEAT reads the same at each step."""

    ONE_TO_ONE = "one_to_one"
    ONE_TO_MANY = "one_to_many"
    REPEAT = "one_to_many(repeat)"
    MANY_TO_ONE = "many_to_one"
    MANY_TO_MANY = "many_to_many"

    @property
    def has_steps(self) -> bool:
        """Whether an output comes out at each step."""
        return self in (Exchange.MANY_TO_MANY, Exchange.ONE_TO_MANY, Exchange.REPEAT)


class Masking(Enum):
    """What is put out at steps that do not count."""

    ZERO = "zero"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorInput(Located):
    """Real vectors, (T, B, *shape); the first input may also be channels of one or two
    axes, [C, L] or [C, Y, X]."""

    name: str
    shape: Shape

    @property
    def sizes(self) -> Shape:
        """The dimensions and numbers in its declaration."""
        return self.shape


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInput(Located):
    """Whole numbers below ``vocabulary``, (T, B)."""

    name: str
    vocabulary: Dim

    @property
    def sizes(self) -> Shape:
        """The dimension or number in its declaration."""
        return (self.vocabulary,)


ModelInput: TypeAlias = VectorInput | TokenInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding(Located):
    """Tokens to vectors of ``width``. ``frozen``: not trained. ``given``: they start at
    a table that the constructor takes. The vector of ``padding`` stays zero."""

    width: Dim
    frozen: bool
    given: bool = False
    padding: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OneHot(Located):
    """Tokens as unit vectors; read as rows of the next weight, never made."""


class LossKind(Enum):
    CROSS_ENTROPY = "cross_entropy"
    BINARY = "binary"
    SQUARED_ERROR = "mse"
    ABSOLUTE_ERROR = "mae"
    CRF = "crf"
    CTC = "ctc"
    ADAPTIVE_SOFTMAX = "adaptive_softmax"


class Reduction(Enum):
    """What becomes of the losses of all steps and rows."""

    MEAN = "mean"
    SUM = "sum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss(Located):
    """``ignore`` is the target that does not count, ``smoothing`` that of labels,
    ``blank`` the symbol that ``ctc`` drops; with ``zero_infinity`` a row whose target
    is too long for its steps counts as zero. ``adaptive_softmax`` has its number of
    classes, and ``cutoffs``, the first class of each cluster behind the frequent ones.
    """

    kind: LossKind
    ignore: int | None
    smoothing: float
    reduction: Reduction = Reduction.MEAN
    blank: int = 0
    zero_infinity: bool = False
    classes: Dim | None = None
    cutoffs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stateful(Located):
    """A call goes on where the one before ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastState(Located):
    """The state ``name`` after the last step, the first one of each cell if None: those
    of all directions and branches of the layer on top, beside each other, ``width``
    features in all."""

    name: str | None
    width: Width


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(Located):
    """All recurrent layers start anew at the steps that a call marks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling(Located):
    """The one input is held, and each layer repeats its step until no state changes by
    more than ``tolerance``, at most ``steps`` times."""

    steps: int
    tolerance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncation(Located):
    """Gradients are cut every so many ``steps``."""

    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation(Located):
    """The model reads its own outputs: tokens, from the symbol ``start`` to the symbol
    ``stop``, where there are such, or vectors."""

    start: int | None
    stop: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(Located):
    """``contexts`` are given once a sequence, without time. ``encoder`` is a model of
    its own, and this one its decoder. ``cells`` are the cells it
    uses, each once. ``output_width`` is that of what the head, or without one the last
    layer, emits. ``exchange_span`` is the line ``io``, if there is one. ``masking`` is
    that of a sequence of outputs."""

    name: str
    docstring: str
    dimensions: tuple[Dimension, ...]
    contexts: tuple[ModelInput, ...]
    encoder: Model | None = None
    inputs: tuple[ModelInput, ...]
    front: Embedding | OneHot | None
    layers: tuple[Layer, ...]
    exchange: Exchange
    exchange_span: Span | None = field(default=None, compare=False, repr=False)
    pooling: Pooling | None
    settling: Settling | None = None
    last_state: LastState | None = None
    masking: Masking
    stateful: Stateful | None
    reset: Reset | None = None
    truncation: Truncation | None
    head: tuple[Layer, ...]
    loss: Loss | None
    generation: Generation | None
    cells: tuple[Cell, ...]
    output_width: Width

    @property
    def is_separate(self) -> bool:
        """Whether the output has the two directions of the last layer apart."""
        return any(
            isinstance(layer, RecurrentLayer) and layer.is_separate
            for layer in self.layers
        )
