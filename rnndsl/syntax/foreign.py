"""Symbols of other languages, and what to write in this one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Foreign:
    """``message`` completes "`^` ..."."""

    message: str
    help: str


_NO_OPERATOR = "is not an operator"
_NOTHING_HERE = "has no meaning in a spec"
_AUGMENTED = Foreign(
    _NO_OPERATOR, "each name has one equation: write `=` and the whole right-hand side"
)
_LOGICAL = Foreign(_NO_OPERATOR, "nest `where`: `where(a > 0, where(b > 0, y, z), z)`")

FOREIGN = {
    "^": Foreign(_NO_OPERATOR, "a power is written `**`, as in `u ** 2`"),
    ".*": Foreign(_NO_OPERATOR, "`*` multiplies element by element"),
    "//": Foreign(_NO_OPERATOR, "division is written `/`; a comment starts with `#`"),
    "%": Foreign(_NO_OPERATOR, "there is no remainder; a comment starts with `#`"),
    **dict.fromkeys(("+=", "-=", "*=", "/=", "@=", "**="), _AUGMENTED),
    **dict.fromkeys(("&&", "||", "&"), _LOGICAL),
    "|": Foreign(_NO_OPERATOR, "an absolute value is written `abs(u)`"),
    "<>": Foreign(_NO_OPERATOR, "unequal is written `!=`"),
    "===": Foreign(_NO_OPERATOR, "equality is written `==`"),
    "!==": Foreign(_NO_OPERATOR, "inequality is written `!=`"),
    "=<": Foreign(_NO_OPERATOR, "at most is written `<=`"),
    "=>": Foreign(_NO_OPERATOR, "at least is written `>=`"),
    ":=": Foreign(_NO_OPERATOR, "an equation is written with `=`"),
    "->": Foreign(_NO_OPERATOR, "an equation is written with `=`"),
    "?": Foreign(_NO_OPERATOR, "choose with `where(u > 0, u, 0)`"),
    "!": Foreign(_NO_OPERATOR, "unequal is written `!=`"),
    ".": Foreign(_NOTHING_HERE, "names are plain: `tanh(u)`, not `torch.tanh(u)`"),
    ";": Foreign(_NOTHING_HERE, "put each equation on a line of its own"),
    "\\": Foreign(
        _NOTHING_HERE, "to continue a line, put the expression in parentheses"
    ),
    "'": Foreign(_NOTHING_HERE, "the new value of a state is `h[t]`, the old `h[t-1]`"),
    "$": Foreign(_NOTHING_HERE, "equations are not written in LaTeX"),
    "`": Foreign(_NOTHING_HERE, "names are written without quotes"),
}
