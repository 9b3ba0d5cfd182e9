"""A failing spec is shrunk to what makes it fail."""

from __future__ import annotations

from shrinking import shrink
from spec_generator import generate

from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source, SpecError


def _is_valid_with(word: str, text: str) -> bool:
    try:
        cells = Compilation(Source("fuzz.rnn", text), None).program.cells
    except SpecError:
        return False
    return word in text and len(cells) == 1


def test_a_spec_is_shrunk_to_one_function() -> None:
    seed = next(s for s in range(100) if _is_valid_with("erf(", generate(s)))
    text = generate(seed)
    small = shrink(text, lambda t: _is_valid_with("erf(", t))
    assert _is_valid_with("erf(", small)
    assert len(small) < 0.25 * len(text)
    assert small.count("erf(") == 1
    assert len(small.splitlines()) <= 12
