"""The words that open the lines of a model. To the grammar they are names."""

from __future__ import annotations

CLAUSE_WORDS = (
    "input",
    "embed",
    "one_hot",
    "layer",
    "map",
    "dropout",
    "io",
    "stateful",
    "truncate",
    "head",
    "loss",
)
