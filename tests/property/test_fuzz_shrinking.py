"""A failing spec is shrunk to what makes it fail."""

from __future__ import annotations

from shrinking import shrink
from spec_generator import generate

from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source, SpecError


def _cell_uses(word: str, text: str) -> bool:
    """Whether a valid spec of one cell uses the word in it, not in a function alone."""
    try:
        cells = Compilation(Source("fuzz.rnn", text), None).program.cells
    except SpecError:
        return False
    return word in text.partition("cell ")[2] and len(cells) == 1


def test_a_spec_is_shrunk_to_one_function() -> None:
    seed = next(s for s in range(100) if _cell_uses("erf(", generate(s)))
    text = generate(seed)
    small = shrink(text, lambda t: _cell_uses("erf(", t))
    assert _cell_uses("erf(", small)
    assert len(small) < 0.25 * len(text)
    assert small.count("erf(") == 1
    assert len(small.splitlines()) <= 10
