"""What each construct becomes, and where it stands."""

from __future__ import annotations

import pytest
from syntax_cases import cell, expression, item, member, parsed

from rnndsl.syntax.tree import (
    Arithmetic,
    Assignment,
    Call,
    CellDefinition,
    Comparison,
    Declaration,
    DeclarationKind,
    Declarator,
    Exponentiation,
    Expression,
    FunctionDefinition,
    Import,
    Initialiser,
    InitialValue,
    Name,
    Negation,
    NumberLiteral,
    Product,
    Reference,
)


def sketch(node: Expression) -> str:
    """The expression with every operation in parentheses."""
    match node:
        case NumberLiteral(text=text):
            return text
        case Reference(name=name, time=time):
            return name.text + (f"[{time.offset:+d}]" if time else "")
        case Negation(operand=operand):
            return f"(-{sketch(operand)})"
        case Product(left=left, right=right):
            return f"({sketch(left)} @ {sketch(right)})"
        case Exponentiation(base=base, exponent=exponent):
            return f"({sketch(base)} ** {sketch(exponent)})"
        case Arithmetic(operator=o, left=left, right=right):
            return f"({sketch(left)} {o} {sketch(right)})"
        case Comparison(operator=o, left=left, right=right):
            return f"({sketch(left)} {o} {sketch(right)})"
        case Call(function=function, arguments=arguments):
            return f"{function.text}({', '.join(map(sketch, arguments))})"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a + b - c + d", "(((a + b) - c) + d)"),
        ("a - b * c", "(a - (b * c))"),
        ("W @ r * h", "((W @ r) * h)"),
        ("W @ (r * h)", "(W @ (r * h))"),
        ("a / b / c @ d", "(((a / b) / c) @ d)"),
        ("-a ** 2", "(-(a ** 2))"),
        ("a ** -b ** c", "(a ** (-(b ** c)))"),
        ("a ** b ** c", "(a ** (b ** c))"),
        ("--a * -b", "((-(-a)) * (-b))"),
        ("a - -b", "(a - (-b))"),
        ("x[t] + h[t-1]", "(x[+0] + h[-1])"),
        ("h[t - 12] * h[t+3]", "(h[-12] * h[+3])"),
        ("where(a < 1, b, -c)", "where((a < 1), b, (-c))"),
        ("f(a + 1 >= b * 2)", "f(((a + 1) >= (b * 2)))"),
        ("f()", "f()"),
        ("f(g(a), 0.5)", "f(g(a), 0.5)"),
        ("(((a)))", "a"),
        ("1e-3 + .5 + 2. + 007", "(((1e-3 + .5) + 2.) + 007)"),
        ("1-1", "(1 - 1)"),
        ("input + cell * def", "(input + (cell * def))"),
        ("(a\n+\n\n  # why\n b)", "(a + b)"),
    ],
)
def test_expression_groups_as_in_python(text: str, meaning: str) -> None:
    assert sketch(expression(text)) == meaning


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">=", "==", "!="])
def test_every_comparison(operator: str) -> None:
    found = expression(f"a{operator}b")
    assert isinstance(found, Comparison)
    assert found.operator == operator
    assert found.operator_span.text == operator


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.10", 0.1), ("1e3", 1000.0), ("1E+2", 100.0), (".5", 0.5), ("3.", 3.0)],
)
def test_number_keeps_its_text(text: str, value: float) -> None:
    found = expression(text)
    assert isinstance(found, NumberLiteral)
    assert (found.text, found.value) == (text, value)


def test_spans_of_an_expression() -> None:
    found = expression("W_i @ x[t] + tanh( -b ) ** 2")
    assert isinstance(found, Arithmetic)
    assert found.span.text == "W_i @ x[t] + tanh( -b ) ** 2"
    assert (found.span.line, found.span.column) == (2, 12)
    assert found.operator_span.text == "+"
    assert found.operator_span.column == 23
    product, power = found.left, found.right
    assert isinstance(product, Product)
    assert product.span.text == "W_i @ x[t]"
    assert product.operator_span.text == "@"
    assert isinstance(product.right, Reference)
    assert product.right.span.text == "x[t]"
    assert product.right.name.span.text == "x"
    assert product.right.time is not None
    assert product.right.time.span.text == "[t]"
    assert isinstance(power, Exponentiation)
    assert power.span.text == "tanh( -b ) ** 2"
    assert power.operator_span.text == "**"
    assert power.base.span.text == "tanh( -b )"


