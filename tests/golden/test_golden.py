"""Generated modules, byte for byte.

After a deliberate change of the output: ``pytest tests/golden --update-golden``, then
read the difference.
"""

from pathlib import Path

import pytest

from rnndsl import compile_text, zoo
from rnndsl.version import __version__

FOLDER = Path(__file__).parent
EXPECTED = FOLDER / "expected"
CELLS = ("Elman", "GRU", "GRUResetBefore", "Jordan", "LSTM", "MinGRU", "PeepholeLSTM")
MODELS = ("marked", "tagger", "translator")


def _stem(cell: str) -> str:
    return zoo.path(cell).stem


def _compare(name: str, text: str, request: pytest.FixtureRequest) -> None:
    golden = EXPECTED / f"{name}.py"
    if request.config.getoption("--update-golden"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("cell", CELLS)
def test_module_is_as_committed(cell: str, request: pytest.FixtureRequest) -> None:
    text = compile_text(zoo.read(cell), f"{_stem(cell)}.rnn")
    text = text.replace(f"rnndsl {__version__} ", "rnndsl VERSION ")
    _compare(_stem(cell), text, request)


@pytest.mark.parametrize("name", MODELS)
def test_model_is_as_committed(name: str, request: pytest.FixtureRequest) -> None:
    """What stands behind the cells."""
    spec = FOLDER / "models" / f"{name}.rnn"
    text = compile_text(spec.read_text(encoding="utf-8"), spec.name)
    begin = text.rindex("\n\n\n", 0, text.index(" = ModelSpecification("))
    _compare(name, text[begin:].lstrip(), request)


def test_no_golden_is_left_over() -> None:
    assert sorted(path.stem for path in EXPECTED.glob("*.py")) == sorted(
        (*(_stem(cell) for cell in CELLS), *MODELS)
    )
