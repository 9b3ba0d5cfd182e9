"""The specs named on the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import click

from rnndsl.cli.terminal import CommandError, exit_with, print_diagnostics
from rnndsl.compiler import Compilation, Options, open_spec, open_text
from rnndsl.diagnostics import Diagnostic, SpecError
from rnndsl.diagnostics.suggest import suggest
from rnndsl.naming import display_name

_NO_OPTIONS: Mapping[Path, Options] = MappingProxyType({})


class SpecPath(click.ParamType[Path]):
    """The path of a ``.rnn`` file that exists; also ``-`` where ``stdin`` will do."""

    name = "spec"

    def __init__(self, *, stdin: bool = False) -> None:
        self.stdin = stdin

    def convert(
        self,
        value: str | Path,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        path = Path(value)
        if self.stdin and str(value) == "-":
            return path
        name = display_name(path)
        try:
            if path.is_dir():
                raise CommandError(f"{name} is a folder", "name the .rnn files in it")
            if not path.exists():
                raise CommandError(f"no such file: {name}", _similar(path))
            if not path.is_file():
                raise CommandError(f"{name} is not a regular file")
        except OSError as error:
            raise CommandError(f"cannot read {name}: {error.strerror}") from error
        if path.suffix != ".rnn":
            raise CommandError(f"not a .rnn file: {name}")
        return path


def _similar(path: Path) -> str:
    try:
        names = sorted(file.name for file in path.parent.glob("*.rnn"))
    except OSError:
        return ""
    near = suggest(path.name if path.suffix else f"{path.name}.rnn", names)
    if near is None and f"{path.name}.rnn" in names:
        near = f"{path.name}.rnn"
    return f"did you mean {display_name(path.parent / near)}?" if near else ""


def is_stdin(path: Path) -> bool:
    """Whether the path stands for standard input."""
    return str(path) == "-"


def spec_name(path: Path) -> str:
    """What a spec is called in messages."""
    return "<stdin>" if is_stdin(path) else display_name(path)


def read_bytes(path: Path) -> bytes:
    """The content of a spec. Exits with status 2 if it cannot be read."""
    try:
        return sys.stdin.buffer.read() if is_stdin(path) else path.read_bytes()
    except OSError as error:
        name = spec_name(path)
        raise CommandError(f"cannot read {name}: {error.strerror}") from error


def open_specs(
    paths: Sequence[Path], options: Mapping[Path, Options] = _NO_OPTIONS
) -> tuple[Compilation, ...]:
    """Reads the specs, each once. What standard input holds imports from the current
    folder. Exits with status 2 if a spec cannot be read."""
    compilations = []
    for path in dict.fromkeys(paths):
        if is_stdin(path):
            spec = open_text(read_bytes(path), spec_name(path), Path())
            compilations.append(spec)
            continue
        try:
            compilations.append(open_spec(path, options.get(path)))
        except OSError as error:
            name = display_name(path)
            raise CommandError(f"cannot read {name}: {error.strerror}") from error
    return tuple(compilations)


def run_stage(
    compilations: Sequence[Compilation], stage: Callable[[Compilation], object]
) -> tuple[tuple[Diagnostic, ...], bool]:
    """Takes each spec through a stage; returns what was found, and if all passed."""
    # A file that two specs import is reported once.
    found: dict[Diagnostic, None] = {}
    passed = True
    for compilation in compilations:
        try:
            stage(compilation)
            found.update(dict.fromkeys(compilation.diagnostics))
        except SpecError as error:
            found.update(dict.fromkeys(error.diagnostics))
            passed = False
    return tuple(found), passed


def require_stage(
    compilations: Sequence[Compilation], stage: Callable[[Compilation], object]
) -> None:
    """As ``run_stage``, with the diagnostics printed; exits with status 1 on errors."""
    found, passed = run_stage(compilations, stage)
    print_diagnostics(found)
    if not passed:
        exit_with(1)