def test_parentheses_are_in_the_span_and_not_in_the_tree() -> None:
    found = expression("(a + b) * c")
    assert isinstance(found, Arithmetic)
    assert found.left.span.text == "(a + b)"
    assert found.span.text == "(a + b) * c"
    assert found == expression("( a+b )*c")


def test_declaration_with_everything() -> None:
    found = member("bias b_{i,f}: [H] as bias_ih = {0, -1}, d: [] ~ normal(0, 1/H)")
    assert isinstance(found, Declaration)
    assert found.kind is DeclarationKind.BIAS
    group, single = found.declarators
    assert [name.text for name in group.names] == ["b_i", "b_f"]
    assert [name.span.text for name in group.names] == ["i", "f"]
    assert group.stem is not None
    assert group.stem.text == "b_"
    assert group.shape is not None
    assert group.shape.span.text == "[H]"
    assert group.stored_name is not None
    assert group.stored_name.text == "bias_ih"
    assert isinstance(group.initial, InitialValue)
    assert group.initial.braced
    assert group.initial.span.text == "{0, -1}"
    assert [sketch(value) for value in group.initial.values] == ["0", "(-1)"]
    assert group.span.text == "b_{i,f}: [H] as bias_ih = {0, -1}"
    assert single.stem is None
    assert single.names[0].span.text == "d"
    assert single.shape is not None
    assert single.shape.dimensions == ()
    assert single.stored_name is None
    assert isinstance(single.initial, Initialiser)
    assert single.initial.function.text == "normal"
    assert [sketch(value) for value in single.initial.arguments] == ["0", "(1 / H)"]
    assert single.initial.span.text == "normal(0, 1/H)"
    assert found.span.text.startswith("bias b_")
    assert found.span.text.endswith("1/H)")


@pytest.mark.parametrize("kind", list(DeclarationKind))
def test_every_kind_of_declaration(kind: DeclarationKind) -> None:
    found = member(f"{kind.value} u: [H, 4] = 2")
    assert isinstance(found, Declaration)
    assert found.kind is kind
    (declarator,) = found.declarators
    assert declarator.shape is not None
    name, number = declarator.shape.dimensions
    assert isinstance(name, Name)
    assert name.text == "H"
    assert isinstance(number, NumberLiteral)
    assert (number.text, number.value) == ("4", 4.0)
    assert isinstance(declarator.initial, InitialValue)
    assert not declarator.initial.braced


def test_initialiser_without_arguments_equals_one_with_none() -> None:
    def initial(text: str) -> object:
        found = member(f"param W: [H, H] ~ {text}")
        assert isinstance(found, Declaration)
        return found.declarators[0].initial

    assert initial("orthogonal") == initial("orthogonal()")


def test_what_a_declaration_may_leave_out() -> None:
    found = member("const beta")
    assert isinstance(found, Declaration)
    assert found.declarators == (
        Declarator(
            span=found.span,
            names=(Name(span=found.span, text="beta"),),
            stem=None,
            shape=None,
            stored_name=None,
            initial=None,
        ),
    )


def test_group_of_numbers() -> None:
    found = member("param V_{1,2x, b}: [H]".replace("2x", "22"))
    assert isinstance(found, Declaration)
    names = [name.text for name in found.declarators[0].names]
    assert names == ["V_1", "V_22", "V_b"]


def test_words_of_declarations_are_names_elsewhere() -> None:
    found = member("input input: [state] as output = cell")
    assert isinstance(found, Declaration)
    assert found.declarators[0].names[0].text == "input"


def test_assignments() -> None:
    local, update = cell("i = a\nh[t] = b").members
    assert isinstance(local, Assignment)
    assert isinstance(update, Assignment)
    assert (local.target.name.text, local.target.time) == ("i", None)
    assert update.target.span.text == "h[t]"
    assert update.target.time is not None
    assert update.target.time.offset == 0
    assert update.span.text == "h[t] = b"


