"""How large a spec may be. Every later stage may rely on these bounds."""

from __future__ import annotations

import re

MAX_BYTES = 1024 * 1024
"""Size of a file."""

MAX_TOKENS = 60_000
"""Names, numbers and symbols in a file."""

MAX_NESTING = 64
"""Brackets inside brackets."""

MAX_DEPTH = 200
"""Levels of an expression's tree. A sum of n terms has n levels, so this also bounds
how many operators can follow one another."""

MAX_NODES = 10_000
"""Nodes of all expressions in a file."""

MAX_NUMBER_LENGTH = 100
"""Characters of a number."""

MAX_ERRORS = 20
"""Syntax errors reported for one file."""

_ITEM = re.compile(r"^(?:cell|model|def)\b", re.MULTILINE)


def smaller(text: str) -> str:
    """How to bring a spec of this text within the bounds of a file."""
    if len(_ITEM.findall(text)) > 1:
        return "divide it into files that import from one another"
    return "no single cell can be larger: compute with vectors, not with their elements"
