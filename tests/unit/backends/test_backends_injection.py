"""Text of a spec that would like to be code stays text, in Python and in CUDA C++.

Names are not among it: the grammar admits letters, digits and underscores.
"""

from __future__ import annotations

import ast
import re

import pytest

from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source, SpecError

SPEC = '''"""{document}"""
# {comment}

from zoo import LSTM

def twice(u) = u * 2  # {comment}

cell Mine(I, H):
    """{cell}"""
    # {comment}
    input  x: [I]  # {comment}
    state  h: [H]
    param  W: [H, I]

    n = tanh(W @ x[t] + h[t-1])  # {comment}
    h[t] = twice(n)
    output h[t]  # {comment}

model Mod(I, K):
    """{model}"""
    input z: [I]  # {comment}
    layer LSTM(4), dropout(0.1)  # {comment}
    head linear(K)
    loss mse
'''
PLAIN = {
    "document": "Doc.",
    "comment": "c",
    "cell": "A cell.",
    "model": "A model.",
    "file": "a.rnn",
}
STARTS = (
    "\n",
    "\r\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x85",
    "\u2028",
    "\u2029",
    "\n    ",
    '"""\n',
    "'''\n",
    '\\"""\n',
    '\\\\"""\n',
    '\\"\\"\\"\n',
    '"\n',
    "\\\n",
    "#\n",
    "*/ ",
    ")' \n",
)
PAYLOADS = (
    *(f"{start}import evil\n" for start in STARTS),
    *("\\", "\\\\", '"', '""', "'", "\\'", '\\"', "#", "//", "/*", "*/", "??/"),
    *("{{ evil }}", "{% import evil %}", "{# evil #}", "{evil}", "%(evil)s", "$(evil)"),
    *("\\N{BULLET}", "\\x22\\x22\\x22", "\\u000aimport evil", "\\12import evil"),
    *('R"(" ); evil(); ("', "\x1b[31m", "\x00", "\ufeffimport evil", "\u202eevil"),
    "# -*- coding: rot13 -*-",
    "x" * 200 + "\nimport evil",
    "\\ " * 60,
)
COMMENTS = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def module_text(slot: str, payload: str) -> str:
    texts = PLAIN | {slot: payload}
    source = Source(texts["file"], SPEC.format_map(texts))
    return Compilation(source, None).module_text


def skeleton(text: str) -> tuple[str, list[list[str]]]:
    """A module without its texts, and the words of its CUDA code without comments."""
    tree = ast.parse(text)
    kernels = []
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not is_text(s)]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if "__global__" in node.value:
                kernels.append(COMMENTS.sub("", node.value).split())
                assert "\\\n" not in node.value
            node.value = ""
    return ast.dump(tree), kernels


def is_text(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
    return False


def test_there_are_kernels_and_classes_to_spoil() -> None:
    tree, kernels = skeleton(module_text("file", "a.rnn"))
    assert "Mine" in tree
    assert "Mod" in tree
    assert len(kernels) >= 1


@pytest.mark.parametrize("slot", PLAIN)
def test_no_text_becomes_code(slot: str) -> None:
    expected = skeleton(module_text("file", "a.rnn"))
    accepted = 0
    for payload in PAYLOADS:
        try:
            text = module_text(slot, payload)
        except SpecError:
            continue
        accepted += 1
        assert skeleton(text) == expected, repr(payload)
    assert accepted >= 15
