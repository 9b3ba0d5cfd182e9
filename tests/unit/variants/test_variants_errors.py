"""What cannot stand together, and what is written wrongly."""

from __future__ import annotations

import pytest
from variant_specs import spec

from rnndsl import SpecError, compile_text

WRONG = {
    "layer GRU(4), zoneout": ("RNN095", "zoneout"),
    "layer GRU(4), zoneout()": ("RNN095", "()"),
    "layer GRU(4), zoneout(0.1, 0.2)": ("RNN095", "(0.1, 0.2)"),
    "layer GRU(4), zoneout(h = 0.1, 0.2)": ("RNN095", "(h = 0.1, 0.2)"),
    "layer GRU(4), zoneout(h = 0.1, h = 0.2)": ("RNN081", "h"),
    "layer GRU(4), zoneout(1)": ("RNN092", "1"),
    "layer GRU(4), zoneout(h = -0.1)": ("RNN092", "-0.1"),
    "layer GRU(4), zoneout(h)": ("RNN095", "h"),
    "layer GRU(4), zoneout(0.1) x 2": ("RNN096", "2"),
    "layer GRU(4), zoneout(0.1), zoneout(0.2)": ("RNN081", "zoneout"),
    "layer GRU(4), recurrent_dropout": ("RNN095", "recurrent_dropout"),
    "layer GRU(4), recurrent_dropout(1.5)": ("RNN092", "1.5"),
    "layer GRU(4), weight_drop(p = 0.5)": ("RNN095", "p = 0.5"),
    "layer GRU(4), weight_drop(half)": ("RNN095", "half"),
    "layer GRU(4), emit": ("RNN095", "emit"),
    "layer GRU(4), emit()": ("RNN095", "()"),
    "layer GRU(4), emit(z, z)": ("RNN081", "z"),
    "layer GRU(4), emit(2)": ("RNN095", "2"),
    "layer GRU(4), emit(gate = z)": ("RNN095", "gate = z"),
    "layer GRU(4), emit(z(3))": ("RNN095", "z(3)"),
    "layer GRU(4), emitt(z)": ("RNN083", "emitt"),
}


@pytest.mark.parametrize("line", WRONG)
def test_options(line: str) -> None:
    with pytest.raises(SpecError) as caught:
        compile_text(spec(line))
    (found,) = caught.value.diagnostics
    assert (found.code, found.span.text) == WRONG[line]


@pytest.mark.parametrize(
    ("lines", "code", "place"),
    [
        (("reset", "layer GRU(4)", "io one_to_one"), "RNN094", "reset"),
        (("reset 3", "layer GRU(4)"), "RNN095", "3"),
        (("reset", "reset", "layer GRU(4)"), "RNN081", "reset"),
        (("resets", "layer GRU(4)"), "RNN080", "resets"),
    ],
)
def test_lines(lines: tuple[str, ...], code: str, place: str) -> None:
    with pytest.raises(SpecError) as caught:
        compile_text(spec(*lines))
    (found,) = caught.value.diagnostics
    assert (found.code, found.span.text) == (code, place)
