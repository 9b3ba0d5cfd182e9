"""The resolved model: a stack of layers between inputs, a head and a loss.

Sizes that a spec writes are dimensions: names of the model's own, or numbers. Widths
that follow from them are sums of these. A cell is named as the program names it; what
its own dimensions are bound to stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from rnndsl.analysis.program import Cell, Dim, Dimension, Located, Shape
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Span


class Merge(Enum):
    """What becomes of the outputs of two directions, or of parallel branches.

    Only directions can be ``SEPARATE``: each step then has two vectors, (2, N).
    """

    CONCAT = "concat"
    SUM = "sum"
    MEAN = "mean"
    PRODUCT = "product"
    SEPARATE = "separate"


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


class InitialState(Enum):
    """Where a layer starts when no state is given."""

    ZERO = "zero"
    LEARNED = "learned"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFromContext(Located):
    """A layer starts at a map of a context that is learned: of a vector a linear map,
    followed by ``activation``, of tokens a table."""

    context: str
    activation: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFromEncoder(Located):
    """A layer starts at the last states of the encoder's ``layer``: with a ``bridge``
    at a linear map of them all, of ``width`` numbers, that is learned, followed by
    ``activation``; without one as they are, those of two directions merged."""

    layer: str
    bridge: bool
    activation: str | None
    width: Width


FirstState: TypeAlias = InitialState | StateFromContext | StateFromEncoder


# Inputs


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


# Layers


class Feed(Enum):
    """What a layer itself gives to an input of a cell's variant."""

    ZONEOUT = "zoneout"
    RECURRENT_DROPOUT = "recurrent_dropout"
    RESET = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class FedInput:
    """The input ``name`` of a cell's variant, for a state of these widths, none for a
    scalar; ``share`` is the probability of what it does, 0 for what is not random."""

    name: str
    feed: Feed
    share: float
    widths: tuple[Width, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellUse(Located):
    """A cell with its sizes, ``(dimension, width)`` in the cell's order; None for the
    dimension of its first input, which is what comes from below.

    ``extra_inputs`` are the model's inputs that feed the cell's further inputs, ``fed``
    its last inputs, where it is a variant. ``recurrent`` are the stored tensors that
    are multiplied with old states. ``output_width`` is the width of what one direction
    puts out, without what is ``emitted`` beside it.
    """

    cell: str
    sizes: tuple[tuple[str, Dim | None], ...]
    extra_inputs: tuple[str, ...]
    fed: tuple[FedInput, ...] = ()
    recurrent: tuple[str, ...] = ()
    emitted: tuple[str, ...] = ()
    output_width: Width


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence(Located):
    """One cell over time, or two in both directions.

    ``forward`` None: backward in time only, outputs in the order of the inputs.
    ``merge`` is None where there is one direction.
    """

    forward: CellUse | None
    backward: CellUse | None
    merge: Merge | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurrentLayer(Located):
    """One or more recurrences side by side on the same input, joined by ``merge``.

    In this order: ``variational`` drops entries of the input with one mask for all
    steps, the branches run and are merged, ``project`` is the width of a linear map,
    ``dropout`` drops entries of its result, and ``residual`` adds the layer's input,
    ``skip`` puts it in front, as it came from below. ``weight_drop`` drops entries of
    the stored tensors that ``CellUse.recurrent`` names. ``shares`` names the layer
    whose weights it uses, None if it has its own. ``extent``: the axes behind the
    channels, of its input and of its output; none for vectors.
    """

    branches: tuple[Recurrence, ...]
    merge: Merge
    residual: bool
    skip: bool
    dropout: float
    variational: float
    weight_drop: float = 0.0
    project: Dim | None
    initial_state: FirstState
    name: str
    shares: str | None = None
    input_width: Width
    output_width: Width
    extent: tuple[Dim, ...] = ()

    @property
    def is_separate(self) -> bool:
        """Whether the outputs of its directions stay apart."""
        return any(branch.merge is Merge.SEPARATE for branch in self.branches)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearMap(Located):
    """A linear map at each step."""

    input_width: Width
    width: Dim


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation(Located):
    """A function of the table, elementwise."""

    function: str
    constants: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropout(Located):
    probability: float
    variational: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax(Located):
    """The softmax over all features of a step, or its logarithm."""

    is_log: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TiedMap(Located):
    """A linear map with the table of the embedding as its weight, and its own bias."""

    input_width: Width
    width: Dim


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution(Located):
    """A convolution at each step, to ``width`` channels. ``kernel`` is odd, and zeros
    around what it is applied to keep the ``extent``, one or two axes, as it is."""

    input_width: Width
    width: Dim
    kernel: int
    extent: tuple[Dim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpatialPool(Located):
    """The largest value or the mean of each window of each channel, ``extent`` being
    what is left; without a ``window``, of the whole channel, and no extent is left."""

    is_max: bool
    window: int | None
    extent: tuple[Dim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten(Located):
    """All channels beside each other, a vector."""

    width: Width


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeConvolution(Located):
    """A convolution over time that sees a step and the ``kernel - 1`` before it."""

    input_width: Width
    width: Dim
    kernel: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Join(Located):
    """Puts an input or a context behind the features of each step: a vector as it is,
    tokens as vectors of ``embedding_width``. ``width`` is that of what is added."""

    source: str
    width: Width
    embedding_width: Dim | None


class AttentionKind(Enum):
    """How features and what is attended to are compared."""

    DOT = "dot"
    GENERAL = "general"
    ADDITIVE = "additive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attend(Located):
    """Puts behind the features of each step a mean of the encoder's outputs, weighted
    by how well they agree. ``size`` is the width of the hidden layer of ADDITIVE."""

    kind: AttentionKind
    query_width: Width
    memory_width: Width
    size: Width


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedBack(Located):
    """What stands here, of ``width``, is put at the next step behind what enters the
    first recurrent layer; at the first step, zeros are."""

    width: Width


Layer: TypeAlias = (
    RecurrentLayer
    | LinearMap
    | Activation
    | Dropout
    | Softmax
    | TiedMap
    | Convolution
    | SpatialPool
    | Flatten
    | TimeConvolution
    | Join
    | Attend
    | FeedBack
)

# Heads and losses


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
