"""Cells made of other cells by the options of a layer."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from rnndsl.analysis.model_layers import Feed
from rnndsl.analysis.models.variants.emission import with_emission
from rnndsl.analysis.models.variants.one_hot import with_one_hot
from rnndsl.analysis.models.variants.recurrent_dropout import with_recurrent_dropout
from rnndsl.analysis.models.variants.reset import with_learned_start, with_reset
from rnndsl.analysis.models.variants.zoneout import with_zoneout
from rnndsl.analysis.program import Cell
from rnndsl.analysis.reserved import LONGEST_NAME

_WIDTH = 80
_RECURRENT_DROPOUT = (
    "Y. Gal and Z. Ghahramani, A theoretically grounded application of dropout in\n"
    "recurrent neural networks, 2016."
)
_ZONEOUT = (
    "D. Krueger et al., Zoneout: regularizing RNNs by randomly preserving hidden\n"
    "activations, 2017."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is another way in a variant of a cell: ``drops``: its old states are dropped
    in products; ``zoned``: the states that zoneout keeps; ``resets``: it starts anew
    where marks say so, ``learned``: at values that are trained; ``emitted``: the locals
    and states that it puts out beside its output; ``one_hot``: its first input is a
    unit vector, given as a whole number."""

    drops: bool = False
    zoned: tuple[str, ...] = ()
    resets: bool = False
    learned: bool = False
    emitted: tuple[str, ...] = ()
    one_hot: bool = False

    @property
    def suffix(self) -> str:
        """What the variant's name ends with; nothing for the cell as it is."""
        parts = {
            "RecurrentDropout": self.drops,
            "Zoneout": self.zoned,
            "Reset": self.resets,
            "Emitting": self.emitted,
            "OneHot": self.one_hot,
        }
        return "".join(part for part, is_made in parts.items() if is_made)

    @property
    def description(self) -> str:
        """``recurrent dropout, and zoneout of h and c``."""
        parts = []
        if self.drops:
            parts.append("recurrent dropout")
        if self.zoned:
            parts.append(f"zoneout of {' and '.join(self.zoned)}")
        if self.resets:
            start = "learned first states" if self.learned else "first states"
            parts.append(f"{start} wherever marks say so")
        if self.emitted:
            parts.append(f"{' and '.join(self.emitted)} beside its output")
        if self.one_hot:
            parts.append("whole numbers for the unit vectors it reads")
        return ", and ".join(parts)

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the changes were published."""
        sources = {_RECURRENT_DROPOUT: self.drops, _ZONEOUT: bool(self.zoned)}
        return tuple(source for source, is_made in sources.items() if is_made)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A variant of a cell, with what its last inputs are: a feed, and the state that it
    is for, nothing if for all."""

    cell: Cell
    feeds: tuple[tuple[str, Feed, str], ...]


@dataclass(frozen=True, slots=True)
class Variants:
    """The variants of a file's cells, in the order in which its models name them.

    ``names`` are the file's own, which no variant gets.
    """

    names: tuple[str, ...] = ()
    found: dict[tuple[str, Changes], Variant] = field(default_factory=dict)

    @property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(variant.cell for variant in self.found.values())

    def of(self, cell: Cell, changes: Changes) -> Variant:
        """The variant of a cell, made when it is first asked for."""
        key = (cell.name, changes)
        if key not in self.found:
            self.found[key] = self._made(cell, changes)
        return self.found[key]

    def _made(self, cell: Cell, changes: Changes) -> Variant:
        feeds: list[tuple[str, Feed, str]] = []
        made = cell
        if changes.drops:
            made, masks = with_recurrent_dropout(made)
            feeds += [(n, Feed.RECURRENT_DROPOUT, s) for n, s in masks.items()]
        if changes.zoned:
            made, masks = with_zoneout(made, changes.zoned)
            feeds += [(n, Feed.ZONEOUT, s) for n, s in masks.items()]
        if changes.learned:
            made = with_learned_start(made)
        if changes.resets:
            made, marks = with_reset(made)
            feeds.append((marks, Feed.RESET, ""))
        if changes.emitted:
            made = with_emission(made, changes.emitted)
        if changes.one_hot:
            made = with_one_hot(made)
        about = textwrap.fill(f"{cell.name} with {changes.description}.", _WIDTH)
        docstring = "\n\n".join((about, *changes.sources, cell.docstring)).rstrip()
        name = self._name(cell.name, changes.suffix)
        made = replace(made, name=name, docstring=docstring)
        return Variant(cell=made, feeds=tuple(feeds))

    def _name(self, cell: str, suffix: str) -> str:
        """A name whose classes and functions are those of nothing else."""
        if len(cell + suffix) > LONGEST_NAME:
            suffix = "Variant"
        wish = cell[: LONGEST_NAME - len(suffix)] + suffix
        names = (*self.names, *(made.name for made in self.cells))
        taken = {plain for name in names for plain in _generated(name)}
        name, number = wish, 1
        while any(plain in taken for plain in _generated(name)):
            number += 1
            name = f"{wish}{number}"
        return name


def _generated(name: str) -> Iterable[str]:
    """What classes and functions of a cell are made of, as far as case and underscores
    tell them apart."""
    plain = name.lower().replace("_", "")
    return plain, f"{plain}cell"
