"""rnndsl compiles the equations of a recurrent network to readable, fast PyTorch.

``load("lstm.rnn")`` returns the module a spec becomes; ``compile_file("lstm.rnn")``
writes it to lstm.py; ``import rnndsl.importer`` makes ``import lstm`` find lstm.rnn.
The compiler is imported when it is first used: generated modules, which need only
``rnndsl.runtime``, do not load it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from rnndsl.version import __version__

if TYPE_CHECKING:
    from rnndsl.compiler import compile_file, compile_text
    from rnndsl.diagnostics import SpecError
    from rnndsl.loading import load
    from rnndsl.writing import OutputError

__all__ = [
    "OutputError",
    "SpecError",
    "__version__",
    "compile_file",
    "compile_text",
    "load",
]

_HOMES = {
    "OutputError": "rnndsl.writing",
    "SpecError": "rnndsl.diagnostics",
    "compile_file": "rnndsl.compiler",
    "compile_text": "rnndsl.compiler",
    "load": "rnndsl.loading",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'rnndsl' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
