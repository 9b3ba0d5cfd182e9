"""The words that open the lines of a model. To the grammar they are names."""

from __future__ import annotations

from rnndsl.diagnostics.suggest import suggest
from rnndsl.syntax.faults import quote

CONTEXT = "context"
CLAUSE_WORDS = (
    "input",
    CONTEXT,
    "embed",
    "one_hot",
    "layer",
    "map",
    "dropout",
    "attend",
    "feed",
    "io",
    "reset",
    "stateful",
    "truncate",
    "head",
    "loss",
    "generate",
)
"""Those of lines."""

ENCODER, DECODER = "encoder", "decoder"
BLOCK_WORDS = (ENCODER, DECODER)
"""Those of lines that other lines stand below."""


def unknown_line(word: str) -> tuple[str, str]:
    """What is wrong with a line that opens with another word, and the help."""
    meant = suggest(word, (*CLAUSE_WORDS, *BLOCK_WORDS))
    hint = f"did you mean `{meant}`?" if meant else f"write {_any_of(CLAUSE_WORDS)}"
    return f"no line of a model starts with {quote(word)}", hint


def _any_of(words: tuple[str, ...]) -> str:
    *most, last = [f"`{word}`" for word in words]
    return f"{', '.join(most)} or {last}"
