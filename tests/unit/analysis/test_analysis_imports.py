"""Imports: what they bring, where errors are shown, which files they may read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from analysis_specs import cell, found, program_of, report_on

from rnndsl.analysis.resolve import resolve
from rnndsl.analysis.standard_cells import standard_source, standard_specs
from rnndsl.diagnostics import Report
from rnndsl.syntax.parse import parse
from rnndsl.syntax.read import source_of
from rnndsl.syntax.tree import CellDefinition

FUNCTIONS = "def soft(u) = gate(u) * u\ndef gate(u) = sigmoid(u)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a folder of cells, and a secret outside it."""
    (tmp_path / "secret.rnn").write_text(cell("", head="Secret(I, H)"))
    project = tmp_path / "project"
    (project / "cells").mkdir(parents=True)
    (project / "functions.rnn").write_text(FUNCTIONS)
    (project / "cells" / "mine.rnn").write_text(
        'from "../functions.rnn" import soft\n'
        + cell("h[t] = soft(used)", head="Mine(I, H)")
        + "\n"
        + cell("", head="Other(I, H)")
    )
    return project


def test_cells_and_functions_under_their_names_here(folder: Path) -> None:
    text = (
        'from "functions.rnn" import soft as gentle\n'
        + cell("h[t] = gentle(used)", head="Own(I, H)")
        + 'from "cells/mine.rnn" import Mine, Other as Second\n'
        + "from zoo import LSTM\n"
    )
    program = program_of(text, folder)
    assert [c.name for c in program.cells] == ["Mine", "Second", "LSTM", "Own"]
    assert program.cells[0].span.source.name == "cells/mine.rnn"
    assert program.cells[2].span.source.name == "zoo/lstm.rnn"


def test_files_are_named_after_the_spec(folder: Path) -> None:
    report = Report()
    source = source_of("specs/a.rnn", 'from "cells/mine.rnn" import Mine\n')
    file = parse(source, report)
    assert file is not None
    program = resolve(file, source, folder, report)
    assert program is not None
    assert program.cells[0].span.source.name == "specs/cells/mine.rnn"


def test_a_file_may_be_imported_twice(folder: Path) -> None:
    text = (
        'from "cells/mine.rnn" import Mine\n'
        'from "functions.rnn" import gate\n'
        'from "functions.rnn" import soft\n' + cell("h[t] = gate(soft(used))")
    )
    assert [c.name for c in program_of(text, folder).cells] == ["Mine", "A"]


def test_warnings_of_imported_files_are_not_shown(folder: Path) -> None:
    (folder / "spare.rnn").write_text(cell("spare = used", head="Spare(I, H)"))
    assert found('from "spare.rnn" import Spare\n', folder) == []


def test_error_in_an_imported_cell_points_there_and_here(folder: Path) -> None:
    (folder / "wrong.rnn").write_text(cell("h[t] = used + x[t]", head="Wrong(I, H)"))
    (folder / "between.rnn").write_text('from "wrong.rnn" import Wrong as Bad\n')
    (diagnostic,) = report_on('from "between.rnn" import Bad as Worse\n', folder)
    assert diagnostic.code == "RNN021"
    assert diagnostic.span.source.name == "wrong.rnn"
    imports = [
        (label.span.source.name, label.span.text)
        for label in diagnostic.labels
        if label.message == "imported here"
    ]
    assert imports == [("between.rnn", "Wrong as Bad"), ("spec.rnn", "Bad as Worse")]


def test_cells_that_are_not_imported_are_not_looked_at(folder: Path) -> None:
    wrong = cell("h[t] = q", head="Wrong(I, H)")
    (folder / "both.rnn").write_text(cell("", head="Good(I, H)") + wrong)
    assert found('from "both.rnn" import Good\n', folder) == []


