"""The resolved program: every name bound, every shape known, every rule kept.

It is what the interpreter walks and what the IR is lowered from. User functions are
already expanded, constants folded to numbers where they are settings, brace groups
resolved to members of one stored tensor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from rnndsl.diagnostics import Source, Span
from rnndsl.formulas.formula import ArithmeticOperator, ComparisonOperator, Formula

if TYPE_CHECKING:
    from rnndsl.analysis.model import Model

Dim: TypeAlias = str | int
Shape: TypeAlias = tuple[Dim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    span: Span = field(compare=False, repr=False)


# Typed expressions. ``shape`` is per batch row and time step: the batch is not in it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant(Located):
    """A number, or a declared constant by its ``name``. Its shape is ``()``."""

    value: float
    name: str | None = None

    @property
    def shape(self) -> Shape:
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDimension(Located):
    """A dimension used as a number, as in ``k / sqrt(H)``. Its shape is ``()``."""

    name: str

    @property
    def shape(self) -> Shape:
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadInput(Located):
    """``x[t]``."""

    name: str
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """The input or state ``name``, so many steps before the present one."""

    name: str
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPrevious(Located):
    """``h[t-1]``: the state's value before this step. ``delay`` is what the author has
    written for it, where the state is there to keep that."""

    name: str
    shape: Shape
    delay: Delay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCurrent(Located):
    """``h[t]``: the state's value after its equation in this step."""

    name: str
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLocal(Located):
    name: str
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadParameter(Located):
    """A member of a stored parameter, by the author's name: ``W_i``."""

    name: str
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixProduct(Located):
    """A parameter of shape [R, C] times a vector of shape [C]."""

    matrix: ReadParameter
    operand: TypedExpression
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolved(Located):
    """A kernel of shape [R, C, k, ...] over an image of shape [C, Y, X], or over places
    in a row, [C, L], zero around it; ``bias`` of shape [R] is added at each place."""

    kernel: ReadParameter
    operand: TypedExpression
    bias: ReadParameter | None
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryOperation(Located):
    """Both operands have this shape, or one of them is a scalar."""

    operator: ArithmeticOperator
    left: TypedExpression
    right: TypedExpression
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Negated(Located):
    operand: TypedExpression
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised(Located):
    """``base ** exponent`` with a constant exponent."""

    base: TypedExpression
    exponent: float
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared(Located):
    """A truth value; stands only as the first operand of ``where``."""

    operator: ComparisonOperator
    left: TypedExpression
    right: TypedExpression
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied(Located):
    """A function of the table; operands have this shape or are scalars."""

    function: str
    operands: tuple[TypedExpression, ...]
    constants: tuple[float, ...]
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedAcross(Located):
    """A function over the features of a vector; ``shape`` is ``()`` for a reduction,
    else that of the operand."""

    function: str
    operand: TypedExpression
    constants: tuple[float, ...]
    shape: Shape


TypedExpression: TypeAlias = (
    Constant
    | ReadDimension
    | ReadInput
    | ReadPrevious
    | ReadCurrent
    | ReadLocal
    | ReadParameter
    | MatrixProduct
    | Convolved
    | BinaryOperation
    | Negated
    | Raised
    | Compared
    | Applied
    | AppliedAcross
)

# Declarations


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension(Located):
    """``H``, given to the constructor as ``argument`` (``hidden_size``)."""

    name: str
    argument: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Input(Located):
    """``one_hot``: a unit vector, given as a whole number, the place of its 1."""

    name: str
    shape: Shape
    one_hot: bool = False

    @property
    def given_shape(self) -> Shape:
        """The shape of what is given, in each row and step."""
        return () if self.one_hot else self.shape


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledWith(Located):
    """Every entry is this number."""

    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnFrom(Located):
    """A named initialiser; its arguments may use dimensions (``1/sqrt(H)``): they are
    formulas whose symbols are dimension names, with constants already folded.
    ``negated``: the negative of what is drawn."""

    function: str
    arguments: tuple[Formula, ...]
    negated: bool = False


Initial: TypeAlias = FilledWith | DrawnFrom


@dataclass(frozen=True, slots=True, kw_only=True)
class State(Located):
    """``initial`` is a number for every entry, or the name of a parameter of the same
    shape (a learned initial state). ``delay`` is what the state's old value stands for,
    where the author reads it as ``h[t-3]``."""

    name: str
    shape: Shape
    initial: float | str
    delay: Delay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Located):
    """One block of rows of a stored tensor. ``initial`` None: the default, uniform in
    +-1/sqrt(hidden size)."""

    name: str
    initial: Initial | None


class StructureKind(Enum):
    """What the matrix of a parameter is, whatever its stored numbers are."""

    ORTHOGONAL = "orthogonal"
    SYMMETRIC = "symmetric"
    ANTISYMMETRIC = "antisymmetric"
    LOWER_TRIANGULAR = "lower_triangular"
    UPPER_TRIANGULAR = "upper_triangular"
    DIAGONAL = "diagonal"
    BLOCK_DIAGONAL = "block_diagonal"
    LOW_RANK = "low_rank"
    SPARSE = "sparse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure(Located):
    """``argument``: the number of blocks, the rank, or the share of entries that a
    sparse matrix keeps; None for the others."""

    kind: StructureKind
    argument: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredParameter(Located):
    """One tensor of the module, [n * rows, ...] for a brace group of n members.

    ``member_shape`` is the shape of each member. ``is_bias``: absent when the module is
    built with ``bias=False``, and zero in the equations then. With a ``structure`` the
    module stores the free numbers of each member alone. ``frozen``: not trained.
    """

    name: str
    members: tuple[Member, ...]
    member_shape: Shape
    is_bias: bool
    structure: Structure | None = None
    frozen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation(Located):
    """``target`` is a local, or a state's new value if ``is_state``; ``text`` is the
    equation as written, on one line."""

    target: str
    is_state: bool
    value: TypedExpression
    text: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell(Located):
    """``output`` is what the cell emits at each step, and beside it, in a variant of a
    cell, the locals and states in ``emitted``. ``hidden`` is the dimension that the
    default initialiser and ``hidden_size`` refer to. ``origin`` is the file of its
    definition, relative to the folder of the spec: ``cells/gates.rnn``."""

    name: str
    docstring: str
    dimensions: tuple[Dimension, ...]
    hidden: Dim
    inputs: tuple[Input, ...]
    states: tuple[State, ...]
    parameters: tuple[StoredParameter, ...]
    equations: tuple[Equation, ...]
    output: TypedExpression
    emitted: tuple[ReadLocal | ReadCurrent, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """All cells of a spec, those it imports first, each under the name it has here, and
    last the variants of these of which its models are made; and the models."""

    source: Source
    docstring: str
    cells: tuple[Cell, ...]
    models: tuple[Model, ...] = ()