def test_cell() -> None:
    text = 'cell LSTM(I, H as hidden_size):\n  """What it is."""\n  output h[t]\n'
    found = item(text)
    assert isinstance(found, CellDefinition)
    assert found.name.text == "LSTM"
    first, second = found.dimensions
    assert (first.name.text, first.argument) == ("I", None)
    assert second.argument is not None
    assert (second.name.text, second.argument.text) == ("H", "hidden_size")
    assert second.span.text == "H as hidden_size"
    assert found.docstring is not None
    assert found.docstring.text == "What it is."
    assert len(found.members) == 1
    assert found.span.text == text.rstrip()


def test_function() -> None:
    found = item("def mix(z, a, b) = z * a + (1 - z) * b")
    assert isinstance(found, FunctionDefinition)
    assert found.name.text == "mix"
    assert [parameter.text for parameter in found.parameters] == ["z", "a", "b"]
    assert sketch(found.body) == "((z * a) + ((1 - z) * b))"
    assert item("def c() = 1") != found


def test_import_from_the_zoo() -> None:
    found = item("from zoo import GRU, LSTM as Vanilla")
    assert isinstance(found, Import)
    assert found.path is None
    assert found.path_span.text == "zoo"
    gru, lstm = found.names
    assert (gru.name.text, gru.alias) == ("GRU", None)
    assert lstm.alias is not None
    assert (lstm.name.text, lstm.alias.text) == ("LSTM", "Vanilla")


def test_import_from_a_file() -> None:
    found = item(r'from "a b/\d.rnn" import A')
    assert isinstance(found, Import)
    assert found.path == r"a b/\d.rnn"
    assert found.path_span.text == r'"a b/\d.rnn"'


@pytest.mark.parametrize(
    ("quoted", "text"),
    [
        ('"""One line."""', "One line."),
        ('""""""', ""),
        ('"""  Spaces  """', "Spaces"),
        (r'"""A \ and \"""', "A \\ and \\"),
        ('"""A "word" in it"""', 'A "word" in it'),
        (
            '"""First.\n\n      Indented.\n    More.\n    """',
            "First.\n\n  Indented.\nMore.",
        ),
        ('"""\n    Below.  \n    """', "Below."),
    ],
)
def test_docstring_text(quoted: str, text: str) -> None:
    file = parsed(f"{quoted}\n\ndef one() = 1\n")
    assert file.docstring is not None
    assert file.docstring.text == text
    assert file.docstring.span.text == quoted


def test_file_without_a_docstring_and_one_with_several_items() -> None:
    file = parsed("from zoo import GRU\ndef f(u) = u\ncell A(H):\n output h[t]\n")
    assert file.docstring is None
    kinds = [type(found) for found in file.items]
    assert kinds == [Import, FunctionDefinition, CellDefinition]
    assert file.span.start == 0
    assert file.span.text.endswith("output h[t]\n")


@pytest.mark.parametrize(
    "text",
    [
        "cell A(H):\n  output h[t]",
        "\n\n# first\ncell A(H): # why\n\n  # because\n  output h[t] # so\n\n",
        "cell A(H):\r\n  output h[t]\r\n",
        "cell A(H):\r  output h[t]\r",
        "\ufeffcell A(H):\n  output h[t]\n",
        "cell\tA ( H )\t:\n  output\th[\nt\n]\n",
        "cell A(H):\n        output h[t]\n   \n\t\n\t# tabs here are harmless\n",
    ],
)
def test_spaces_comments_and_line_ends_mean_nothing(text: str) -> None:
    assert parsed(text) == parsed("cell A(H):\n    output h[t]\n")


def test_offsets_refer_to_the_normalised_text() -> None:
    file = parsed("\ufeff# one\r\ncell A(H):\r\n  output h[t]\r\n")
    span = file.items[0].span
    assert (span.line, span.column) == (2, 1)
    assert span.text == "cell A(H):\n  output h[t]"