def test_syntax_error_in_an_imported_file_is_reported_once(folder: Path) -> None:
    (folder / "broken.rnn").write_text("def soft(u) = (u\n")
    text = 'from "broken.rnn" import soft, other\n' + cell("h[t] = soft(used)")
    (diagnostic,) = report_on(text, folder)
    assert diagnostic.code == "RNN003"
    assert diagnostic.span.source.name == "broken.rnn"
    assert [label.span.text for label in diagnostic.labels] == ['"broken.rnn"']


def test_lost_function_causes_nothing_else(folder: Path) -> None:
    text = 'from "missing.rnn" import soft\n' + cell("h[t] = soft(used, 1, 2)")
    assert found(text, folder) == ['RNN063 "missing.rnn"']


def test_imported_function_that_is_never_used(folder: Path) -> None:
    text = 'from "functions.rnn" import soft\n' + cell("")
    assert found(text, folder) == ["RNN060 soft"]


def test_function_that_may_be_meant_for_others(folder: Path) -> None:
    assert found(FUNCTIONS + cell(""), folder) == []
    text = 'from "functions.rnn" import soft\ndef f(u) = u + 1\n'
    assert found(text, folder) == []
    assert found("def f(u) = u + q\n", folder) == ["RNN020 q"]


@pytest.mark.parametrize("name", ["a.rnn", "specs/a.rnn", "/specs/a.rnn", "zoo/a.rnn"])
def test_origin_of_a_cell_is_relative_to_the_spec(folder: Path, name: str) -> None:
    (folder / "all.rnn").write_text(cell("", head="Up(I, H)"))
    (folder / "cells" / "up.rnn").write_text('from "../all.rnn" import Up\n')
    report = Report()
    source = source_of(
        name,
        'from "cells/mine.rnn" import Mine\n'
        'from "./cells/up.rnn" import Up\n'
        "from zoo import LSTM\n" + cell(""),
    )
    file = parse(source, report)
    assert file is not None
    program = resolve(file, source, folder, report)
    assert program is not None
    assert [(each.name, each.origin) for each in program.cells] == [
        ("Mine", "cells/mine.rnn"),
        ("Up", "all.rnn"),
        ("LSTM", "zoo/lstm.rnn"),
        ("A", "a.rnn"),
    ]
    up = program.cells[1].span.source.name
    assert up == name.removesuffix("a.rnn") + "all.rnn"


NAMES = {
    "not in the file": ('from "functions.rnn" import sotf', ["RNN066 sotf"]),
    "not in the zoo": ("from zoo import LSTMM", ["RNN066 LSTMM"]),
    "imported twice": ("from zoo import LSTM, GRU as LSTM", ["RNN022 LSTM"]),
    "step of another": ("from zoo import LSTM, GRU as LSTMCell", ["RNN068 LSTMCell"]),
    "differs in case": ("from zoo import GRU, LSTM as Gru", ["RNN068 Gru"]),
    "reserved alias": ("from zoo import LSTM as lambda", ["RNN023 lambda"]),
    "alias that hides a class": ("from zoo import LSTM as Tensor", ["RNN023 Tensor"]),
    "only functions": ('from "functions.rnn" import soft', []),
}


@pytest.mark.parametrize(("text", "expected"), NAMES.values(), ids=NAMES.keys())
def test_names(text: str, expected: list[str], folder: Path) -> None:
    assert found(f"{text}\n", folder) == expected


PATHS = {
    "../secret.rnn": "RNN064",
    "cells/../../secret.rnn": "RNN064",
    "/etc/passwd": "RNN064",
    "../../etc/passwd": "RNN064",
    "C:/secret.rnn": "RNN064",
    "cells\\mine.rnn": "RNN064",
    "mine.txt": "RNN064",
    "cells": "RNN064",
    "": "RNN064",
    "~/mine.rnn.py": "RNN064",
    "con.rnn": "RNN064",
    "cells/lpt1.rnn": "RNN064",
    "link.rnn": "RNN064",
    "outside/secret.rnn": "RNN064",
    "loop.rnn": "RNN063",
    "missing.rnn": "RNN063",
    "missing/mine.rnn": "RNN063",
    "folder.rnn": "RNN063",
    "pipe.rnn": "RNN063",
    "n" * 300 + ".rnn": "RNN063",
}


