"""The cases a cell is verified on: its sizes, and the ways to build a layer of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from rnndsl.analysis.program import AppliedAcross, Cell, Dim, Shape, StructureKind
from rnndsl.analysis.walk import typed_subexpressions

STEPS = 5
BATCH = 3
# No two dimensions get one size, and none that of time or batch: what is transposed,
# or taken along the wrong axis, cannot fit by chance.
_SIZES = (2, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way to build and call a layer.

    ``lengths`` are those of the rows, None if all run the full number of steps.
    ``given_state``: the call passes a first state, rather than leaving it out.
    ``input_gradients``: the inputs are differentiated too.
    """

    name: str
    num_layers: int = 1
    bidirectional: bool = False
    bias: bool = True
    lengths: tuple[int, ...] | None = None
    given_state: bool = True
    input_gradients: bool = True

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1


def distinct_sizes(
    names: Sequence[str], generator: torch.Generator, *, least: int = 2
) -> dict[str, int]:
    """A size for each dimension, all different."""
    count = len(names)
    sizes = [size for size in _SIZES if size >= least]
    pool: Sequence[int] = sizes[: max(count + 2, 5)]
    if count > len(pool):
        pool = range(least, count + least)
    order = torch.randperm(len(pool), generator=generator).tolist()
    return {name: pool[i] for name, i in zip(names, order, strict=False)}


def draw_sizes(cell: Cell, generator: torch.Generator) -> dict[str, int]:
    """A size for each dimension, all different; a projection is narrower than H."""
    # Of two entries that are normalised, rounding is all that is left in the gradient.
    least = 4 if normalises(cell) else 2
    names = [dimension.name for dimension in cell.dimensions]
    sizes = distinct_sizes(names, generator, least=least)
    named = {d.argument: d.name for d in cell.dimensions}
    if "proj_size" in named and "hidden_size" in named:
        narrow, wide = named["proj_size"], named["hidden_size"]
        low, high = sorted((sizes[narrow], sizes[wide]))
        sizes |= {narrow: low, wide: high}
    return {name: fitting((cell,), size) for name, size in sizes.items()}


def fitting(cells: Sequence[Cell], size: int) -> int:
    """A size that blocks divide, and not below a rank; different for different ones."""
    parameters = [parameter for cell in cells for parameter in cell.parameters]
    found = [p.structure for p in parameters if p.structure is not None]
    ranks = [s.argument for s in found if s.kind is StructureKind.LOW_RANK]
    blocks = [s.argument for s in found if s.kind is StructureKind.BLOCK_DIAGONAL]
    rank = max((int(r) for r in ranks if r), default=0)
    return (size + rank) * math.lcm(*(int(b) for b in blocks if b))


def normalises(cell: Cell) -> bool:
    """Whether it has functions over features."""
    return any(isinstance(e, AppliedAcross) for e in typed_subexpressions(cell))


def cases_of(cell: Cell, sizes: dict[str, int]) -> tuple[Case, ...]:
    """The cases that this cell can be built for."""
    ragged = (2, STEPS, 1)
    cases = [
        Case(name="one layer"),
        Case(name="ragged", lengths=ragged),
        Case(
            name="declared state, constant inputs",
            lengths=ragged,
            given_state=False,
            input_gradients=False,
        ),
        Case(name="both directions, ragged", bidirectional=True, lengths=ragged),
    ]
    if any(parameter.is_bias for parameter in cell.parameters):
        cases.append(Case(name="without bias", bias=False))
    if can_stack(cell, sizes, directions=1):
        cases.append(Case(name="two layers", num_layers=2, given_state=False))
    if can_stack(cell, sizes, directions=2):
        cases.append(
            Case(
                name="two layers, both directions, ragged",
                num_layers=2,
                bidirectional=True,
                lengths=ragged,
            )
        )
    return tuple(cases)


def can_stack(cell: Cell, sizes: dict[str, int], directions: int) -> bool:
    """Whether a second layer can read the output of the first as its first input."""
    if cell.emitted:
        return False
    entry, output = cell.inputs[0].shape, cell.output.shape
    if cell.inputs[0].one_hot:
        return False
    if not entry and not output:
        return directions == 1
    if not entry or len(entry) != len(output):
        return False
    if [_size(d, sizes) for d in entry[1:]] != [_size(d, sizes) for d in output[1:]]:
        return False
    if _size(entry[0], sizes) == directions * _size(output[0], sizes):
        return True
    others: list[Shape] = [output]
    others += [value.shape for value in cell.inputs[1:]]
    others += [state.shape for state in cell.states]
    return isinstance(entry[0], str) and all(entry[0] not in shape for shape in others)


def sizes_of_layers(
    cell: Cell, sizes: dict[str, int], case: Case
) -> tuple[dict[str, int], ...]:
    """The size of every dimension in each layer of the case's stack."""
    entry = cell.inputs[0].shape
    if case.num_layers == 1 or not entry or not isinstance(entry[0], str):
        return (sizes,) * case.num_layers
    width = case.directions * _size(cell.output.shape[0], sizes)
    return (sizes, *({**sizes, entry[0]: width},) * (case.num_layers - 1))


def _size(dim: Dim, sizes: dict[str, int]) -> int:
    return dim if isinstance(dim, int) else sizes[dim]
