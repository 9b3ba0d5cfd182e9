"""``rnndsl explain``: what a diagnostic's code means, with an example."""

from __future__ import annotations

import sys

import click

from rnndsl.cli.terminal import CommandError, colour_option, wants_colour
from rnndsl.diagnostics.explain import all_codes, explain
from rnndsl.diagnostics.suggest import suggest


@click.command("explain", short_help="Explain a diagnostic.")
@click.argument("code", required=False)
@colour_option
def explain_command(code: str | None) -> None:
    """Explain the diagnostic CODE, such as RNN021; without one, list them all."""
    titles = dict(all_codes())
    if code is None:
        for known, title in titles.items():
            click.echo(f"{known}  {title}")
        return
    page = explain(code)
    if page is None:
        near = suggest(code.upper(), titles)
        raise CommandError(
            f"there is no diagnostic {code!r}",
            f"did you mean {near}?" if near else "rnndsl explain lists them all",
        )
    _print_page(page)


def _print_page(page: str) -> None:
    if not wants_colour(sys.stdout):
        click.echo(page.rstrip("\n"))
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console(force_terminal=True).print(Markdown(page))
