"""Mistakes in the lines of a model.

Each function returns advice if it recognises its mistake.
"""

from __future__ import annotations

from collections.abc import Callable

from rnndsl.syntax.advice import UNEXPECTED, WRONG_LINE, WRONG_SYMBOL, Advice, at
from rnndsl.syntax.clauses import BLOCK_WORDS, CLAUSE_WORDS, unknown_line
from rnndsl.syntax.expected import found
from rnndsl.syntax.surprise import ITEM_WORDS, Surprise

_OPERATORS = ("+", "-", "*", "/", "@", "**")


def _misplaced_word(surprise: Surprise) -> Advice | None:
    word = surprise.token
    if not surprise.in_model or surprise.index or word.type == "NAME":
        return None
    if not str(word).isalpha() or word in (*ITEM_WORDS, "as", "import"):
        return None
    message = f"`{word}` cannot stand in a model"
    hint = "it belongs to a cell; a model uses cells: `layer LSTM(64)`"
    return at(word, WRONG_LINE, message, hint)


def _outside_of_a_model(surprise: Surprise) -> Advice | None:
    word = surprise.opening
    if surprise.in_model or surprise.index > 1 or word.type != "NAME":
        return None
    if word not in CLAUSE_WORDS or surprise.tokens[1].type not in ("NAME", "NUMBER"):
        return None
    message = f"`{word}` is a line of a model"
    return at(word, WRONG_LINE, message, "indent it below `model NAME(V):`")


def _block_on_one_line(surprise: Surprise) -> Advice | None:
    token = surprise.token
    if not surprise.in_model or surprise.opening not in BLOCK_WORDS:
        return None
    if surprise.index != 2 or surprise.before != ":":
        return None
    message = f"the lines of a block start on the next line, found {found(token)}"
    return at(token, UNEXPECTED, message)


def _unknown_line(surprise: Surprise) -> Advice | None:
    word, token = surprise.opening, surprise.token
    if not _is_line(surprise) or word in CLAUSE_WORDS:
        return None
    if surprise.index == 1 and token in ("=", "["):
        message = "a model has no equations"
        hint = "write them in a cell; a model uses it: `layer NAME(H)`"
        return at(word, WRONG_LINE, message, hint)
    return at(word, WRONG_LINE, *unknown_line(str(word)))


def _is_line(surprise: Surprise) -> bool:
    """Whether this is a line of a model other than one that declares inputs."""
    is_named = surprise.opening.type == "NAME"
    return surprise.in_model and is_named and surprise.index > 0


def _after_the_word(surprise: Surprise) -> Advice | None:
    token = surprise.tokens[1]
    # A colon could have ended the line, as the first one of a block.
    if not _is_line(surprise) or surprise.index != (2 if token == ":" else 1):
        return None
    if token not in ("=", ":", "("):
        return None
    message = f"`{surprise.opening}` is followed by what it takes, found {found(token)}"
    hint = "leave the brackets out" if token == "(" else f"leave the `{token}` out"
    return at(token, UNEXPECTED, message, hint)


def _input_without_kind(surprise: Surprise) -> Advice | None:
    if not surprise.in_model or surprise.opening != "input":
        return None
    if not surprise.accepts(":") or surprise.before is None:
        return None
    if surprise.token == "[":
        return None
    name = surprise.before
    message = f"expected `:` after {found(name)}, found {found(surprise.token)}"
    hint = f"write `{name}: [I]`, or `{name}: tokens(V)`"
    return at(surprise.token, UNEXPECTED, message, hint)


def _repetition(surprise: Surprise) -> Advice | None:
    before, token = surprise.before, surprise.token
    if not _is_line(surprise) or surprise.open_bracket is not None or before is None:
        return None
    if surprise.opening != "layer":
        return None
    is_product = token == "*" and before == ")"
    is_before_cell = before.type == "NUMBER" and token in ("x", "*")
    is_unfinished = before == "x" and token != "," and not surprise.at_line_end
    if not is_product and not is_before_cell and not is_unfinished:
        return None
    message = f"the repetition is not understood, found {found(token)}"
    hint = "a layer is repeated by a whole number: `LSTM(64) x 2`"
    return at(token, UNEXPECTED, message, hint)


def _setting_with_equals(surprise: Surprise) -> Advice | None:
    before, token = surprise.before, surprise.token
    if not _is_line(surprise) or token != "=" or before is None:
        return None
    if surprise.open_bracket is not None:
        return None
    value = ""
    for following in surprise.tokens[surprise.index + 1 : -1]:
        if following == ",":
            break
        value += following
    hint = f"write `{before}({value})`"
    if surprise.opening == "loss":
        hint = f"write `{surprise.tokens[1]}({before} = {value})`"
    return at(token, WRONG_SYMBOL, "`=` stands in parentheses only", hint)


def _dashes(surprise: Surprise) -> Advice | None:
    before, token = surprise.before, surprise.token
    if not _is_line(surprise) or surprise.opening != "io" or token != "-":
        return None
    message = f"expected the end of the line, found {found(token)}"
    if before is None or not surprise.accepts(","):
        return None
    return at(token, UNEXPECTED, message, "write `many_to_one`, with underscores")


def _arithmetic(surprise: Surprise) -> Advice | None:
    before, token = surprise.before, surprise.token
    if not _is_line(surprise) or token not in _OPERATORS:
        return None
    is_operand = before == ")" or (before and before.type in ("NUMBER", "NAME"))
    if surprise.index > 1 and is_operand:
        message = f"the lines of a model do not compute, found {found(token)}"
        hint = "a size is a number or a dimension: give the model one for it"
        return at(token, UNEXPECTED, message, hint)
    if token == "+":
        return at(token, UNEXPECTED, "a number has no sign `+`", "leave it out")
    return None


def _missing_comma(surprise: Surprise) -> Advice | None:
    before, token = surprise.before, surprise.token
    if not _is_line(surprise) or not surprise.accepts(",") or before is None:
        return None
    if token.type == "NAME":
        return at(token, UNEXPECTED, f"expected `,` before {found(token)}")
    if token == "(" and before.type == "NAME":
        return at(before, UNEXPECTED, f"expected `,` before {found(before)}")
    return None


MODEL_MISTAKES: tuple[Callable[[Surprise], Advice | None], ...] = (
    _misplaced_word,
    _outside_of_a_model,
    _block_on_one_line,
    _unknown_line,
    _after_the_word,
    _input_without_kind,
    _repetition,
    _setting_with_equals,
    _dashes,
    _arithmetic,
    _missing_comma,
)
