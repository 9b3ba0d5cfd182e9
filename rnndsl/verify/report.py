"""What a verification found, as values and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One comparison, of the cell or model ``name``.

    ``subject`` (the layer, the cell class, the model, its steps or the interpreter) was
    compared in ``quantity`` (forward or gradients) with ``reference``. ``engine`` and
    ``dtype`` say how it computed, ``case`` how it was built and called. ``error`` is
    the largest difference over all tensors, relative to their scale, ``worst`` the
    tensor that has it; ``problem`` says what went wrong where no numbers came out, else
    it is empty.
    """

    name: str
    subject: str
    quantity: str
    reference: str
    engine: str
    dtype: str
    case: str
    error: float
    tolerance: float
    worst: str
    problem: str = ""

    @property
    def passed(self) -> bool:
        return not self.problem and self.error <= self.tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: the worst of a comparison's results over all cases."""

    worst: Result
    cases: int
    failed: int

    @property
    def name(self) -> str:
        return self.worst.name


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationReport:
    """All results for a spec, in the order in which they were computed.

    ``not_run`` pairs each engine that cannot run here with the reason.
    """

    seed: int
    results: tuple[Result, ...]
    not_run: tuple[tuple[str, str], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether there are results, and every one is within its tolerance."""
        return bool(self.results) and all(result.passed for result in self.results)

    @property
    def failures(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if not result.passed)

    def rows(self) -> tuple[Row, ...]:
        """The lines of the table, in the order in which their comparisons first ran."""
        groups: dict[tuple[str, ...], list[Result]] = {}
        for result in self.results:
            key = (
                result.name,
                result.subject,
                result.quantity,
                result.reference,
                result.engine,
                result.dtype,
            )
            groups.setdefault(key, []).append(result)
        return tuple(
            Row(
                worst=max(group, key=_badness),
                cases=len(group),
                failed=sum(not result.passed for result in group),
            )
            for group in groups.values()
        )


def _badness(result: Result) -> tuple[bool, float]:
    return bool(result.problem), result.error / result.tolerance


HEADINGS = (
    "what",
    "compared",
    "with",
    "engine",
    "dtype",
    "cases",
    "error",
    "allowed",
    "",
)


def table_entries(row: Row) -> tuple[str, ...]:
    """One line of the table as text, one entry for each of ``HEADINGS``."""
    worst = row.worst
    return (
        worst.subject,
        worst.quantity,
        worst.reference,
        worst.engine,
        worst.dtype,
        str(row.cases),
        "none" if worst.problem else f"{worst.error:.1e}",
        f"{worst.tolerance:.0e}",
        f"{row.failed} FAILED" if row.failed else "ok",
    )


def describe_failure(result: Result) -> str:
    """One failed comparison in a sentence."""
    how = (result.engine, result.dtype, result.case)
    subject = f"{result.name} {result.subject}"
    place = ", ".join((subject, *(part for part in how if part)))
    if result.problem:
        return f"{place}: {result.problem}"
    return f"{place}: " + (
        f"{result.worst} differs from {result.reference} by {result.error:.1e}, "
        f"allowed {result.tolerance:.0e}"
    )


def summarise(report: VerificationReport) -> str:
    """The last line: how many comparisons, how many failed, and the seed."""
    count, failed = len(report.results), len(report.failures)
    outcome = "all passed" if report.passed else f"{failed} failed"
    return f"{count} comparisons, {outcome} (seed {report.seed})"


def render_table(report: VerificationReport) -> str:
    """The report as plain text: a table for each cell and model, the failures, the
    engines that did not run, and the last line."""
    lines: list[str] = []
    for name, group in groupby(report.rows(), key=lambda row: row.name):
        table = [HEADINGS, *(table_entries(row) for row in group)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines.append(name)
        for entries in table:
            padded = (
                text.rjust(width)
                if heading in ("cases", "error", "allowed")
                else text.ljust(width)
                for heading, text, width in zip(HEADINGS, entries, widths, strict=True)
            )
            lines.append("  " + "  ".join(padded).rstrip())
        lines.append("")
    failures = report.failures
    if failures:
        lines.append("failed:")
        lines.extend(f"  {describe_failure(result)}" for result in failures)
        lines.append("")
    lines.extend(f"not run: {name}: {reason}" for name, reason in report.not_run)
    lines.append(summarise(report))
    return "\n".join(lines) + "\n"
