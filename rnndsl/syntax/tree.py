"""The syntax tree: what the author wrote, with its places, before names mean anything.

Every node carries the span it was read from; spans take no part in equality.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from rnndsl.diagnostics import Span
from rnndsl.formulas.formula import ArithmeticOperator, ComparisonOperator


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Node):
    text: str


# Expressions: at most ``limits.MAX_DEPTH`` levels deep, so walking them may recurse.


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberLiteral(Node):
    """``text`` as written (``0.10``), ``value`` its float; always finite."""

    text: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeIndex(Node):
    """``[t]`` has offset 0, ``[t-1]`` offset -1."""

    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference(Node):
    name: Name
    time: TimeIndex | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Negation(Node):
    operand: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic(Node):
    operator: ArithmeticOperator
    operator_span: Span = field(compare=False, repr=False)
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Node):
    """``left @ right``."""

    operator_span: Span = field(compare=False, repr=False)
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponentiation(Node):
    """``base ** exponent``."""

    operator_span: Span = field(compare=False, repr=False)
    base: Expression
    exponent: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Node):
    operator: ComparisonOperator
    operator_span: Span = field(compare=False, repr=False)
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    function: Name
    arguments: tuple[Expression, ...]


Expression: TypeAlias = (
    NumberLiteral
    | Reference
    | Negation
    | Arithmetic
    | Product
    | Exponentiation
    | Comparison
    | Call
)

# Declarations


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape(Node):
    """``[H, I]``: each dimension a name or a positive whole number; ``[]`` a scalar."""

    dimensions: tuple[Name | NumberLiteral, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure(Node):
    """``orthogonal``, ``sparse(0.1)`` or ``frozen`` behind a shape; its arguments are
    constant."""

    word: Name
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InitialValue(Node):
    """``= 1``, or ``= {0, 1, 0}`` with one value for each member of a brace group."""

    values: tuple[Expression, ...]
    braced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Initialiser(Node):
    """``~ uniform(-0.1, 0.1)`` or ``~ orthogonal``; its arguments are constant."""

    function: Name
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Initialisers(Node):
    """``~ {-chrono(100), chrono(100), 0}``: for each member of a brace group an
    initialiser, which reads like a call or a name, or a number."""

    members: tuple[Expression, ...]


class DeclarationKind(Enum):
    INPUT = "input"
    STATE = "state"
    PARAMETER = "param"
    BIAS = "bias"
    CONSTANT = "const"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declarator(Node):
    """One name, or one brace group, of a declaration.

    ``names`` are the full names: ``W_i, W_f`` for the group ``W_{i,f}`` (each name's
    span is its part inside the braces), and a single name otherwise. ``stem`` is ``W_``
    for the group, ``None`` otherwise.
    """

    names: tuple[Name, ...]
    stem: Name | None
    shape: Shape | None
    structures: tuple[Structure, ...] = ()
    stored_name: Name | None
    initial: InitialValue | Initialiser | Initialisers | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration(Node):
    """``state h: [H], c: [H] = 1``."""

    kind: DeclarationKind
    declarators: tuple[Declarator, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment(Node):
    """``i = ...`` for a local, ``h[t] = ...`` for a state."""

    target: Reference
    value: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Output(Node):
    """``output h[t]``."""

    value: Expression


Member: TypeAlias = Declaration | Assignment | Output

# The lines of a model. Terms nest as deep as brackets may, so walking them may recurse.


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument(Node):
    """``64``, ``GRU(64)``, or with a name ``merge = sum``."""

    name: Name | None
    value: ClauseTerm


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments(Node):
    """What stands in the parentheses of a term; its span takes these in."""

    values: tuple[Argument, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin(Node):
    """``from encoder(tanh)``; ``arguments`` is None without parentheses."""

    name: Name
    arguments: Arguments | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Term(Node):
    """``dropout(0.3)``, ``LSTM(512) x 2``, ``state learned`` or ``state from image``.

    ``arguments`` is None without parentheses, ``repetition`` the number after ``x``,
    ``option`` the word that follows, ``origin`` what stands behind ``from``.
    """

    name: Name
    arguments: Arguments | None
    repetition: NumberLiteral | None
    option: Name | None
    origin: Origin | None = None


ClauseTerm: TypeAlias = Term | NumberLiteral
"""A number may have a sign here: ``text`` is ``-100``, ``value`` -100.0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause(Node):
    """``layer LSTM(128), dropout(0.3)``: a word and what follows it."""

    word: Name
    terms: tuple[ClauseTerm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInput(Node):
    """``x: [I]`` or ``words: tokens(V)``."""

    name: Name
    kind: Shape | Term


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInputs(Node):
    """``input x: [I], dt: []``."""

    inputs: tuple[ModelInput, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextInputs(Node):
    """``context image: [F], genre: tokens(G)``."""

    word: Name
    inputs: tuple[ModelInput, ...]


Line: TypeAlias = ModelInputs | ContextInputs | Clause


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Node):
    """``encoder:`` and the lines below it."""

    word: Name
    lines: tuple[Line, ...]


# Top level


@dataclass(frozen=True, slots=True, kw_only=True)
class Docstring(Node):
    """``text`` is dedented, without the quotes."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedName(Node):
    """``LSTM`` or ``LSTM as Vanilla``."""

    name: Name
    alias: Name | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Import(Node):
    """``from zoo import LSTM`` (``path`` is None), ``from "my.rnn" import A``."""

    path: str | None
    path_span: Span = field(compare=False, repr=False)
    names: tuple[ImportedName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionDefinition(Node):
    """``def swish(u) = u * sigmoid(u)``."""

    name: Name
    parameters: tuple[Name, ...]
    body: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionDeclaration(Node):
    """``H``, or ``H as hidden_size`` to name the constructor's argument."""

    name: Name
    argument: Name | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CellDefinition(Node):
    name: Name
    dimensions: tuple[DimensionDeclaration, ...]
    docstring: Docstring | None
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDefinition(Node):
    """``model Tagger(V, K):`` and its lines in order."""

    name: Name
    dimensions: tuple[DimensionDeclaration, ...]
    docstring: Docstring | None
    clauses: tuple[Line | Block, ...]


Item: TypeAlias = Import | FunctionDefinition | CellDefinition | ModelDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class File(Node):
    docstring: Docstring | None
    items: tuple[Item, ...]
