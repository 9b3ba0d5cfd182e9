"""``import rnndsl.importer``; then ``import lstm`` finds lstm.rnn as it does lstm.py.

Specs are looked for where modules are: on ``sys.path``, and in packages. A real module
of the same name wins. Modules are compiled in memory, anew in each process and by each
``importlib.reload``; a rejected spec is an ImportError that carries its diagnostics.
A process started with the method "spawn" must import this module too, which it does
when the main script imports it at its top.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

from rnndsl.loading import SpecLoader


class SpecFinder(MetaPathFinder):
    """Finds ``name.rnn`` in the folders in which Python looks for ``name``."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        file = f"{fullname.rpartition('.')[2]}.rnn"
        for folder in sys.path if path is None else path:
            candidate = Path(folder, file)
            if candidate.is_file():
                return spec_from_loader(fullname, SpecLoader(candidate))
        return None


def install() -> None:
    """Adds the finder to ``sys.meta_path``, last, once."""
    if not any(isinstance(finder, SpecFinder) for finder in sys.meta_path):
        sys.meta_path.append(SpecFinder())


install()
