"""The zoo as analysis sees it: which of its specs defines which cell."""

from __future__ import annotations

from functools import cache

from rnndsl import zoo
from rnndsl.diagnostics import Source


@cache
def standard_specs() -> dict[str, str]:
    """The file name of the spec that defines each cell of the zoo."""
    return {name: zoo.path(name).name for name in zoo.cell_names()}


def standard_source(file_name: str) -> Source:
    """A spec of the zoo, by the name of its file."""
    cell_of = {file: name for name, file in standard_specs().items()}
    return Source(f"zoo/{file_name}", zoo.read(cell_of[file_name]))
