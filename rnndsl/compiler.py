"""The pipeline on one page: read > parse > resolve > lower > plan > emit.

A ``Compilation`` is one spec on its way through. Each stage is computed when it is
first asked for, from the one before it, so a caller can stop after any of them. Stages
that need SymPy or Jinja are imported where they run: checking a spec starts fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rnndsl.analysis.cell_names import check_has_cell
from rnndsl.analysis.program import Program
from rnndsl.analysis.resolve import resolve
from rnndsl.diagnostics import Diagnostic, Report, Source, SpecError
from rnndsl.diagnostics.render import render_text
from rnndsl.naming import display_name
from rnndsl.syntax.parse import parse
from rnndsl.syntax.read import decode, read, source_of
from rnndsl.syntax.tree import File
from rnndsl.version import __version__
from rnndsl.writing import default_output, holds_standalone, write_module

if TYPE_CHECKING:
    from rnndsl.ir.graph import StepGraph
    from rnndsl.plan.plan import CellPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``standalone``: the module carries its runtime, and needs torch alone."""

    standalone: bool = False


@dataclass(frozen=True, eq=False)
class Compilation:
    """One spec and its stages. A stage raises SpecError, with all diagnostics, if the
    spec is rejected there or earlier. Files are imported from ``directory``."""

    source: Source
    directory: Path | None
    options: Options = Options()
    _report: Report = field(default_factory=Report, repr=False)

    @cached_property
    def _parsed(self) -> File | None:
        return parse(self.source, self._report)

    @cached_property
    def tree(self) -> File:
        """What the author wrote."""
        file = self._parsed
        self._stop_at_errors()
        assert file is not None, "the parser gave up without a diagnostic"
        return file

    @cached_property
    def resolved(self) -> Program:
        """Every name bound, every shape known, every rule kept. A file of functions,
        which others import from, has no cell."""
        program = None
        if self._parsed is not None:
            program = resolve(self._parsed, self.source, self.directory, self._report)
        self._stop_at_errors()
        assert program is not None, "the analysis gave up without a diagnostic"
        return program

    @cached_property
    def program(self) -> Program:
        """The same, with something to make a module of."""
        check_has_cell(self.resolved, self._report)
        self._stop_at_errors()
        return self.resolved

    @cached_property
    def graphs(self) -> tuple[StepGraph, ...]:
        """The step of each cell, as a graph of operations."""
        from rnndsl.ir.lower import lower_cell

        return tuple(lower_cell(cell) for cell in self.program.cells)

    @cached_property
    def plans(self) -> tuple[CellPlan, ...]:
        """For each cell: its derivatives, and what runs before, in, after the loop."""
        from rnndsl.plan.planner import plan_cell

        return tuple(plan_cell(graph) for graph in self.graphs)

    @cached_property
    def module_text(self) -> str:
        """The generated Python module."""
        from rnndsl.backends.torch.emit import emit_module

        return emit_module(
            self.program,
            self.plans,
            standalone=self.options.standalone,
            version=__version__,
        )

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything found so far by the stages that were asked for."""
        return self._report.diagnostics

    def _stop_at_errors(self) -> None:
        try:
            self._report.raise_if_errors()
        except SpecError as error:
            # Shown below the traceback where nobody catches the error.
            error.add_note(render_text(error.diagnostics, colour=False))
            raise


def open_text(data: bytes, name: str, directory: Path) -> Compilation:
    """A spec in no file; it imports files from ``directory``."""
    report = Report()
    return Compilation(decode(data, name, report), directory, Options(), report)


def open_spec(path: Path, options: Options | None = None) -> Compilation:
    """Reads a spec. Raises OSError if the file cannot be read."""
    report = Report()
    source = read(path, display_name(path), report)
    return Compilation(source, path.parent, options or Options(), report)


def compile_text(text: str, name: str = "<spec>", *, standalone: bool = False) -> str:
    """Compiles the text of a spec, which can import from the zoo alone.

    Returns the generated module's text. Raises SpecError, and TypeError for a text that
    is no str.
    """
    if not isinstance(text, str):
        raise TypeError(f"text: expected a str, got {type(text).__name__}")
    options = Options(standalone=standalone)
    return Compilation(source_of(name, text), None, options).module_text


def compile_file(
    path: str | Path,
    output: str | Path | None = None,
    *,
    standalone: bool | None = None,
    force: bool = False,
) -> Path:
    """Compiles ``lstm.rnn`` to ``lstm.py`` beside it, or to the file ``output``.

    Returns the path written. ``standalone`` None: as the module that is there, if it
    was generated. ``force`` replaces a file that rnndsl did not generate.
    Raises OSError if the spec cannot be read, SpecError if it is rejected and
    OutputError if the module cannot be written; an existing file is then as it was.
    """
    target = default_output(Path(path)) if output is None else Path(output)
    if standalone is None:
        standalone = holds_standalone(target)
    compilation = open_spec(Path(path), Options(standalone=standalone))
    write_module(target, compilation.module_text, force=force)
    return target
