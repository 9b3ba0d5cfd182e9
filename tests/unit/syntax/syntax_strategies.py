"""Random texts: noise, words of the language in no order, and specs that parse."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

WORDS_AND_SYMBOLS = r"""
cell def from import as input state param bias const output zoo t h x W_ W_i a1 for if
lambda ( ) [ ] { } , : = ~ @ + - * / ** < <= > >= == != 0 1 0.5 1e-3 .5 1. ^ . ; ' " #
\ 2x 1.2.3 1e999 -> += //
"""
INVISIBLE = ["\u00a0", "\t", "\0", "\ufeff", "\u202e"]
VOCABULARY = [*WORDS_AND_SYMBOLS.split(), '"""', "\u03c3", "\u2212", *INVISIBLE]
LINE_STARTS = ("\n", "\n    ", "\n        ", "\n  ", "\n\t", "\r\n    ", "\n\n", "\r")

noise = st.text(max_size=200)

word_soup = st.lists(
    st.one_of(st.sampled_from(VOCABULARY), st.sampled_from(LINE_STARTS), st.just(" ")),
    max_size=80,
).map("".join)

NAMES = st.sampled_from(["a", "b_1", "W_i", "x", "h", "input", "cell", "state", "Abc"])
NUMBERS = st.sampled_from(["0", "1", "0.10", ".5", "3.", "1e-3", "2E+10", "007"])
WORDS = st.sampled_from(["I", "H", "K", "hidden"])
COMMENTS = st.sampled_from(
    ["# a", "#b", "#! RNN001 1:2-3", "#", "##", "#   c  ", "#\u03c3"]
)


@dataclass(frozen=True)
class Line:
    """A logical line: its tokens, and whether it belongs to a cell."""

    tokens: tuple[str, ...]
    in_cell: bool


def _joined(parts: list[list[str]], separator: str) -> list[str]:
    tokens: list[str] = []
    for part in parts:
        tokens += [separator, *part] if tokens else part
    return tokens


def _listed(
    items: st.SearchStrategy[list[str]], least: int = 1
) -> st.SearchStrategy[list[str]]:
    return st.lists(items, min_size=least, max_size=3).map(
        lambda parts: _joined(parts, ",")
    )


