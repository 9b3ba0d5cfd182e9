"""A standalone module holds the runtime's files below one another."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import rnndsl.runtime


def test_no_two_files_define_the_same_name() -> None:
    (folder,) = rnndsl.runtime.__path__
    names: Counter[str] = Counter()
    for path in sorted(Path(folder).glob("*.py")):
        if path.name == "__init__.py":
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            match node:
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    names[name] += 1
                case ast.Assign(targets=[ast.Name(id=name)]):
                    names[name] += 1
                case ast.AnnAssign(target=ast.Name(id=name)):
                    names[name] += 1
    assert len(names) > 100
    assert [name for name, count in names.items() if count > 1] == []
