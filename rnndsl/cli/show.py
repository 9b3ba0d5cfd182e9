"""``rnndsl show``: what the compiler knows of the cells of a spec."""

from __future__ import annotations

from pathlib import Path

import click

from rnndsl.cli.specs import SpecPath, open_specs, require_stage
from rnndsl.cli.terminal import CommandError, colour_option
from rnndsl.cli.views import SHOWN
from rnndsl.diagnostics.suggest import suggest


@click.command("show", short_help="Print equations, derivatives, plan, cost.")
@click.argument("spec", type=SpecPath())
@click.option(
    "--as",
    "view",
    type=click.Choice(list(SHOWN)),
    default="equations",
    show_default=True,
    help="What to print.",
)
@click.option("--cell", metavar="NAME", help="Print this cell alone.")
@click.option(
    "--unroll",
    "steps",
    type=click.IntRange(1, 100),
    default=None,
    metavar="N",
    help="Unfold the graph over N time steps (mermaid).",
)
@colour_option
def show_command(spec: Path, view: str, cell: str | None, steps: int | None) -> None:
    """Print the cells of SPEC: equations, derivatives, plan, cost or graph."""
    if steps is not None and view != "mermaid":
        raise click.UsageError("--unroll goes with --as mermaid")
    compilations = open_specs((spec,))
    require_stage(compilations, lambda compilation: compilation.program)
    (compilation,) = compilations
    names = [each.name for each in compilation.program.cells]
    if cell is not None and cell not in names:
        near = suggest(cell, names)
        raise CommandError(
            f"there is no cell {cell!r} in this spec",
            f"did you mean {near}?" if near else f"it has {', '.join(names)}",
        )
    chosen = [index for index, name in enumerate(names) if cell in (None, name)]
    # Printed when all are made: a rejected cell leaves nothing half printed.
    texts = [SHOWN[view](compilation, index, steps or 0) for index in chosen]
    click.echo("\n\n".join(text.rstrip("\n") for text in texts))
