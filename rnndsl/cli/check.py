"""``rnndsl check``: find what is wrong with specs, without compiling them."""

from __future__ import annotations

from pathlib import Path

import click

from rnndsl.cli.specs import SpecPath, open_specs, run_stage
from rnndsl.cli.terminal import colour_option, exit_with, print_diagnostics


@click.command("check", short_help="Report errors and warnings.")
@click.argument("specs", nargs=-1, required=True, type=SpecPath(stdin=True))
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    help="text for people, json for tools, github for annotations of a workflow.",
)
@colour_option
def check_command(specs: tuple[Path, ...], output_format: str) -> None:
    """Report errors and warnings in SPECS; exit with 1 if there is an error.

    '-' checks standard input.
    """
    from rnndsl.diagnostics.render import render_github, render_json

    compilations = open_specs(specs)
    found, passed = run_stage(compilations, lambda compilation: compilation.resolved)
    match output_format:
        case "json":
            click.echo(render_json(found).rstrip("\n"))
        case "github":
            click.echo(render_github(found), nl=False)
        case _:
            print_diagnostics(found)
            if not found:
                count = len(compilations)
                specs_checked = "1 spec" if count == 1 else f"{count} specs"
                click.echo(f"{specs_checked} checked: nothing found")
    if not passed:
        exit_with(1)
