"""``rnndsl compile``: write the Python module of each spec."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from rnndsl.cli.diffs import diff_text
from rnndsl.cli.specs import SpecPath, open_specs, require_stage
from rnndsl.cli.terminal import CommandError, colour_option, exit_with
from rnndsl.cli.views import EMITTED
from rnndsl.compiler import Compilation, Options
from rnndsl.naming import display_name
from rnndsl.writing import OutputError, default_output, holds_standalone, write_module


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
    help="Write nothing; exit with 1 if a module is missing or, with a diff, stale.",
)
@click.option(
    "--emit",
    type=click.Choice(list(EMITTED)),
    help="Print what this stage of the compiler makes, and write nothing.",
)
@click.option(
    "--standalone/--no-standalone",
    default=None,
    help="Put the runtime into the module, so that it needs torch alone. Default: as "
    "the module that is there.",
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
    standalone: bool | None,
    force: bool,
) -> None:
    """Compile SPECS to Python modules; nothing is written unless all compile."""
    if emit is not None and (output is not None or check):
        raise click.UsageError("--emit prints; it goes with neither -o nor --check")
    if output == "-" and check:
        raise click.UsageError("--check compares files; it does not go with -o -")
    specs = tuple(dict.fromkeys(specs))
    if output == "-" and len(specs) > 1:
        raise click.UsageError("-o - prints one module; name one spec")
    if emit is not None or output == "-":
        _print(specs, EMITTED[emit or "python"], Options(standalone=bool(standalone)))
        return
    outputs = _outputs(specs, output, make=not check)
    options = {
        spec: Options(
            standalone=holds_standalone(path) if standalone is None else standalone
        )
        for spec, path in zip(specs, outputs, strict=True)
    }
    compilations = open_specs(specs, options)
    require_stage(compilations, lambda compilation: compilation.module_text)
    modules = [
        Module(spec, path, compilation)
        for spec, path, compilation in zip(specs, outputs, compilations, strict=True)
    ]
    if check:
        place = "" if output is None else f" -o {output}"
        mode = {None: "", True: " --standalone", False: " --no-standalone"}[standalone]
        _check(modules, f"{place}{mode}")
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
        program = self.compilation.program
        cells = (f"{cell.name}, {cell.name}Cell" for cell in program.cells)
        return ", ".join((*cells, *(model.name for model in program.models)))


def _print(
    specs: Sequence[Path], view: Callable[[Compilation], str], options: Options
) -> None:
    compilations = open_specs(specs, dict.fromkeys(specs, options))
    require_stage(compilations, view)
    for compilation in compilations:
        click.echo(view(compilation).rstrip("\n"))


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
        mode = ", standalone" if module.compilation.options.standalone else ""
        note = "" if written else ", unchanged"
        click.echo(f"{module.arrow}  ({module.classes}){mode}{note}")


def _check(modules: Sequence[Module], options: str) -> None:
    """``options`` are those with which to compile them anew."""
    fresh = True
    for module in modules:
        name = display_name(module.path)
        command = f"run rnndsl compile {display_name(module.spec)}{options}"
        try:
            before = module.path.read_bytes()
        except FileNotFoundError:
            fresh = False
            click.echo(f"{name} is missing; {command}", err=True)
            continue
        except OSError as error:
            raise CommandError(f"cannot read {name}: {error.strerror}") from error
        text = module.compilation.module_text
        if before == text.encode():
            continue
        fresh = False
        source = f"{name} (from {display_name(module.spec)})"
        click.echo(diff_text(before, text, name, source), nl=False)
        click.echo(f"{name} is stale; {command}", err=True)
    if not fresh:
        exit_with(1)
