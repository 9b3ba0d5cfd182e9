"""``rnndsl show``: what the compiler knows of the cells and models of a spec."""

from __future__ import annotations

from pathlib import Path

import click

from rnndsl.analysis.program import Program
from rnndsl.cli.specs import SpecPath, open_specs, require_stage
from rnndsl.cli.terminal import CommandError, colour_option
from rnndsl.cli.views import SHOWN, SHOWN_MODELS
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
@click.option("--model", metavar="NAME", help="Print this model alone.")
@click.option(
    "--unroll",
    "steps",
    type=click.IntRange(1, 100),
    default=None,
    metavar="N",
    help="Unfold the graph over N time steps (mermaid).",
)
@colour_option
def show_command(
    spec: Path, view: str, cell: str | None, model: str | None, steps: int | None
) -> None:
    """Print the cells and models of SPEC: equations, derivatives, plan, cost or graph.

    Without a name, all that SPEC itself defines is printed, or, if it only imports,
    the cells it imports.
    """
    if steps is not None and view != "mermaid":
        raise click.UsageError("--unroll goes with --as mermaid")
    if cell is not None and model is not None:
        raise click.UsageError("--cell and --model exclude one another")
    if model is not None and view not in SHOWN_MODELS:
        raise click.UsageError(f"--as {view} is of cells, and not of models")
    compilations = open_specs((spec,))
    require_stage(compilations, lambda compilation: compilation.program)
    (compilation,) = compilations
    program = compilation.program
    cells = [each.name for each in program.cells]
    models = [each.name for each in program.models]
    chosen_cells: list[int] = []
    chosen_models: list[int] = []
    if cell is not None:
        chosen_cells = [_place(cell, cells, "cell")]
    elif model is not None:
        chosen_models = [_place(model, models, "model")]
    else:
        chosen_cells, chosen_models = _defined(program, view)
    # Printed when all are made: a rejected cell leaves nothing half printed.
    number = steps or 0
    texts = [SHOWN[view](compilation, index, number) for index in chosen_cells]
    texts += [SHOWN_MODELS[view](compilation, index, number) for index in chosen_models]
    click.echo("\n\n".join(text.rstrip("\n") for text in texts))


def _place(name: str, names: list[str], kind: str) -> int:
    """The place of a cell or a model among others."""
    if name in names:
        return names.index(name)
    near = suggest(name, names)
    has = f"it has {', '.join(names)}" if names else "it has none"
    raise CommandError(
        f"there is no {kind} {name!r} in this spec",
        f"did you mean {near}?" if near else has,
    )


def _defined(program: Program, view: str) -> tuple[list[int], list[int]]:
    """The places of the cells and models that a spec itself defines, as far as there is
    such a view of them; of all its cells, if it defines none to be viewed."""
    cells = [
        index
        for index, cell in enumerate(program.cells)
        if cell.span.source is program.source
    ]
    models = list(range(len(program.models))) if view in SHOWN_MODELS else []
    if cells or models:
        return cells, models
    return list(range(len(program.cells))), []
