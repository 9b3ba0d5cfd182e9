"""The project's files agree with the tree and with each other."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import rnndsl
from rnndsl.diagnostics.render import render_text

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_packages_are_those_of_the_tree(project: dict[str, Any]) -> None:
    tree = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "rnndsl").rglob("__init__.py")
    }
    for shared in ("grammars", "templates"):
        tree |= {
            ".".join(("rnndsl", *path.parent.relative_to(ROOT).parts))
            for path in (ROOT / shared).rglob("__init__.py")
        }
    setuptools = project["tool"]["setuptools"]
    assert setuptools["packages"] == sorted(tree)
    for package in setuptools["packages"]:
        if package.startswith(("rnndsl.grammars", "rnndsl.templates")):
            folder = setuptools["package-dir"][package]
            assert package == "rnndsl." + folder.replace("/", ".")


def test_every_folder_of_code_is_a_package() -> None:
    for top in ("rnndsl", "grammars", "templates"):
        for path in (ROOT / top).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert (path.parent / "__init__.py").exists(), path


def test_every_module_has_a_place_among_the_layers(project: dict[str, Any]) -> None:
    contract = project["tool"]["importlinter"]["contracts"][0]
    placed = {
        name.strip() for layer in contract["layers"] for name in layer.split("|")
    } | set(contract["exhaustive_ignores"])
    present = {
        path.stem
        for path in (ROOT / "rnndsl").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert placed == present - {"__init__"}


def test_every_requirement_has_a_tested_version() -> None:
    constrained = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().lower().splitlines()
        if not line.startswith("#")
    )
    requirements = requires("rnndsl") or []
    needed = {re.split(r"[^\w-]", text, maxsplit=1)[0].lower() for text in requirements}
    assert {"torch", "pytest", "matplotlib"} <= needed
    assert needed - {"rnndsl"} <= set(constrained)


def test_the_readme_has_the_two_commands_that_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"^pip install .*$", readme, re.MULTILINE)
    assert commands == [
        'pip install -c constraints.txt -e ".[examples]"'
        " && python examples/digits/main.py",
        'pip install -c constraints.txt -e ".[dev]" && pytest',
    ]
    ci = (ROOT / ".ci" / "run").read_text()
    assert "grep '^pip install -c .* && pytest$' README.md" in ci
    assert "grep '^pip install -c .* && python examples/' README.md" in ci


def test_the_links_of_the_documents_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_what_the_readme_shows_is_what_comes_out() -> None:
    readme = (ROOT / "README.md").read_text()
    spec, *_ = re.findall(r"```rnn\n(.*?)```", readme, re.DOTALL)
    module = rnndsl.compile_text(spec, "mgu.rnn")
    excerpts = re.findall(r"<!-- mgu.py -->\n```python\n(.*?)```", readme, re.DOTALL)
    assert len(excerpts) == 2
    for excerpt in excerpts:
        assert excerpt in module
    mistaken = spec.replace("+ f * n", "+ f * x[t]")
    with pytest.raises(rnndsl.SpecError) as caught:
        rnndsl.compile_text(mistaken, "mgu.rnn")
    (shown,) = re.findall(r"```text\n(.*?)```", readme, re.DOTALL)
    assert render_text(caught.value.diagnostics, colour=False).startswith(shown)


def test_what_the_readme_trains_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```(rnn|python)\n(.*?)```", readme, re.DOTALL)
    spec, used = (text for _, text in blocks if "Translator" in text)
    # The same model, small enough for a test.
    for large, small in (("512", "6"), ("256", "5"), ("8000", "9"), ("9000", "7")):
        spec, used = (text.replace(large, small) for text in (spec, used))
    module = ModuleType("translator")
    text = rnndsl.compile_text(spec, "translator.rnn")
    exec(compile(text, "translator.py", "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, "translator", module)
    torch.manual_seed(1)
    names: dict[str, Any] = {
        "source": torch.randint(3, 9, (5, 2)),
        "target": torch.randint(3, 7, (4, 2)),
        "lengths": torch.tensor([5, 2]),
    }
    exec(used, names)
    assert names["output"].shape == (3, 2, 7)
    assert names["found"].tokens.shape[1:] == (2, 5)
    assert all(p.grad is not None for p in names["model"].parameters())
