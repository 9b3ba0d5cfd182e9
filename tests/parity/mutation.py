"""Modules broken on purpose: every small change of a generated module's arithmetic."""

from __future__ import annotations

import ast
import copy
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import ModuleType

_OPERATORS: dict[type[ast.operator], ast.operator] = {
    ast.Add: ast.Sub(),
    ast.Sub: ast.Add(),
    ast.Mult: ast.Add(),
}
_FUNCTIONS = {
    "sigmoid": "tanh",
    "tanh": "sigmoid",
    "sigmoid_backward": "tanh_backward",
    "tanh_backward": "sigmoid_backward",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A changed module: the function and statement that changed, and the source."""

    function: str
    before: str
    after: str
    source: str

    @property
    def label(self) -> str:
        return f"{self.function}: {self.before} -> {self.after}"


def load_source(source: str, name: str) -> ModuleType:
    """A module of this source, known under ``name``."""
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, f"{name}.py", "exec"), module.__dict__)
    return module


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of the functions in a module's source: one operator, one function,
    one transposition, one new state for an old one, or two gates exchanged."""
    tree = ast.parse(source)
    for index in range(len(list(_changes(tree)))):
        changed = copy.deepcopy(tree)
        function, statement, change = list(_changes(changed))[index]
        before = ast.unparse(statement)
        change()
        after = ast.unparse(statement)
        yield Mutant(function, before, after, ast.unparse(changed))


_Change = tuple[str, ast.stmt, Callable[[], None]]


def _changes(tree: ast.Module) -> Iterator[_Change]:
    for function in tree.body:
        # The loops over kernels do not run on a CPU.
        if not isinstance(function, ast.FunctionDef) or "_cuda_" in function.name:
            continue
        names = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
        for statement in ast.walk(function):
            if isinstance(statement, ast.Assign | ast.Return | ast.Expr):
                for change in _changes_of(statement, names):
                    yield function.name, statement, change


def _changes_of(statement: ast.stmt, names: set[str]) -> Iterator[Callable[[], None]]:
    if isinstance(statement, ast.Assign) and _is_chunk(statement.value):
        (target,) = statement.targets
        assert isinstance(target, ast.Tuple)
        yield partial(_exchange, target.elts)
    for node in _outside_of_slices(statement):
        match node:
            case ast.BinOp(op=ast.MatMult()):
                yield partial(_transpose, node)
            case ast.BinOp(op=op) if type(op) in _OPERATORS:
                yield partial(setattr, node, "op", _OPERATORS[type(op)])
            case ast.Attribute(attr=name) if name in _FUNCTIONS:
                yield partial(setattr, node, "attr", _FUNCTIONS[name])
            case ast.Name(id=name, ctx=ast.Load()) if f"{name}_prev" in names:
                yield partial(setattr, node, "id", f"{name}_prev")


def _outside_of_slices(node: ast.AST) -> Iterator[ast.AST]:
    """What is below a node, but not where it is indexed: that is no arithmetic."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.Subscript) and child is node.slice:
            continue
        yield from _outside_of_slices(child)


def _is_chunk(value: ast.expr) -> bool:
    match value:
        case ast.Call(func=ast.Attribute(attr="chunk")):
            return True
        case _:
            return False


def _exchange(targets: list[ast.expr]) -> None:
    targets[0], targets[1] = targets[1], targets[0]


def _transpose(product: ast.BinOp) -> None:
    function = ast.Attribute(value=product.right, attr="t", ctx=ast.Load())
    product.right = ast.Call(func=function, args=[], keywords=[])
