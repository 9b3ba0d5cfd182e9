"""The runtime can be put into one file: its modules concatenated, imports dropped."""

from __future__ import annotations

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from types import ModuleType

import pytest
import torch
from handwritten import lstm
from torch.testing import assert_close

import rnndsl.runtime

FOLDER = Path(rnndsl.runtime.__file__).parent
PREFIX = "rnndsl.runtime"
TREES = {
    ".".join(path.relative_to(FOLDER).with_suffix("").parts): ast.parse(
        path.read_text(encoding="utf-8")
    )
    for path in sorted(FOLDER.rglob("*.py"))
    if path.stem != "__init__"
}
DEFINITIONS = (ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)


def own_imports(tree: ast.Module) -> list[str]:
    return [
        (node.module or "").removeprefix(f"{PREFIX}.")
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PREFIX)
    ]


def top_level_names(tree: ast.Module) -> list[str]:
    names = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [t.id for t in node.targets if isinstance(t, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.append(node.target.id)
    return names


def test_top_level_names_are_unique() -> None:
    names = [name for tree in TREES.values() for name in top_level_names(tree)]
    assert len(names) == len(set(names))


def test_only_imports_and_definitions_at_top_level() -> None:
    for tree in TREES.values():
        assert isinstance(tree.body[0], ast.Expr), "a docstring"
        for node in tree.body[1:]:
            assert isinstance(node, (ast.Import, ast.ImportFrom, *DEFINITIONS))
        inner = [
            n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)
        ]
        assert all(node in tree.body for node in inner)


def test_imports_are_torch_the_standard_library_and_each_other() -> None:
    allowed = {*sys.stdlib_module_names, "torch"}
    for tree in TREES.values():
        for node in tree.body:
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
                assert all(alias.asname is None for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                modules = [node.module or ""]
                assert all(alias.asname is None for alias in node.names)
            else:
                continue
            for module in modules:
                stem = module.removeprefix(f"{PREFIX}.")
                assert stem in TREES or module.split(".")[0] in allowed


def test_public_names() -> None:
    public = rnndsl.runtime.__all__
    assert all(hasattr(rnndsl.runtime, name) for name in public)
    assert len(public) == len(set(public))


def test_concatenated_modules_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    order = TopologicalSorter({n: own_imports(t) for n, t in TREES.items()})
    body: list[ast.stmt] = []
    for name in order.static_order():
        body += [n for n in TREES[name].body if not is_dropped(n)]
    generated = ast.parse(Path(lstm.__file__).read_text(encoding="utf-8"))
    body += [n for n in generated.body if not is_dropped(n)]
    future = ast.parse("from __future__ import annotations").body
    code = compile(ast.Module(body=future + body, type_ignores=[]), "bundle", "exec")
    bundle = ModuleType("bundle")
    monkeypatch.setitem(sys.modules, "bundle", bundle)
    exec(code, vars(bundle))
    layer, expected = bundle.LSTM(3, 4, 2), lstm.LSTM(3, 4, 2)
    assert not isinstance(layer, rnndsl.runtime.RecurrentLayer)
    layer.load_state_dict(expected.state_dict())
    x = torch.randn(5, 2, 3)
    assert_close(layer(x), expected(x))


def is_dropped(node: ast.stmt) -> bool:
    if not isinstance(node, ast.ImportFrom):
        return False
    return node.module == "__future__" or (node.module or "").startswith(PREFIX)
