"""What a planned region does, one statement at a time.

A value lives on one of three axes. ``FIXED`` values depend on parameters alone.
``SEQUENCE`` values exist for all steps at once, (T, B, ...). ``STEP`` values exist
inside the time loop, (B, ...).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, assert_never

from rnndsl.analysis.program import Dim, Shape
from rnndsl.formulas.formula import Formula, symbols


class Axis(Enum):
    FIXED = "fixed"
    SEQUENCE = "sequence"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Weight:
    """The matrix of a grouped product: the blocks from ``first`` on of a stored tensor
    of ``members`` blocks, or several matrices on top of each other.

    ``matrices`` names the blocks; ``stored`` is None in the second case, which is also
    that of a single block.
    """

    matrices: tuple[str, ...]
    stored: str | None
    first: int = 0
    members: int = 1

    @property
    def is_whole(self) -> bool:
        return self.stored is not None and self.members == len(self.matrices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """Elementwise. ``equation`` is the index of the equation it belongs to."""

    target: str
    formula: Formula
    equation: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiply:
    """``operand @ weight.T + base``, or ``operand @ weight`` where ``transposed``."""

    target: str
    operand: str
    weight: Weight
    base: str | None = None
    transposed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolve:
    """The convolution of ``operand`` with the kernels of ``weight``, plus ``bias``."""

    target: str
    operand: str
    weight: Weight
    bias: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvolveBackward:
    """What a convolution sends to its operand when ``arriving`` arrives at it."""

    target: str
    arriving: str
    weight: Weight


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSum:
    """The gradient of a kernel, over all steps and rows: of entry (r, c, j), the sum
    of ``arriving`` in channel r times ``operand`` in channel c, j places further. The
    kernel has the sizes ``window``."""

    target: str
    arriving: str
    operand: str
    window: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The parts of a value along its features; None for a part nobody reads. ``places``
    are the axes behind these, of an image."""

    targets: tuple[str | None, ...]
    source: str
    sizes: tuple[Dim, ...]
    places: Shape = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Parts beside each other along the features (for FIXED values, along the rows);
    None stands for zeros, of the shape given for that part."""

    target: str
    parts: tuple[str | None, ...]
    shapes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsqueeze:
    """A scalar of each row, given a feature axis of one."""

    target: str
    operand: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A fixed value or number, (T, B, ...): the same in all steps and rows."""

    target: str
    value: str | float
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Across:
    """A function over the features of ``operand``."""

    target: str
    function: str
    operand: str
    constants: tuple[float, ...]
    equation: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrossBackward:
    """What a function over features sends to its operand, which has so many
    ``features``, when ``arriving`` arrives at its result. ``result`` and ``operand``
    are None where the gradient does not need them."""

    target: str
    function: str
    arriving: str
    result: str | None
    operand: str | None
    features: Dim
    constants: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SumFeatures:
    target: str
    operand: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SumSteps:
    """The sum over steps and rows, and over features too where it is ``scalar``, or
    over so many axes of ``places`` behind them."""

    target: str
    operand: str
    scalar: bool
    places: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OuterSum:
    """``left.T @ right`` over all steps and rows: the gradient of a weight."""

    target: str
    left: str
    right: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The blocks of a stored parameter; None for one nobody reads."""

    targets: tuple[str | None, ...]
    stored: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeOf:
    """A dimension as a number."""

    target: str
    dimension: str


Statement: TypeAlias = (
    Compute
    | Multiply
    | Convolve
    | ConvolveBackward
    | KernelSum
    | Slice
    | Join
    | Unsqueeze
    | Repeat
    | Across
    | AcrossBackward
    | SumFeatures
    | SumSteps
    | OuterSum
    | Members
    | SizeOf
)


def reads(statement: Statement) -> tuple[str, ...]:
    """The values a statement reads, in order; stored parameters are not values."""
    match statement:
        case Compute(formula=formula):
            return symbols(formula)
        case Multiply(operand=operand, base=base, weight=weight):
            stacked = weight.matrices if weight.stored is None else ()
            return (operand, *(() if base is None else (base,)), *stacked)
        case Convolve(operand=operand, bias=bias, weight=weight):
            stacked = weight.matrices if weight.stored is None else ()
            return (operand, *(() if bias is None else (bias,)), *stacked)
        case ConvolveBackward(arriving=arriving, weight=weight):
            return (arriving, *(weight.matrices if weight.stored is None else ()))
        case KernelSum(arriving=arriving, operand=operand):
            return (arriving, operand)
        case Slice(source=source):
            return (source,)
        case Join(parts=parts):
            return tuple(part for part in parts if part is not None)
        case Unsqueeze(operand=operand) | SumFeatures(operand=operand):
            return (operand,)
        case SumSteps(operand=operand) | Across(operand=operand):
            return (operand,)
        case AcrossBackward(arriving=arriving, result=result, operand=value):
            return (arriving, *(name for name in (result, value) if name is not None))
        case Repeat(value=value):
            return (value,) if isinstance(value, str) else ()
        case OuterSum(left=left, right=right):
            return (left, right)
        case Members() | SizeOf():
            return ()
        case _:
            assert_never(statement)


def targets(statement: Statement) -> tuple[str, ...]:
    """The values a statement defines."""
    match statement:
        case Slice(targets=names) | Members(targets=names):
            return tuple(name for name in names if name is not None)
        case _:
            return (statement.target,)