def _grown(inner: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    binary = st.sampled_from(["+", "-", "*", "/", "@", "**"])
    compare = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    return st.one_of(
        st.tuples(inner, binary, inner).map(lambda p: [*p[0], p[1], *p[2]]),
        inner.map(lambda p: ["-", *p]),
        inner.map(lambda p: ["(", *p, ")"]),
        st.tuples(NAMES, _listed(inner, 0)).map(lambda p: [p[0], "(", *p[1], ")"]),
        st.tuples(inner, compare, inner, inner).map(
            lambda p: ["where", "(", *p[0], p[1], *p[2], ",", *p[3], ",", "0", ")"]
        ),
    )


TIMES = st.sampled_from([[], ["[", "t", "]"], ["[", "t", "-", "1", "]"]])
EXPRESSIONS = st.recursive(
    st.one_of(
        st.tuples(NAMES, TIMES).map(lambda p: [p[0], *p[1]]),
        NUMBERS.map(lambda number: [number]),
    ),
    _grown,
    max_leaves=8,
)
_NOTHING: st.SearchStrategy[list[str]] = st.just([])
_STORED = st.one_of(_NOTHING, NAMES.map(lambda name: ["as", name]))
_INITIAL = st.one_of(
    _NOTHING,
    EXPRESSIONS.map(lambda e: ["=", *e]),
    _listed(EXPRESSIONS).map(lambda e: ["=", "{", *e, "}"]),
    NAMES.map(lambda name: ["~", name]),
    st.tuples(NAMES, _listed(EXPRESSIONS)).map(lambda p: ["~", p[0], "(", *p[1], ")"]),
    _listed(EXPRESSIONS).map(lambda e: ["~", "{", *e, "}"]),
)
_STRUCTURES = st.one_of(
    _NOTHING,
    NAMES.map(lambda name: [name]),
    st.tuples(NAMES, NAMES, NUMBERS).map(lambda p: [p[0], p[1], "(", p[2], ")"]),
)
_SHAPE = st.one_of(
    _NOTHING,
    st.tuples(
        _listed(st.one_of(WORDS, st.just("4")).map(lambda d: [d]), 0), _STRUCTURES
    ).map(lambda p: [":", "[", *p[0], "]", *p[1]]),
)
_DECLARED = st.one_of(
    NAMES.map(lambda name: [name]),
    st.tuples(NAMES, _listed(st.sampled_from([["i"], ["f"], ["1"]]))).map(
        lambda p: [p[0], "{", *p[1], "}"]
    ),
)
_DECLARATOR = st.tuples(_DECLARED, _SHAPE, _STORED, _INITIAL).map(
    lambda parts: [token for part in parts for token in part]
)
_KINDS = st.sampled_from(["input", "state", "param", "bias", "const"])
_TARGETS = st.sampled_from([["a"], ["h", "[", "t", "]"]])
MEMBERS = st.one_of(
    st.tuples(_KINDS, _listed(_DECLARATOR)).map(lambda p: [p[0], *p[1]]),
    st.tuples(_TARGETS, EXPRESSIONS).map(lambda p: [*p[0], "=", *p[1]]),
    EXPRESSIONS.map(lambda e: ["output", *e]),
)
DOCSTRINGS = st.sampled_from(
    [
        '"""One."""',
        '"""Two\n  lines."""',
        '"""  Three\n\n       lines, \n      "all" \n    """',
        '"""\nq" """',
        '"""\n\tTab."""',
    ]
)
_IMPORTED = st.tuples(NAMES, _STORED).map(lambda p: [p[0], *p[1]])
_DIMENSION = st.tuples(WORDS, _STORED).map(lambda p: [p[0], *p[1]])


@st.composite
def specs(draw: st.DrawFn) -> list[Line]:
    """The lines of a spec that parses; its names mean nothing."""
    lines = []
    if draw(st.booleans()):
        lines.append(Line((draw(DOCSTRINGS),), False))
    for kind in draw(st.lists(st.sampled_from("fdc"), min_size=1, max_size=3)):
        if kind == "f":
            place = draw(st.sampled_from(["zoo", '"a b/c.rnn"']))
            names = draw(_listed(_IMPORTED))
            lines.append(Line(("from", place, "import", *names), False))
        elif kind == "d":
            parameters = draw(_listed(NAMES.map(lambda name: [name]), 0))
            body = draw(EXPRESSIONS)
            tokens = ("def", "f", "(", *parameters, ")", "=", *body)
            lines.append(Line(tokens, False))
        else:
            dimensions = draw(_listed(_DIMENSION))
            lines.append(Line(("cell", "C", "(", *dimensions, ")", ":"), False))
            if draw(st.booleans()):
                lines.append(Line((draw(DOCSTRINGS),), True))
            for member in draw(st.lists(MEMBERS, min_size=1, max_size=4)):
                lines.append(Line(tuple(member), True))
    return lines


def plain(lines: list[Line]) -> str:
    """One line each, a space between all tokens."""
    return "".join(
        ("    " if line.in_cell else "") + " ".join(line.tokens) + "\n"
        for line in lines
    )


@st.composite
def spelt(draw: st.DrawFn, lines: list[Line]) -> tuple[str, list[str]]:
    """The lines with random spaces, line breaks, empty lines and comments; also the
    comments, in order."""
    comments: list[str] = []
    margin = " " * draw(st.integers(1, 8))

    def comment() -> str:
        comments.append(draw(COMMENTS))
        return comments[-1]

    def between(depth: int, before: str, after: str) -> str:
        choices = [" ", "  ", "\t"]
        if before in "()[]{}," or after in "()[]{},":
            choices.append("")
        if depth:
            choices += ["\n", "\n   \n      ", "#", "\n#"]
        choice = draw(st.sampled_from(choices))
        return choice.replace("#", f" {comment()}\n ") if "#" in choice else choice

    text = ""
    for line in lines:
        for _ in range(draw(st.integers(0, 3))):
            text += draw(st.sampled_from(["\n", "   \n", "#", "  #", "       #"]))
            if text.endswith("#"):
                text = text[:-1] + comment() + "\n"
        text += margin if line.in_cell else ""
        depth = 0
        for before, token in zip(("", *line.tokens), line.tokens, strict=False):
            text += between(depth, before, token) if before else ""
            text += token
            depth += (token in ("(", "[", "{")) - (token in (")", "]", "}"))
        if draw(st.booleans()):
            text += draw(st.sampled_from(["", "   "])) + comment()
        text += "\n"
    return text, comments
