"""``rnndsl compile``: write the Python module of each spec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

import click

from rnndsl.cli.specs import SpecPath, open_specs, require_stage
from rnndsl.cli.terminal import CommandError, colour_option, exit_with
from rnndsl.cli.views import EMITTED
from rnndsl.compiler import Compilation, Options
from rnndsl.naming import display_name
from rnndsl.writing import OutputError, default_output, write_module


@click.command("compile", short_help="Write Python modules.")
@click.argument("specs", nargs=-1, required=True, type=SpecPath())
@click.option(
    "-o",
    "--output",
    metavar="FILE|DIR|-",
    help="Write to this file, into this folder (made if the name ends in /), or to "
    "standard output. Default: beside the spec, lstm.rnn to lstm.py.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; show a diff and exit with 1 if a module is stale or missing.",
)
@click.option(
    "--emit",
    type=click.Choice(list(EMITTED)),
    help="Print what this stage of the compiler makes, and write nothing.",
)
@click.option(
    "--standalone",
    is_flag=True,
    help="Put the runtime into the module, so that it needs torch alone.",
)
@click.option(
    "--force", is_flag=True, help="Replace a file that rnndsl did not generate."
)
@colour_option
def compile_command(
    specs: tuple[Path, ...],
    output: str | None,
    check: bool,
    emit: str | None,
    standalone: bool,
    force: bool,
) -> None:
    """Compile SPECS to Python modules; nothing is written unless all compile."""
    if emit is not None and (output is not None or check):
        raise click.UsageError("--emit prints; it goes with neither -o nor --check")
    if output == "-" and check:
        raise click.UsageError("--check compares files; it does not go with -o -")
    specs = tuple(dict.fromkeys(specs))
    outputs = () if emit or output == "-" else _outputs(specs, output, make=not check)
    compilations = open_specs(specs, Options(standalone=standalone))
    if emit is not None:
        view = EMITTED[emit]
        require_stage(compilations, view)
        for compilation in compilations:
            click.echo(view(compilation).rstrip("\n"))
        return
    require_stage(compilations, lambda compilation: compilation.module_text)
    if output == "-":
        for compilation in compilations:
            click.echo(compilation.module_text, nl=False)
        return
    modules = [
        Module(spec, path, compilation)
        for spec, path, compilation in zip(specs, outputs, compilations, strict=True)
    ]
    if check:
        _check(modules)
    else:
        _write(modules, force)


@dataclass(frozen=True, slots=True)
class Module:
    spec: Path
    path: Path
    compilation: Compilation

    @property
    def arrow(self) -> str:
        return f"{display_name(self.spec)} -> {display_name(self.path)}"

    @property
    def classes(self) -> str:
        names = (cell.name for cell in self.compilation.program.cells)
        return ", ".join(f"{name}, {name}Cell" for name in names)


def _outputs(specs: Sequence[Path], output: str | None, make: bool) -> list[Path]:
    folder = None if output is None else _folder(output, make)
    try:
        if output is None or folder is not None:
            paths = [default_output(spec, folder) for spec in specs]
        elif len(specs) > 1:
            name = display_name(Path(output))
            raise CommandError(
                f"{name} is not a folder, and there are several specs",
                f"end its name in / to have it made: -o {name}/",
            )
        else:
            paths = [Path(output)]
    except OutputError as error:
        raise CommandError(error.message, error.help) from error
    first: dict[Path, Path] = {}
    for spec, path in zip(specs, paths, strict=True):
        other = first.setdefault(path, spec)
        if other != spec:
            raise CommandError(
                f"{display_name(other)} and {display_name(spec)} would both be written "
                f"to {display_name(path)}"
            )
    return paths


def _folder(output: str, make: bool) -> Path | None:
    """``output`` if it is, or by its last character will be, a folder."""
    path = Path(output)
    if path.is_dir():
        return path
    if not output.endswith("/"):
        return None
    if make:
        try:
            path.mkdir(parents=True)
        except OSError as error:
            raise CommandError(
                f"cannot make the folder {display_name(path)}: {error.strerror}"
            ) from error
    return path


def _write(modules: Sequence[Module], force: bool) -> None:
    for module in modules:
        try:
            text = module.compilation.module_text
            written = write_module(module.path, text, force=force)
        except OutputError as error:
            raise CommandError(error.message, error.help) from error
        note = "" if written else ", unchanged"
        click.echo(f"{module.arrow}  ({module.classes}){note}")


def _check(modules: Sequence[Module]) -> None:
    fresh = True
    for module in modules:
        name = display_name(module.path)
        try:
            before = module.path.read_bytes()
        except FileNotFoundError:
            before = b""
        except OSError as error:
            raise CommandError(f"cannot read {name}: {error.strerror}") from error
        text = module.compilation.module_text
        if before == text.encode():
            continue
        fresh = False
        diff = unified_diff(
            before.decode(errors="replace").splitlines(keepends=True),
            text.splitlines(keepends=True),
            name,
            f"{name} (from {display_name(module.spec)})",
        )
        click.echo("".join(diff), nl=False)
        state = "stale" if before else "missing"
        spec = display_name(module.spec)
        click.echo(f"{name} is {state}; run rnndsl compile {spec}", err=True)
    if not fresh:
        exit_with(1)
