"""``rnndsl verify``: compare what specs compile to with independent references."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rnndsl.cli.specs import SpecPath, open_specs, require_stage
from rnndsl.cli.terminal import colour_option, exit_with, wants_colour
from rnndsl.naming import display_name

if TYPE_CHECKING:
    from rnndsl.verify.report import VerificationReport


@click.command("verify", short_help="Compare with independent references.")
@click.argument("specs", nargs=-1, required=True, type=SpecPath())
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Chooses sizes and weights."
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="text for people, json for tools.",
)
@colour_option
def verify_command(specs: tuple[Path, ...], seed: int, output_format: str) -> None:
    """Compile SPECS and compare every engine, values and gradients, with references.

    The references are an interpreter of the spec in float64, torch.nn where the
    cell is one of torch's, and finite differences.
    """
    compilations = open_specs(specs)
    require_stage(compilations, lambda compilation: compilation.module_text)

    from rnndsl.loading import SpecLoader, execute
    from rnndsl.verify import verify_program

    reports: dict[str, VerificationReport] = {}
    for path, compilation in zip(dict.fromkeys(specs), compilations, strict=True):
        name = display_name(path)
        with _status(f"verifying {name}"):
            module = execute(SpecLoader(path, compilation), f"<verified {name}>")
            reports[name] = verify_program(compilation.program, module, seed=seed)
        if output_format == "text":
            if len(compilations) > 1:
                click.echo(name)
            _print(reports[name])
    if output_format == "json":
        records = [_record(name, report) for name, report in reports.items()]
        click.echo(json.dumps(records, indent=2))
    if not all(report.passed for report in reports.values()):
        exit_with(1)


@contextmanager
def _status(message: str) -> Iterator[None]:
    """Shows that something is going on, on a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(message):
        yield


def _record(name: str, report: VerificationReport) -> dict[str, object]:
    results = [
        # JSON has no NaN: an error that is not a number is null.
        {**asdict(result), "error": _finite(result.error), "passed": result.passed}
        for result in report.results
    ]
    return {
        "spec": name,
        "seed": report.seed,
        "passed": report.passed,
        "results": results,
        "not_run": dict(report.not_run),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _print(report: VerificationReport) -> None:
    from rnndsl.verify.report import render_table

    colour = wants_colour(sys.stdout)
    for line in render_table(report).splitlines():
        click.echo(_painted(line) if colour else line, color=colour)


def _painted(line: str) -> str:
    """A line of the table with its verdict, the last entry, in colour."""
    entries, gap, verdict = line.rpartition("  ")
    if verdict == "ok":
        return f"{entries}{gap}{click.style(verdict, fg='green')}"
    if verdict.endswith(" FAILED"):
        return f"{entries}{gap}{click.style(verdict, fg='red', bold=True)}"
    return line
