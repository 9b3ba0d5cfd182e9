"""What every command shares in speaking to a terminal: colour, diagnostics, errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import IO, NoReturn

import click

from rnndsl.diagnostics import Diagnostic


def _set_colour(ctx: click.Context, _parameter: click.Parameter, value: str) -> None:
    if value != "auto":
        ctx.find_root().color = ctx.color = value == "always"


colour_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    expose_value=False,
    is_eager=True,
    callback=_set_colour,
    help="Colour the output; 'auto' does so on a terminal only.",
)


def wants_colour(stream: IO[str]) -> bool:
    """What --color says, else NO_COLOR, else FORCE_COLOR, else if it is a terminal."""
    context = click.get_current_context(silent=True)
    if context is not None and context.color is not None:
        return context.color
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


class CommandError(click.ClickException):
    """The command cannot do what it was asked to do: exit status 2, no traceback."""

    exit_code = 2

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help

    def show(self, file: IO[str] | None = None) -> None:
        stream = sys.stderr if file is None else file
        colour = wants_colour(stream)
        word = click.style("error", fg="red", bold=True) if colour else "error"
        click.echo(f"{word}: {self.message}", file=stream, color=colour)
        if self.help:
            click.echo(f"  = help: {self.help}", file=stream)


def print_diagnostics(diagnostics: Sequence[Diagnostic]) -> None:
    """Prints diagnostics, as text, to the error stream."""
    from rnndsl.diagnostics.render import render_text

    if diagnostics:
        colour = wants_colour(sys.stderr)
        text = render_text(diagnostics, colour=colour)
        click.echo(text, err=True, color=colour, nl=False)


def exit_with(status: int) -> NoReturn:
    """Ends the command with an exit status."""
    raise click.exceptions.Exit(status)
