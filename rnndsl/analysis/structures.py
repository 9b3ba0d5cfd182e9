"""What the words behind a parameter's shape say of it: its structure, and whether it is
trained."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rnndsl.analysis.context import Context
from rnndsl.analysis.declarations import DeclaredTensor
from rnndsl.analysis.findings import did_you_mean, error, quoted, shape_text
from rnndsl.analysis.program import FilledWith, Initial, Shape, Structure, StructureKind
from rnndsl.analysis.values import number
from rnndsl.diagnostics import Diagnostic, Label, Span
from rnndsl.diagnostics.suggest import suggest
from rnndsl.syntax import tree

FROZEN = "frozen"
WORDS = (*(kind.value for kind in StructureKind), FROZEN)


@dataclass(frozen=True, slots=True)
class _Form:
    """How a structure is written. ``refused`` are the initialisers whose matrices lose
    what they are drawn for when they are given the structure; "number" is among them
    where a matrix of one number is none of this structure, or never leaves it."""

    example: str = ""
    is_square: bool = True
    refused: tuple[str, ...] = ("orthogonal",)


_NUMBER = "number"
_FORMS = {
    StructureKind.ORTHOGONAL: _Form(
        refused=(_NUMBER, "spectral_radius", "sparse_normal")
    ),
    StructureKind.SYMMETRIC: _Form(),
    StructureKind.ANTISYMMETRIC: _Form(refused=("orthogonal", "identity")),
    StructureKind.LOWER_TRIANGULAR: _Form(),
    StructureKind.UPPER_TRIANGULAR: _Form(),
    StructureKind.DIAGONAL: _Form(),
    StructureKind.BLOCK_DIAGONAL: _Form("block_diagonal(8)", is_square=False),
    StructureKind.LOW_RANK: _Form(
        "low_rank(4)", is_square=False, refused=(_NUMBER, "sparse_normal")
    ),
    StructureKind.SPARSE: _Form(
        "sparse(0.1)",
        is_square=False,
        refused=("orthogonal", "identity", "sparse_normal"),
    ),
}


def structure_of(
    tensor: DeclaredTensor, context: Context
) -> tuple[Structure | None, bool]:
    """The structure of a parameter, and whether it is frozen. ``context`` is where the
    arguments stand."""
    structure: Structure | None = None
    seen: list[tree.Structure] = []
    for node in tensor.declarator.structures:
        word = node.word.text
        if word not in WORDS:
            context.add(unknown_structure(node.word))
            continue
        earlier = [s for s in seen if FROZEN not in (s.word.text, word)]
        earlier += [s for s in seen if s.word.text == word == FROZEN]
        if earlier:
            context.add(second_structure(node.word, earlier[0].word))
            continue
        seen.append(node)
        if word == FROZEN:
            if node.arguments:
                context.add(wrong_structure_argument(node, FROZEN, "takes no argument"))
            continue
        kind = StructureKind(word)
        argument = _argument(node, kind, context)
        if tensor.shape is not None and not _fits(tensor.shape, kind):
            context.add(wrong_structure_shape(node.word, kind, tensor))
        structure = Structure(span=node.span, kind=kind, argument=argument)
    return structure, any(node.word.text == FROZEN for node in seen)


def _fits(shape: Shape, kind: StructureKind) -> bool:
    is_matrix = len(shape) == 2
    return is_matrix and (shape[0] == shape[1] or not _FORMS[kind].is_square)


def _argument(
    node: tree.Structure, kind: StructureKind, context: Context
) -> float | None:
    form = _FORMS[kind].example or kind.value
    wanted = 1 if _FORMS[kind].example else 0
    if len(node.arguments) != wanted:
        label = f"given {len(node.arguments)}" if wanted else "takes no argument"
        context.add(wrong_structure_argument(node, form, label))
        return None
    if not wanted:
        return None
    value = number(node.arguments[0], f"the argument of {quoted(kind.value)}", context)
    if value is None:
        return None
    if kind is StructureKind.SPARSE and not 0 < value <= 1:
        label = "the share of entries that are kept: above 0, at most 1"
    elif kind is not StructureKind.SPARSE and (value < 1 or value != int(value)):
        label = f"{value:g} is no whole number above 0"
    else:
        return value
    context.add(wrong_structure_argument(node, form, label))
    return None


def check_start(
    structure: Structure | None,
    initials: Iterable[Initial | None],
    context: Context,
) -> None:
    """Parameters start as something that their structure can be."""
    if structure is None:
        return
    for initial in initials:
        match initial:
            case None:
                continue
            case FilledWith(span=span):
                name = _NUMBER
            case _:
                name, span = initial.function, initial.span
        if name in _FORMS[structure.kind].refused:
            context.add(wrong_start(structure, name, span))
            return


def unknown_structure(word: tree.Name) -> Diagnostic:
    """A word behind a shape that the language does not have."""
    advice = did_you_mean(suggest(word.text, WORDS))
    return error(
        "RNN167",
        f"there is no structure {quoted(word.text)}",
        word.span,
        label="not known",
        help=advice or f"there are {', '.join(f'`{w}`' for w in WORDS)}",
    )


def wrong_structure_shape(
    word: tree.Name, kind: StructureKind, tensor: DeclaredTensor
) -> Diagnostic:
    """A structure of matrices, or of square ones, on something else."""
    what = "a square matrix" if _FORMS[kind].is_square else "a matrix"
    assert tensor.shape is not None
    assert tensor.declarator.shape is not None
    return error(
        "RNN168",
        f"{quoted(kind.value)} needs {what}",
        word.span,
        label=f"the shape is {shape_text(tensor.shape)}",
        labels=[Label(tensor.declarator.shape.span, "declared here")],
        help="declare a matrix of as many rows as columns, as in `[H, H]`"
        if _FORMS[kind].is_square
        else "declare a matrix, as in `[H, I]`",
    )


def wrong_structure_argument(node: tree.Structure, form: str, label: str) -> Diagnostic:
    """A structure with too many or too few arguments, or a number it cannot have."""
    return error(
        "RNN169",
        f"{quoted(node.word.text)} is written {quoted(form)}",
        node.span,
        label=label,
        help=f"write `{form}`",
    )


def second_structure(word: tree.Name, first: tree.Name) -> Diagnostic:
    """Two structures of one parameter."""
    return error(
        "RNN170",
        f"{quoted(word.text)} stands beside {quoted(first.text)}",
        word.span,
        label="a second structure" if word.text != first.text else "said twice",
        labels=[Label(first.span, "the first")],
        help=f"keep one; `{FROZEN}` may stand beside another",
    )


def wrong_start(structure: Structure, name: str, span: Span) -> Diagnostic:
    """A parameter that starts as something its structure does not keep."""
    kind = structure.kind.value
    what = "a number" if name == _NUMBER else quoted(name)
    return error(
        "RNN171",
        f"{quoted(kind)} cannot start at {what}",
        span,
        label="is lost when the matrix is given its structure",
        labels=[Label(structure.span, "declared here")],
        help="leave it out, or start at `~ uniform(-0.1, 0.1)` or `~ normal(0, 0.1)`",
    )
