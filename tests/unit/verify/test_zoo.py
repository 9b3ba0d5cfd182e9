"""The zoo as a folder of specs: names, texts, and what looking them up costs."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from rnndsl import zoo
from rnndsl.diagnostics import Report, Source
from rnndsl.syntax.parse import parse
from rnndsl.syntax.tree import CellDefinition

REQUIRED = (
    "CoupledLSTM",
    "Elman",
    "ElmanReLU",
    "GRU",
    "GRUResetBefore",
    "Jordan",
    "LSTM",
    "LSTMNoForget",
    "LSTMP",
    "MGU",
    "PeepholeLSTM",
)


def test_the_standard_cells_are_there_in_alphabetical_order() -> None:
    names = zoo.cell_names()
    assert set(REQUIRED) <= set(names)
    assert list(names) == sorted(names, key=str.lower)
    assert len({name.lower() for name in names}) == len(names)


@pytest.mark.parametrize("name", zoo.cell_names())
def test_a_file_defines_the_one_cell_it_is_named_for(name: str) -> None:
    assert zoo.path(name).stem.replace("_", "") == name.lower()
    report = Report()
    file = parse(Source(zoo.path(name).name, zoo.read(name)), report)
    assert report.diagnostics == ()
    assert file is not None
    cells = [item.name.text for item in file.items if isinstance(item, CellDefinition)]
    assert cells == [name]


@pytest.mark.parametrize("name", zoo.cell_names())
def test_a_docstring_says_what_it_is_and_where_it_is_from(name: str) -> None:
    text = zoo.read(name)
    report = Report()
    file = parse(Source("spec.rnn", text), report)
    assert file is not None
    assert file.docstring is not None
    first, _, rest = file.docstring.text.partition("\n")
    assert first.endswith(".")
    assert len(first) <= 84
    assert re.search(r"arXiv:\d{4}\.\d{4,5}|\b(19|20)\d{2}\b", rest)
    assert all(len(line) <= 90 for line in text.splitlines())


def test_an_unknown_cell_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="LTSM"):
        zoo.read("LTSM")


def test_looking_up_a_cell_imports_nothing_of_the_compiler() -> None:
    code = (
        "import sys, rnndsl.zoo; rnndsl.zoo.read('LSTM');"
        "print(*sorted(n for n in sys.modules if n.split('.')[0] in ('torch',"
        " 'sympy', 'lark') or n.startswith(('rnndsl.syntax', 'rnndsl.analysis'))))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == []
