"""The command ``rnndsl``: finds the command asked for and runs it.

Exit status: 0 fine; 1 something was found, such as a rejected spec; 2 the command was
used wrongly, or a file cannot be read or written; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from rnndsl.cli.terminal import CommandError, colour_option
from rnndsl.diagnostics.suggest import suggest
from rnndsl.version import __version__

_COMMANDS = {
    "check": "check_command",
    "compile": "compile_command",
    "explain": "explain_command",
    "fmt": "fmt_command",
    "show": "show_command",
    "verify": "verify_command",
    "zoo": "zoo_command",
}


class CommandGroup(click.Group):
    """Imports a command's module when the command is named, or listed with its help."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-"):
            near = suggest(name, _COMMANDS)
            hint = f" Did you mean {near!r}?" if near else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"rnndsl.cli.{cmd_name}")
        command = getattr(module, _COMMANDS[cmd_name])
        assert isinstance(command, click.Command)
        return command


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 fine, 1 something was found, 2 wrong use or a file error.",
)
@click.version_option(__version__, prog_name="rnndsl", message="%(prog)s %(version)s")
@colour_option
def cli() -> None:
    """Compile the equations of a recurrent network to readable, fast PyTorch."""


def main() -> int:
    """Runs the command line; returns the exit status."""
    try:
        status = cli.main(prog_name="rnndsl", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except OSError as error:
        CommandError(f"the output cannot be written: {error.strerror}").show()
        # What is still buffered would fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CommandError.exit_code
    return status if isinstance(status, int) else 0
