"""The zoo's cells, resolved and compiled once for all parity tests."""

from __future__ import annotations

from functools import cache

from rnndsl import zoo
from rnndsl.analysis.program import Cell, Program
from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source


@cache
def zoo_compilation(name: str) -> Compilation:
    return Compilation(Source(zoo.path(name).name, zoo.read(name)), None)


def zoo_program(name: str) -> Program:
    return zoo_compilation(name).program


def zoo_cell(name: str) -> Cell:
    (cell,) = (cell for cell in zoo_program(name).cells if cell.name == name)
    return cell
