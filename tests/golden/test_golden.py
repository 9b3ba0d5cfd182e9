"""Generated modules, byte for byte.

After a deliberate change of the output: ``pytest tests/golden --update-golden``, then
read the difference.
"""

from pathlib import Path

import pytest

from rnndsl import compile_text, zoo
from rnndsl.version import __version__

EXPECTED = Path(__file__).parent / "expected"
CELLS = ("Elman", "GRU", "GRUResetBefore", "Jordan", "LSTM", "MinGRU", "PeepholeLSTM")


def _stem(cell: str) -> str:
    return zoo.path(cell).stem


@pytest.mark.parametrize("cell", CELLS)
def test_module_is_as_committed(cell: str, request: pytest.FixtureRequest) -> None:
    text = compile_text(zoo.read(cell), f"{_stem(cell)}.rnn")
    text = text.replace(f"rnndsl {__version__} ", "rnndsl VERSION ")
    golden = EXPECTED / f"{_stem(cell)}.py"
    if request.config.getoption("--update-golden"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_no_golden_is_left_over() -> None:
    assert sorted(path.stem for path in EXPECTED.glob("*.py")) == sorted(
        _stem(cell) for cell in CELLS
    )
