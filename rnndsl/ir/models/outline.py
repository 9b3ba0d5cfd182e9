"""A model as a graph of blocks: what is drawn and listed of it.

Blocks have the names of the modules of the generated class where they are ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Form(Enum):
    """What a block is: something given or put out, a module, or where values meet."""

    END = "end"
    MODULE = "module"
    MEETING = "meeting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """``text`` says what it does, ``shape`` what leaves it at a step of a row, empty
    where that is what came in. Without ``has_time`` it is there once for all steps;
    with ``of_source`` its steps are those of the sequence that an encoder reads."""

    name: str
    text: str
    shape: str
    form: Form
    has_time: bool
    of_source: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """Something flows from block to block. ``to_first``: into the first step alone;
    ``of_last``: out of the last one alone, where the target has other steps or none."""

    source: str
    target: str
    label: str = ""
    to_first: bool = False
    of_last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """What leaves ``source`` at a step reaches ``target`` at the next one, or, backward
    in time, at the one before. With ``generates`` it does when the model generates."""

    source: str
    target: str
    is_backward: bool = False
    generates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Blocks in the order of what flows through them."""

    blocks: tuple[Block, ...]
    arrows: tuple[Arrow, ...]
    loops: tuple[Loop, ...]