@pytest.mark.parametrize("path", PATHS)
def test_paths(path: str, folder: Path) -> None:
    (folder / "folder.rnn").mkdir()
    (folder / "link.rnn").symlink_to(folder.parent / "secret.rnn")
    (folder / "outside").symlink_to(folder.parent)
    (folder / "loop.rnn").symlink_to(folder / "loop.rnn")
    os.mkfifo(folder / "pipe.rnn")
    assert found(f'from "{path}" import Secret\n', folder) == [
        f'{PATHS[path]} "{path}"'
    ]


def test_link_within_the_project_is_followed(folder: Path) -> None:
    (folder / "link.rnn").symlink_to(folder / "cells" / "mine.rnn")
    text = 'from "link.rnn" import Other\n'
    assert [c.name for c in program_of(text, folder).cells] == ["Other"]


def test_file_of_nearly_the_name_is_proposed(folder: Path) -> None:
    (diagnostic,) = report_on('from "cells/mien.rnn" import Mine\n', folder)
    assert diagnostic.help == "did you mean `cells/mine.rnn`?"


def test_spec_without_a_folder_imports_from_the_zoo_only() -> None:
    assert found("from zoo import GRU\n") == []
    (diagnostic,) = report_on('from "cells/mine.rnn" import Mine\n')
    assert (diagnostic.code, diagnostic.label) == (
        "RNN063",
        "this spec lies in no folder",
    )


def test_circle_of_files(folder: Path) -> None:
    (folder / "one.rnn").write_text('from "two.rnn" import g\ndef f(u) = g(u)\n')
    (folder / "two.rnn").write_text('from "one.rnn" import f\ndef g(u) = f(u)\n')
    text = 'from "one.rnn" import f\n' + cell("h[t] = f(used)")
    (diagnostic,) = report_on(text, folder)
    assert (diagnostic.code, diagnostic.span.source.name) == ("RNN065", "two.rnn")
    places = [label.span.source.name for label in diagnostic.labels]
    assert places == ["one.rnn", "spec.rnn"]


def test_file_that_imports_the_spec(folder: Path) -> None:
    (folder / "spec.rnn").write_text("")
    (folder / "one.rnn").write_text('from "spec.rnn" import A\n')
    text = 'from "one.rnn" import A as B\n' + cell("")
    assert found(text, folder) == ['RNN065 "spec.rnn"']


def test_long_chain_of_files(folder: Path) -> None:
    (folder / "f0.rnn").write_text("def f(u) = tanh(u)\n")
    for i in range(1, 200):
        (folder / f"f{i}.rnn").write_text(f'from "f{i - 1}.rnn" import f\n')
    text = 'from "f20.rnn" import f\n' + cell("h[t] = f(used)")
    assert found(text, folder) == []
    text = text.replace("f20", "f199")
    (diagnostic,) = report_on(text, folder)
    assert (diagnostic.code, diagnostic.label) == ("RNN063", "more than 32 files deep")


def test_zoo_is_listed_as_it_parses() -> None:
    defined = {}
    for spec in sorted(set(standard_specs().values())):
        report = Report()
        file = parse(standard_source(spec), report)
        assert file is not None
        for item in file.items:
            if isinstance(item, CellDefinition):
                defined[item.name.text] = spec
    assert defined == standard_specs()
    assert {"LSTM", "GRU", "PeepholeLSTM"} <= set(defined)


@pytest.mark.parametrize("name", standard_specs())
def test_zoo_has_no_findings(name: str) -> None:
    spec = standard_source(standard_specs()[name])
    assert found(spec.text) == []
    (resolved,) = program_of(f"from zoo import {name}\n").cells
    assert resolved.name == name
