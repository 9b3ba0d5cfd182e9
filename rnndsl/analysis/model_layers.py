"""Layers of a resolved model, and what stands between them.

A cell is named as the program names it; what its own dimensions are bound to stands
beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from rnndsl.analysis.program import Dim, Located
from rnndsl.analysis.width import Width


class Merge(Enum):
    """What becomes of the outputs of two directions, or of parallel branches.

    Only directions can be ``SEPARATE``: each step then has two vectors, (2, N).
    """

    CONCAT = "concat"
    SUM = "sum"
    MEAN = "mean"
    PRODUCT = "product"
    SEPARATE = "separate"


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
