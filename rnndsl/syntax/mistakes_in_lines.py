"""Mistakes in what a line is: its first word, a declaration, the header of a cell.

Each function returns advice if it recognises its mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from rnndsl.diagnostics.suggest import suggest
from rnndsl.syntax.advice import (
    UNEXPECTED,
    WRONG_INDEX,
    WRONG_LINE,
    WRONG_QUOTES,
    WRONG_SHAPE,
    WRONG_SYMBOL,
    Advice,
    at,
)
from rnndsl.syntax.expected import found
from rnndsl.syntax.faults import quote
from rnndsl.syntax.grammar import NEWLINE, grammar
from rnndsl.syntax.surprise import BLOCK_WORDS, ITEM_WORDS, Surprise

_CHOOSE = "choose element by element with `where(u > 0, u, 0)`"
_LOOP = "a cell describes one time step; the loop over time is made from it"
_PYTHON = {
    "if": _CHOOSE,
    "elif": _CHOOSE,
    "else": _CHOOSE,
    "match": _CHOOSE,
    "for": _LOOP,
    "while": _LOOP,
    "class": "a cell is `cell NAME(I, H):`",
    "lambda": "a function is `def f(u) = u * sigmoid(u)`",
    "return": "the result of a cell is `output h[t]`",
    "yield": "the result of a cell is `output h[t]`",
    "print": "a spec holds equations alone",
}


def _python_statement(surprise: Surprise) -> Advice | None:
    word = surprise.opening
    if word.type == "NAME" and surprise.index > 1:
        return None
    if word not in _PYTHON or surprise.token == "=":
        return None
    message = f"`{word}` is not a word of the language"
    return at(word, WRONG_LINE, message, _PYTHON[str(word)])


def _misspelt_word(surprise: Surprise) -> Advice | None:
    word = surprise.opening
    if word.type != "NAME" or surprise.index > 1:
        return None
    follower = surprise.tokens[1]
    if follower in ("=", "[") or (surprise.index == 1 and follower == ","):
        return None
    if surprise.in_model:
        return None
    opening = grammar().opening_words
    words = [word for word in opening if (word in ITEM_WORDS) != surprise.in_cell]
    meant = suggest(str(word), words)
    if meant is None and follower.type != "NAME":
        return None
    message = f"{quote(word)} is not a word of the language"
    hint = f"a line starts with {_any_of(words)}"
    if meant:
        hint = f"did you mean `{meant}`?"
    return at(word, WRONG_LINE, message, hint)


def _any_of(words: list[str]) -> str:
    quoted = [f"`{word}`" for word in words]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _misplaced_line(surprise: Surprise) -> Advice | None:
    if surprise.index:
        return None
    word = surprise.token
    if word.type == "DOCSTRING":
        message = "a docstring stands at the start of a file, a cell or a model"
        return at(word, WRONG_LINE, message, "write a comment with `#`")
    if word.type == "STRING":
        message = "text cannot stand here"
        return at(word, WRONG_QUOTES, message, 'a docstring has three quotes, `"""`')
    if word == "import":
        message = "`import` cannot start a line"
        return at(word, WRONG_LINE, message, "write `from zoo import LSTM`")
    if surprise.block is not None and word in ITEM_WORDS:
        message = f"`{word}` cannot stand inside a {surprise.block}"
        return at(word, WRONG_LINE, message, "start it at the left margin")
    if surprise.block is not None:
        return None
    if word.type in grammar().texts and str(word).isalpha():
        message = f"`{word}` cannot stand outside of a cell"
        return at(word, WRONG_LINE, message, "indent it below `cell NAME(I, H):`")
    if word.type == "NAME":
        message = "an equation cannot stand outside of a cell"
        if any(token == "=" for token in surprise.tokens):
            return at(word, WRONG_LINE, message, "indent it below `cell NAME(I, H):`")
    return None


def _unfinished_header(surprise: Surprise) -> Advice | None:
    if surprise.opening not in BLOCK_WORDS or surprise.opening.type == "NAME":
        return None
    block, token = str(surprise.opening), surprise.token
    if surprise.accepts(":"):
        message = f"expected `:` after the {block}'s dimensions, found {found(token)}"
        return at(token, UNEXPECTED, message)
    if surprise.index == 2 and surprise.accepts("("):
        name = surprise.tokens[1]
        message = f"expected the {block}'s dimensions, found {found(token)}"
        example = "I, H" if block == "cell" else ""
        return at(token, UNEXPECTED, message, f"write `{block} {name}({example}):`")
    if surprise.index == 3 and surprise.token == ")":
        message = "a cell has at least one dimension"
        name = surprise.tokens[1]
        return at(surprise.token, UNEXPECTED, message, f"write `cell {name}(I, H):`")
    if surprise.before == ":" and surprise.accepted == (NEWLINE,):
        message = f"the body of a {block} starts on the next line"
        return at(surprise.token, UNEXPECTED, message, "indent it by four spaces")
    return None


def _function_with_body(surprise: Surprise) -> Advice | None:
    if surprise.opening != "def" or surprise.token != ":" or not surprise.accepts("="):
        return None
    message = "expected `=`, found `:`"
    hint = "a function is one expression: `def f(u) = u * sigmoid(u)`"
    return at(surprise.token, UNEXPECTED, message, hint)


def _several_targets(surprise: Surprise) -> Advice | None:
    if surprise.opening.type != "NAME" or surprise.token != ",":
        return None
    if not surprise.accepts("="):
        return None
    message = "an equation has one name on its left"
    return at(surprise.token, UNEXPECTED, message, "write one line for each name")


def _several_outputs(surprise: Surprise) -> Advice | None:
    if surprise.opening != "output" or surprise.token != ",":
        return None
    if not surprise.expects_operator:
        return None
    message = "a cell has one output"
    hint = "keep one: the last values of all states are returned anyway"
    return at(surprise.token, UNEXPECTED, message, hint)


def _assigned_output(surprise: Surprise) -> Advice | None:
    if surprise.opening != "output" or surprise.index != 1:
        return None
    if surprise.token not in ("=", ":") and not surprise.at_line_end:
        return None
    message = f"expected an expression, found {found(surprise.token)}"
    return at(surprise.token, UNEXPECTED, message, "write `output h[t]`")


def _wrong_target(surprise: Surprise) -> Advice | None:
    target, token = surprise.opening, surprise.token
    if surprise.index != 1 or not surprise.accepts("=") or not surprise.accepts("["):
        return None
    if token == "{":
        return None
    if token == "(" and surprise.tokens[2] == "t":
        index = next(i for i, inner in enumerate(surprise.tokens) if inner == ")")
        message = "time is written in square brackets"
        hint = f"write `{target}[{''.join(surprise.tokens[2:index])}]`"
        closer = surprise.tokens[index]
        return Advice(
            code=WRONG_INDEX, message=message, first=target, last=closer, help=hint
        )
    message = f"expected `=` after {found(target)}, found {found(token)}"
    hint = "an equation is `u = ...`, or `h[t] = ...` for a state"
    return at(token, UNEXPECTED, message, hint)


def _compared_target(surprise: Surprise) -> Advice | None:
    if surprise.token != "==" or not surprise.accepts("="):
        return None
    message = "`==` compares, it does not define"
    return at(surprise.token, WRONG_SYMBOL, message, "write `=`")


def _word_as_target(surprise: Surprise) -> Advice | None:
    if not surprise.is_declaration or surprise.index != 1:
        return None
    if surprise.token not in ("=", "["):
        return None
    word = surprise.opening
    message = f"`{word}` starts a declaration and cannot stand left of `=`"
    return at(word, UNEXPECTED, message, "choose another name")


def _indexed_declaration(surprise: Surprise) -> Advice | None:
    if not surprise.is_declaration or surprise.token != "[":
        return None
    if not surprise.accepts(":") or surprise.before is None:
        return None
    name = surprise.before
    message = "a declaration has no index"
    shape = _shape_in_brackets(surprise)
    hint = f"declare the shape after a colon: `{name}: {shape}`"
    return at(surprise.token, UNEXPECTED, message, hint)


def _shape_in_brackets(surprise: Surprise) -> str:
    """The shape of a declaration, written without the colon or behind an index."""
    rest = surprise.tokens[surprise.index :]
    closed = [index for index, token in enumerate(rest) if token == "]"]
    start = 0
    if rest[1] == "t":
        if len(closed) < 2 or rest[closed[0] + 1 : closed[0] + 3] != (":", "["):
            return "[H]"
        start = closed.pop(0) + 2
    dimensions = [str(token) for token in rest[start + 1 : closed[0]] if token != ","]
    return f"[{', '.join(dimensions)}]"


def _bare_shape(surprise: Surprise) -> Advice | None:
    if not surprise.is_declaration or surprise.before != ":":
        return None
    message = f"expected a shape in square brackets, found {found(surprise.token)}"
    dimensions = ", ".join(_bare_dimensions(surprise))
    hint = f"write `[{dimensions}]`" if dimensions else "a scalar has the shape `[]`"
    return at(surprise.token, WRONG_SHAPE, message, hint)


def _bare_dimensions(surprise: Surprise) -> list[str]:
    """The dimensions of a shape written as ``H, I`` or ``(H, I)``."""
    rest = surprise.tokens[surprise.index :]
    dimensions: list[str] = []
    for token, follower in pairwise(rest[1:] if rest[0] == "(" else rest):
        is_next_name = bool(dimensions) and follower in (":", "{")
        if token == ",":
            continue
        if token.type not in ("NAME", "NUMBER") or is_next_name:
            break
        dimensions.append(str(token))
    return dimensions


def _wrong_dimension(surprise: Surprise) -> Advice | None:
    opener = surprise.open_bracket
    if not surprise.is_declaration or opener is None:
        return None
    if surprise.tokens[opener] != "[" or surprise.tokens[opener - 1] != ":":
        return None
    message = f"expected a dimension, found {found(surprise.token)}"
    if not surprise.accepts("NAME"):
        message = f"expected `,` or `]`, found {found(surprise.token)}"
    hint = "a dimension is a name or a positive whole number"
    return at(surprise.token, WRONG_SHAPE, message, hint)


def _late_stored_name(surprise: Surprise) -> Advice | None:
    if surprise.token != "as" or not surprise.is_declaration:
        return None
    if not any(token in ("=", "~") for token in surprise.tokens[: surprise.index]):
        return None
    message = "`as` stands before the initial value"
    hint = "write `W: [H, I] as weight = 0`"
    return at(surprise.token, UNEXPECTED, message, hint)


def _drawn_number(surprise: Surprise) -> Advice | None:
    if surprise.before != "~" or surprise.token.type not in ("NUMBER", "MINUS"):
        return None
    message = f"expected the name of an initialiser, found {found(surprise.token)}"
    hint = "start at a number with `= 0.1`, at random with `~ normal(0, 0.1)`"
    return at(surprise.token, UNEXPECTED, message, hint)


def _missing_comma(surprise: Surprise) -> Advice | None:
    if not surprise.is_declaration or surprise.token.type != "NAME":
        return None
    if not surprise.accepts(",") or surprise.expects_operator:
        return None
    message = f"expected `,` or the end of the line, found {found(surprise.token)}"
    return at(surprise.token, UNEXPECTED, message)


def _missing_comma_before_name(surprise: Surprise) -> Advice | None:
    """The next name of a declaration, which reads like a word behind the shape."""
    name = surprise.before
    if not surprise.is_declaration or name is None or name.type != "NAME":
        return None
    if surprise.token not in (":", "{") or not surprise.accepts("as"):
        return None
    message = f"expected `,` or the end of the line, found {found(name)}"
    return at(name, UNEXPECTED, message)


LINE_MISTAKES: tuple[Callable[[Surprise], Advice | None], ...] = (
    _python_statement,
    _misspelt_word,
    _misplaced_line,
    _unfinished_header,
    _function_with_body,
    _several_targets,
    _several_outputs,
    _assigned_output,
    _compared_target,
    _word_as_target,
    _indexed_declaration,
    _bare_shape,
    _wrong_dimension,
    _late_stored_name,
    _drawn_number,
    _missing_comma,
    _missing_comma_before_name,
    _wrong_target,
)
