"""Modules made in memory: load() and the import hook."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from cli_cases import ELMAN

import rnndsl
from rnndsl.importer import SpecFinder, install


@pytest.fixture(autouse=True)
def modules(tmp_path: Path) -> Iterator[None]:
    """Forgets the modules that a test loads from its folder; those of other tests with
    the same name are set aside."""
    others = {name: sys.modules.pop(name) for name in ("elman",) if name in sys.modules}
    yield
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and Path(file).resolve().is_relative_to(tmp_path.resolve()):
            del sys.modules[name]
    sys.modules.update(others)


@pytest.fixture
def finder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The import hook, with the current folder on sys.path."""
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.syspath_prepend(str(folder))
    install()


def test_load_gives_the_module_and_writes_nothing(elman: Path) -> None:
    module = rnndsl.load("elman.rnn")
    layer = module.Elman(3, 5)
    output, h = layer(torch.randn(7, 2, 3))
    assert (output.shape, h.shape) == ((7, 2, 5), (1, 2, 5))
    assert module.__name__ == "elman"
    assert module.__doc__ == "A simple recurrent network."
    assert [path.name for path in elman.parent.iterdir()] == ["elman.rnn"]


def test_its_objects_are_pickled_and_copied(elman: Path) -> None:
    layer = rnndsl.load(elman).Elman(3, 5)
    x = torch.randn(4, 2, 3)
    for twin in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
        assert type(twin) is type(layer)
        torch.testing.assert_close(twin(x)[0], layer(x)[0], rtol=0, atol=0)


def test_its_source_is_seen(elman: Path) -> None:
    module = rnndsl.load(elman)
    assert inspect.getsource(module) == rnndsl.compile_text(ELMAN, "elman.rnn")
    assert inspect.getsource(module.Elman).startswith("class Elman(")
    assert inspect.getsource(module.Elman.forward).lstrip().startswith(("@", "def"))


def test_tracebacks_show_its_lines(elman: Path) -> None:
    module = rnndsl.load(elman)
    try:
        module.Elman(3, 5)(torch.randn(7, 2, 4))
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
    generated = [frame for frame in frames if frame.filename.endswith("elman.rnn.py")]
    assert generated
    assert all(frame.line for frame in generated)


def test_an_unchanged_spec_is_the_same_module(elman: Path) -> None:
    first = rnndsl.load(elman)
    assert rnndsl.load("elman.rnn") is first
    elman.write_text(ELMAN.replace("tanh", "sigmoid"))
    second = rnndsl.load(elman)
    assert second is not first
    assert "sigmoid" in inspect.getsource(second)
    assert sys.modules["elman"] is second


def test_a_name_in_use_is_refused(elman: Path) -> None:
    rnndsl.load(elman)
    Path("sub").mkdir()
    Path("sub/elman.rnn").write_text(ELMAN)
    with pytest.raises(ValueError, match="'elman' is loaded already"):
        rnndsl.load("sub/elman.rnn")
    other = rnndsl.load("sub/elman.rnn", name="other")
    assert other.Elman.__module__ == "other"


def test_a_name_that_cannot_be_imported_needs_another(folder: Path) -> None:
    Path("my-cell.rnn").write_text(ELMAN)
    with pytest.raises(ValueError, match="'my-cell'") as caught:
        rnndsl.load("my-cell.rnn")
    assert str(caught.value) == (
        "'my-cell' is not a name that Python can import; "
        'name the module: load("my-cell.rnn", name="...")'
    )
    assert rnndsl.load("my-cell.rnn", name="my_cell").Elman(3, 5) is not None


def test_a_name_that_hides_a_module_is_refused(folder: Path) -> None:
    Path("random.rnn").write_text(ELMAN)
    with pytest.raises(ValueError, match="would hide"):
        rnndsl.load("random.rnn")
    with pytest.raises(ValueError, match="is loaded already"):
        rnndsl.load("random.rnn", name="pickle")


def test_load_of_a_rejected_spec(elman: Path) -> None:
    module = rnndsl.load(elman)
    elman.write_text(ELMAN.replace("@ x[t]", "@ y[t]"))
    with pytest.raises(rnndsl.SpecError, match=r"elman\.rnn:10:21: error\[RNN"):
        rnndsl.load("elman.rnn")
    assert sys.modules["elman"] is module
    with pytest.raises(FileNotFoundError):
        rnndsl.load("nowhere.rnn")


@pytest.mark.usefixtures("finder")
def test_import_finds_a_spec(folder: Path) -> None:
    Path("found_cell.rnn").write_text(ELMAN)
    module = importlib.import_module("found_cell")
    assert module.Elman(3, 5)(torch.randn(7, 3))[0].shape == (7, 5)


@pytest.mark.usefixtures("finder")
def test_import_finds_a_spec_in_a_package(folder: Path) -> None:
    Path("some_cells").mkdir()
    Path("some_cells/__init__.py").write_text("from .inner_cell import Elman\n")
    Path("some_cells/inner_cell.rnn").write_text(ELMAN)
    package = importlib.import_module("some_cells")
    assert package.Elman.__module__ == "some_cells.inner_cell"


@pytest.mark.usefixtures("finder")
def test_a_real_module_wins(folder: Path) -> None:
    Path("twice.rnn").write_text(ELMAN)
    Path("twice.py").write_text("x = 1\n")
    assert importlib.import_module("twice").x == 1


@pytest.mark.usefixtures("finder")
def test_reload_reads_the_spec_again(folder: Path) -> None:
    spec = Path("changing_cell.rnn")
    spec.write_text(ELMAN)
    module = importlib.import_module("changing_cell")
    spec.write_text(ELMAN.replace("Elman", "Jordan"))
    assert importlib.reload(module).Jordan(3, 5) is not None
    assert "class Jordan(" in inspect.getsource(module)


@pytest.mark.usefixtures("finder")
def test_a_rejected_spec_is_an_import_error_with_diagnostics(folder: Path) -> None:
    Path("broken_cell.rnn").write_text(ELMAN.replace("@ x[t]", "@ y[t]"))
    with pytest.raises(ImportError, match=r"--> .*broken_cell\.rnn:10:21") as caught:
        importlib.import_module("broken_cell")
    assert caught.value.name == "broken_cell"
    assert isinstance(caught.value.__cause__, rnndsl.SpecError)
    assert "broken_cell" not in sys.modules


@pytest.mark.usefixtures("finder")
def test_no_spec_is_no_module(folder: Path) -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_cell")


@pytest.mark.usefixtures("finder")
def test_the_finder_is_installed_once_and_last() -> None:
    install()
    assert sum(isinstance(finder, SpecFinder) for finder in sys.meta_path) == 1
    assert isinstance(sys.meta_path[-1], SpecFinder)


_SPAWN = """
import multiprocessing, os, rnndsl.importer, spawned_cell, torch

def process(layer, results):
    results.put((os.getpid(), type(layer).__module__, layer.W.shape))

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    layer = spawned_cell.ElmanCell(3, 5)
    child = context.Process(target=process, args=(layer, results))
    child.start()
    pid, module, shape = results.get(timeout=60)
    child.join()
    assert pid != os.getpid()
    print(module, tuple(shape))
"""


def test_a_spawned_process_imports_the_spec_again(folder: Path) -> None:
    Path("spawned_cell.rnn").write_text(ELMAN)
    Path("main.py").write_text(_SPAWN)
    done = subprocess.run(
        [sys.executable, "main.py"], capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.returncode) == ("spawned_cell (5, 3)\n", 0), done.stderr
