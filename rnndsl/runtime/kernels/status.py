"""What functions of ``cuda-bindings`` return: a status, and values behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def returned(
    result: tuple[Any, ...],
    describe: Callable[[Any], tuple[Any, bytes | None]],
    library: str,
) -> tuple[Any, ...]:
    """The values. Raises RuntimeError for another status than success, which
    ``describe`` explains."""
    status, *values = result
    if int(status) != 0:
        _, text = describe(status)
        raise RuntimeError(f"{library}: {text.decode() if text else status}")
    return tuple(values)
