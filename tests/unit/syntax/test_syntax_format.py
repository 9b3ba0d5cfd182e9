"""The canonical form: what it looks like, and what it never changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syntax_cases import HEADER, formatted, parsed
from syntax_strategies import Line, specs, spelt

import rnndsl.zoo
from rnndsl.diagnostics import Report, Source
from rnndsl.syntax.faults import Faults
from rnndsl.syntax.format import format_source
from rnndsl.syntax.scan import Scanner

UNTIDY = '''#head


"""Doc
  more
   and more
"""
# about imports
from zoo  import  GRU ,LSTM as L2
from "a b.rnn" import X



def  swish( u )=u*sigmoid( -u )#trailing
#! RNN004 12:9-13
# about the cell
cell LSTM( I,H as hidden_size ) :

   """Doc.

       More.
     end"""
   input  x :[ I ]
     # odd comment


   state  h: [H] = 0, c: [H]={0 , -1}
   param  W_{ i , f }: [H, I]    as weight_ih~uniform( -1/sqrt(H),1)
#col0
   const a=1
   i = sigmoid(W_i @x[ t ] # one
       # two

     - -b**-2 + f(
     h[t - 1], (a+b)
  ))
   output -h[t]
   # last
 # the very last
# next
cell B(I):
  bias d
  output (a)
'''

TIDY = '''# head


"""Doc
more
 and more
"""
# about imports
from zoo import GRU, LSTM as L2
from "a b.rnn" import X


def swish(u) = u * sigmoid(-u)  # trailing

#! RNN004 12:9-13
# about the cell
cell LSTM(I, H as hidden_size):
    """Doc.

      More.
    end"""
    input  x: [I]
    # odd comment

    state  h: [H] = 0, c: [H] = {0, -1}
    param  W_{i,f}: [H, I] as weight_ih ~ uniform(-1 / sqrt(H), 1)
    # col0
    const  a = 1
    i = sigmoid(W_i @ x[t]  # one
        # two
        - -b ** -2 + f(
            h[t-1], (a + b)
        ))
    output -h[t]
    # last
    # the very last

# next
cell B(I):
    bias   d
    output (a)
'''


def comments_of(text: str) -> list[str]:
    source = Source("a.rnn", text)
    scanner = Scanner(source, Faults(source, Report()))
    assert list(scanner.lines())
    return [comment.text for comment in scanner.comments]


def bare(comment: str) -> str:
    return comment.lstrip("#").strip()


def test_untidy_spec() -> None:
    assert formatted(UNTIDY) == TIDY
    assert formatted(TIDY) == TIDY
    assert parsed(TIDY) == parsed(UNTIDY)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("i=a+b-c", "i = a + b - c"),
        ("i=-a", "i = -a"),
        ("i=a*-b", "i = a * -b"),
        ("i=- - a", "i = --a"),
        ("i=a**2", "i = a ** 2"),
        ("i=(-a)-(-1)", "i = (-a) - (-1)"),
        ("h [ t ]=h[t - 1]", "h[t] = h[t-1]"),
        ("i=where(a<=b,-a,f ( ))", "i = where(a <= b, -a, f())"),
        ("i=W@( r*h )", "i = W @ (r * h)"),
        ("output   - a", "output -a"),
        ("output(a)", "output (a)"),
        ("bias b:[H]={1,2}", "bias   b: [H] = {1, 2}"),
        ("param V_{ 1,b } :[ ]", "param  V_{1,b}: []"),
        ("param W:[H,4]as w~orthogonal ( 2 )", "param  W: [H, 4] as w ~ orthogonal(2)"),
        ("i = 1.50 + 007", "i = 1.50 + 007"),
        ("i = (a +\n\n     b)", "i = (a +\n        b)"),
        ("i = f(\n a,\n b\n)", "i = f(\n        a,\n        b\n    )"),
        ("i = a#b", "i = a  # b"),
        ("i = a #!b", "i = a  #!b"),
        ("i = a ##", "i = a  ##"),
    ],
)
def test_line(written: str, expected: str) -> None:
    assert formatted(f"{HEADER}  {written}\n") == f"{HEADER}    {expected}\n"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("def f(u) = u", "def f(u) = u\n"),
        ("\n\n\ndef f(u) = u\n\n\n", "def f(u) = u\n"),
        (
            "def f(u) = u\n\n\n\n\ndef g(u) = u\n",
            "def f(u) = u\n\n\ndef g(u) = u\n",
        ),
        (
            "def f(u) = u\ncell A(I):\n output a\ndef g(u) = u\n",
            "def f(u) = u\n\ncell A(I):\n    output a\n\ndef g(u) = u\n",
        ),
        (
            "# why\ncell A(I):\n\n output a\n\n # end\n\n# after\n",
            "# why\ncell A(I):\n    output a\n\n    # end\n\n# after\n",
        ),
        (
            "def f(u) = u # f\n# A\n\n# B\ncell A(I): # C\n # D\n output a\n",
            "def f(u) = u  # f\n# A\n\n# B\ncell A(I):  # C\n    # D\n    output a\n",
        ),
        (
            "cell A(I):\n  a = 1\n\n\n\n  output a\n",
            "cell A(I):\n    a = 1\n\n    output a\n",
        ),
        (
            "cell A(\n I,\n H as\n  size):\n output a",
            "cell A(\n    I,\n    H as\n    size):\n    output a\n",
        ),
    ],
)
def test_empty_lines_and_blocks(written: str, expected: str) -> None:
    assert formatted(written) == expected
    assert formatted(expected) == expected


def test_spec_that_does_not_parse_is_reported_and_left_alone() -> None:
    report = Report()
    assert format_source(Source("a.rnn", "cell A("), report) is None
    assert [found.code for found in report.diagnostics] == ["RNN003"]


@settings(max_examples=200, deadline=None)
@given(specs(), st.data())
def test_formatting_keeps_the_tree_and_the_comments(
    lines: list[Line], data: st.DataObject
) -> None:
    text, comments = data.draw(spelt(lines))
    result = formatted(text)
    assert parsed(result) == parsed(text)
    assert formatted(result) == result
    assert [bare(comment) for comment in comments_of(result)] == [
        bare(comment) for comment in comments
    ]


@pytest.mark.parametrize(
    "path", sorted(Path(rnndsl.zoo.__path__[0]).glob("*.rnn")), ids=lambda p: p.stem
)
def test_standard_cells_are_in_the_canonical_form(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text
