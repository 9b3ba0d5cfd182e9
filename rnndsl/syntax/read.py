"""From the bytes of a file to the text of a spec."""

from __future__ import annotations

import codecs
from pathlib import Path

from rnndsl.diagnostics import Diagnostic, Report, Severity, Source, Span
from rnndsl.syntax.limits import MAX_BYTES

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HOW_TO_SAVE = "save the file as UTF-8 text"


def read(path: Path, name: str, report: Report) -> Source:
    """Reads a spec, shown under ``name``; what is no text is reported.

    Offsets refer to the text without a byte order mark and with ``\\n`` line ends.
    Raises OSError if the file cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        source = Source(name, "")
        report.add(_too_large(source))
        return source
    return decode(data, name, report)


def decode(data: bytes, name: str, report: Report) -> Source:
    """The text of a spec; anything but UTF-8 is reported and replaced."""
    if data.startswith(_UTF_16):
        source = Source(name, "")
        report.add(_not_utf8(source, "the file is UTF-16, not UTF-8", 0))
        return source
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return source_of(name, data.decode())
    except UnicodeDecodeError as error:
        before = unified_lines(data[: error.start].decode())
        source = source_of(name, data.decode(errors="replace"))
        # "\r" at the very end of the good part may belong to a "\r\n" cut in two.
        start = min(len(before), len(source.text))
        byte = data[error.start]
        found = f"byte 0x{byte:02X} is not UTF-8 text"
        report.add(_not_utf8(source, found, start))
        return source


def source_of(name: str, text: str) -> Source:
    """A spec given as text."""
    return Source(name, unified_lines(text.removeprefix("\ufeff")))


def unified_lines(text: str) -> str:
    """The text with every line ended by ``\\n``."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _not_utf8(source: Source, message: str, start: int) -> Diagnostic:
    return Diagnostic(
        code="RNN001",
        severity=Severity.ERROR,
        message=message,
        span=Span(source, start, min(start + 1, len(source.text))),
        help=_HOW_TO_SAVE,
    )


def _too_large(source: Source) -> Diagnostic:
    return Diagnostic(
        code="RNN011",
        severity=Severity.ERROR,
        message=f"the file is larger than {MAX_BYTES:,} bytes",
        span=Span(source, 0, 0),
        help="divide it into files that import from one another",
    )
