"""The runtime as part of a generated module, so that torch alone runs it."""

from __future__ import annotations


def bundled_runtime() -> tuple[str, ...]:
    """The lines of the runtime's files, in the order of their imports."""
    return ()
