"""``rnndsl zoo``: the standard cells that every spec can import."""

from __future__ import annotations

import click

from rnndsl.cli.terminal import CommandError, colour_option
from rnndsl.diagnostics.suggest import suggest
from rnndsl.zoo import cell_names, read


@click.command("zoo", short_help="Print the standard cells.")
@click.argument("name", required=False)
@colour_option
def zoo_command(name: str | None) -> None:
    """Print the spec of the standard cell NAME; without one, list the cells."""
    names = cell_names()
    if name is None:
        width = max(len(known) for known in names)
        for known in names:
            click.echo(f"{known:{width}}  {_first_line(read(known))}".rstrip())
        return
    if name not in names:
        near = suggest(name, names)
        raise CommandError(
            f"there is no standard cell {name!r}",
            f"did you mean {near}?" if near else "rnndsl zoo lists them all",
        )
    click.echo(read(name).rstrip("\n"))


def _first_line(spec: str) -> str:
    """The first line of a spec's docstring."""
    return spec.removeprefix('"""').partition("\n")[0].removesuffix('"""').strip()
