"""What can be printed of a compilation: the tables behind --emit and ``show``.

An entry of EMITTED prints a stage of a whole spec; an entry of SHOWN prints one cell,
given by its place in the spec, over a number of time steps where that has a meaning.
Each imports what it needs when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from rnndsl.compiler import Compilation


def _ast(compilation: Compilation) -> str:
    from rnndsl.cli.ast_text import ast_text

    return ast_text(compilation.tree)


def _python(compilation: Compilation) -> str:
    return compilation.module_text


def _equations(compilation: Compilation, index: int, _steps: int) -> str:
    cell = compilation.program.cells[index]
    return "\n".join(equation.text for equation in cell.equations)


EMITTED: Mapping[str, Callable[[Compilation], str]] = MappingProxyType(
    {
        "ast": _ast,
        "python": _python,
    }
)

SHOWN: Mapping[str, Callable[[Compilation, int, int], str]] = MappingProxyType(
    {
        "equations": _equations,
    }
)
