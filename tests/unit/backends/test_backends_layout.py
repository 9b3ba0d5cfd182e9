"""Generated code is laid out as ruff would; no text of a spec can break out of it."""

import ast
import subprocess
import sys
from pathlib import Path

import jinja2
import jinja2.meta
import pytest

from rnndsl import compile_text, zoo
from rnndsl.backends.torch.docstring import docstring
from rnndsl.backends.torch.fitting import unpack
from rnndsl.backends.torch.layout import Nest, nested
from rnndsl.backends.torch.printer import Code, expression, number
from rnndsl.formulas.formula import Apply, Formula, Negate, Number, Power, Symbol

ROOT = Path(__file__).parents[3]
A, B, C = (Symbol(name) for name in "abc")
CODES = {name: Code(name) for name in "abc"}


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (A - (B - C), "a - (b - c)"),
        (A - B - C, "a - b - c"),
        (A / (B * C), "a / (b * c)"),
        (Negate(A) * B, "-a * b"),
        (Negate(A + B), "-(a + b)"),
        (Negate(Power(A, 3)), "-(a**3)"),
        (Power(Negate(A), 3), "(-a) ** 3"),
        (Power(A, 2) / B, "a * a / b"),
        (A / Power(B, 2), "a / (b * b)"),
        (Power(A + B, 2), "torch.square(a + b)"),
        (Apply("clamp", (A,), (-1.0, 0.5)), "torch.clamp(a, -1, 0.5)"),
        (Apply("softplus", (A + B,)), "-F.logsigmoid(-(a + b))"),
        (Apply("max", (A, Number(0))), "torch.maximum(a, torch.full_like(a, 0))"),
        (Number(1e30) * A, "1e30 * a"),
    ],
)
def test_expressions_keep_their_meaning(formula: Formula, text: str) -> None:
    assert expression(formula, CODES).text == text


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-300, 5e-324, 1.7976931348623157e308])
def test_numbers_read_back_as_themselves(value: float) -> None:
    assert float(number(value).text) == value


def test_an_unknown_function_is_not_printed() -> None:
    with pytest.raises(ValueError, match="torch has no spelling for 'frobnicate'"):
        expression(Apply("frobnicate", (A,)), CODES)


def test_unpacking_and_nesting() -> None:
    assert unpack(["x"], "inputs", indent=4) == ["(x,) = inputs"]
    assert nested(Nest("f", ("a", Nest("b=", ("1",)))), indent=0) == ["f(a, b=(1,))"]
    assert nested(Nest("f", ("a" * 50, "b" * 50)), indent=0) == [
        "f(",
        f"    {'a' * 50},",
        f"    {'b' * 50},",
        ")",
    ]


@pytest.mark.parametrize(
    "text",
    [
        'ends in a quote"',
        'three """ quotes',
        "a backslash \\",
        '\\""" escaped quotes',
        "{{ braces }} {% block %}",
        "two\nlines",
        "tab\tand bell \x07",
    ],
)
def test_no_docstring_ends_early(text: str) -> None:
    lines = docstring(text)
    tree = ast.parse("\n".join(lines))
    assert len(tree.body) == 1
    found = ast.get_docstring(tree)
    assert found is not None
    assert found.split()[:2] == text.expandtabs(4).split()[:2]


def test_templates_use_exactly_what_they_are_given() -> None:
    """Every name a template reads is one that the module view, or a loop, defines."""
    environment = jinja2.Environment(trim_blocks=True, autoescape=False)
    given = {"module", "step", "forward", "backward", "classes", "model", "scan"}
    for path in sorted((ROOT / "templates" / "torch").glob("*.jinja")):
        tree = environment.parse(path.read_text(encoding="utf-8"))
        assert jinja2.meta.find_undeclared_variables(tree) <= given, path.name


def test_all_zoo_modules_are_clean(tmp_path: Path) -> None:
    for cell in zoo.cell_names():
        stem = zoo.path(cell).stem
        text = compile_text(zoo.read(cell), f"{stem}.rnn")
        (tmp_path / f"{stem}.py").write_text(text, encoding="utf-8")
        whole = compile_text(zoo.read(cell), f"{stem}.rnn", standalone=True)
        (tmp_path / f"{stem}_whole.py").write_text(whole, encoding="utf-8")
    for command in (["check", "-q"], ["format", "--check", "-q"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
