"""Compiles a spec in memory and makes a module of it, without writing a file."""

from __future__ import annotations

import linecache
import os
import sys
from contextlib import ExitStack
from functools import cached_property
from importlib.abc import ExecutionLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

from rnndsl.compiler import Compilation, open_spec
from rnndsl.diagnostics import SpecError
from rnndsl.diagnostics.render import render_text
from rnndsl.naming import display_name, module_name


class SpecLoader(ExecutionLoader):
    """Loads the module that a spec compiles to."""

    def __init__(self, path: Path, compilation: Compilation | None = None) -> None:
        self.path = path
        self._compilation = compilation
        self._filename = f"{os.path.abspath(path)}.py"

    @cached_property
    def text(self) -> str:
        """The generated source. Raises SpecError, and OSError if there is no file."""
        return (self._compilation or open_spec(self.path)).module_text

    def get_filename(self, fullname: str) -> str:
        """The generated source's name in tracebacks; no file has it."""
        return self._filename

    def get_source(self, fullname: str) -> str:
        """The generated source. Raises ImportError that carries the diagnostics."""
        try:
            return self.text
        except SpecError as error:
            diagnostics = render_text(error.diagnostics, colour=False)
            raise ImportError(
                f"{display_name(self.path)} cannot be compiled\n{diagnostics}",
                name=fullname,
                path=str(self.path),
            ) from error

    def is_package(self, fullname: str) -> bool:
        return False

    def exec_module(self, module: ModuleType) -> None:
        source = self.get_source(module.__name__)
        lines = source.splitlines(keepends=True)
        # Without a modification time, linecache never looks for the file itself.
        entry = (len(source), None, lines, self._filename)
        linecache.cache[self._filename] = entry
        super().exec_module(module)


def load(path: str | Path, *, name: str | None = None) -> ModuleType:
    """Returns the module a spec compiles to; nothing is written.

    The module is in ``sys.modules`` under ``name``, else under the spec's file name, so
    that its classes can be pickled and copied. Loading an unchanged spec again returns
    the same module.
    Raises OSError if the spec cannot be read, SpecError if it is rejected, ValueError
    if the name cannot be used or belongs to another module.
    """
    path = Path(path)
    name = _module_name(path) if name is None else name
    loader = SpecLoader(path)
    former = sys.modules.get(name)
    if former is not None:
        former_loader = former.__loader__
        if not isinstance(former_loader, SpecLoader) or former_loader.get_filename(
            name
        ) != loader.get_filename(name):
            raise ValueError(
                f"a module named {name!r} is loaded already; choose another with name="
            )
        if former_loader.text == loader.text:
            return former
    return execute(loader, name)


def _module_name(path: Path) -> str:
    try:
        return module_name(path)
    except ValueError as error:
        advice = f'name the module: load("{display_name(path)}", name="...")'
        raise ValueError(f"{error}; {advice}") from error


def execute(loader: SpecLoader, name: str) -> ModuleType:
    """Makes the module, in ``sys.modules`` under ``name``. Raises as ``load`` does."""
    _ = loader.text  # rejected here, the spec is a SpecError and not an ImportError
    spec = spec_from_loader(name, loader)
    assert spec is not None, "a loader always gives a spec"
    module = module_from_spec(spec)
    with ExitStack() as undo:
        undo.callback(_restore, name, sys.modules.get(name))
        sys.modules[name] = module
        loader.exec_module(module)
        undo.pop_all()
    return module


def _restore(name: str, former: ModuleType | None) -> None:
    if former is None:
        sys.modules.pop(name, None)
    else:
        sys.modules[name] = former
