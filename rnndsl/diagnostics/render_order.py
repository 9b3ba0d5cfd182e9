"""The order in which every format prints diagnostics."""

from __future__ import annotations

from collections.abc import Iterable

from rnndsl.diagnostics.diagnostic import Diagnostic


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By file, then by place in it, then by code."""

    def place(diagnostic: Diagnostic) -> tuple[str, int, int, str]:
        span = diagnostic.span
        return span.source.name, span.start, span.end, diagnostic.code

    return tuple(sorted(diagnostics, key=place))
