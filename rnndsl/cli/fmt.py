"""``rnndsl fmt``: lay specs out in the one standard form."""

from __future__ import annotations

from pathlib import Path

import click

from rnndsl.cli.diffs import diff_text
from rnndsl.cli.specs import SpecPath, is_stdin, read_bytes, spec_name
from rnndsl.cli.terminal import (
    CommandError,
    colour_option,
    exit_with,
    print_diagnostics,
)
from rnndsl.diagnostics import Report
from rnndsl.syntax.format import format_source
from rnndsl.syntax.read import decode
from rnndsl.writing import replace_file


@click.command("fmt", short_help="Lay specs out in the standard form.")
@click.argument("specs", nargs=-1, required=True, type=SpecPath(stdin=True))
@click.option(
    "--check", is_flag=True, help="Write nothing; exit with 1 if a spec would change."
)
@click.option(
    "--diff", is_flag=True, help="Write nothing; print the changes, exit as --check."
)
@colour_option
def fmt_command(specs: tuple[Path, ...], check: bool, diff: bool) -> None:
    """Format SPECS in place, keeping comments; '-' formats standard input to output."""
    status = 0
    for path in dict.fromkeys(specs):
        name = spec_name(path)
        before = read_bytes(path)
        report = Report()
        source = decode(before, name, report)
        after = None if report.has_errors else format_source(source, report)
        if after is None:
            print_diagnostics(report.diagnostics)
            status = 1
            continue
        changed = after.encode() != before
        if diff:
            shown = diff_text(before, after, name, f"{name} (formatted)")
            click.echo(shown, nl=False)
        if check and changed:
            click.echo(f"would format {name}", err=True)
        if check or diff:
            status = status or int(changed)
        elif is_stdin(path):
            click.echo(after, nl=False)
        elif changed:
            _write(path, name, after)
    if status:
        exit_with(status)


def _write(path: Path, name: str, text: str) -> None:
    try:
        replace_file(path.resolve(), text.encode())
    except OSError as error:
        raise CommandError(f"cannot write {name}: {error.strerror}") from error
    click.echo(f"formatted {name}")
