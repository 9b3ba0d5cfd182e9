"""Which files an import may name, and where they are."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from rnndsl.analysis.findings import did_you_mean, error, quoted
from rnndsl.diagnostics import Diagnostic
from rnndsl.diagnostics.suggest import suggest
from rnndsl.syntax import tree

SUFFIX = ".rnn"
_DEVICES = {"aux", "con", "nul", "prn"} | {
    f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)
}


def locate(
    statement: tree.Import, folder: Path | None, root: Path | None
) -> Path | Diagnostic:
    """The file that an import names, all links followed; or what is wrong with it.

    ``folder`` holds the importing file, ``root`` the first spec; no import leaves it.
    """
    text = statement.path or ""
    reason = _forbidden(text)
    if reason is not None:
        return path_forbidden(statement, reason)
    if folder is None or root is None:
        return not_readable(statement, "this spec lies in no folder")
    try:
        path = (folder / text).resolve()
        if not path.is_relative_to(root.resolve()):
            reason = "outside the folder of the spec"
            return path_forbidden(statement, reason)
        if not path.is_file():
            kind = "not a file" if path.exists() else "no such file"
            return not_readable(statement, kind, _neighbour(path, text))
    except (OSError, RuntimeError, ValueError):
        # Too long a name, links in a circle, characters the file system lacks.
        return not_readable(statement, "no such file")
    return path


def _forbidden(text: str) -> str | None:
    path = PurePosixPath(text)
    if not text.isprintable():
        return "has a character that cannot be printed"
    if "\\" in text:
        return "write `/` between folders"
    if path.is_absolute() or ":" in text:
        return "not relative to the folder of this file"
    if any(part.split(".")[0].lower() in _DEVICES for part in path.parts):
        return "names a device on some systems"
    if path.suffix != SUFFIX:
        return f"the name of a spec ends in `{SUFFIX}`"
    return None


def _neighbour(path: Path, text: str) -> str:
    """A file of nearly this name in the same folder."""
    if not path.parent.is_dir():
        return ""
    found = suggest(path.name, sorted(f.name for f in path.parent.glob(f"*{SUFFIX}")))
    if found is None:
        return ""
    return did_you_mean(str(PurePosixPath(text).with_name(found)))


def path_forbidden(statement: tree.Import, reason: str) -> Diagnostic:
    """An import of a file that no spec may read."""
    return error(
        "RNN064",
        f"the path {quoted(statement.path or '')} cannot be imported from",
        statement.path_span,
        label=reason,
        help='name a file in the folder of the spec: `from "cells/my.rnn" import A`',
    )


def not_readable(statement: tree.Import, reason: str, advice: str = "") -> Diagnostic:
    """An import of a file that is not there or cannot be read."""
    return error(
        "RNN063",
        f"cannot read {quoted(statement.path or '')}",
        statement.path_span,
        label=reason,
        help=advice or "paths are relative to the file that imports",
    )
