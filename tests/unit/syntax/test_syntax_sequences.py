"""Blocks, contexts and states that come from something: tree and canonical form."""

from __future__ import annotations

import pytest
from syntax_cases import faults_of, formatted, item

from rnndsl.syntax.tree import Block, Clause, ContextInputs, ModelDefinition, Term

UNTIDY = """model  T( S ):
  context z:[ 3 ],genre :tokens( 9 )
  # the encoder
  encoder :

    input  source: tokens(S)   # read


    layer GRU(4) , bidirectional
  decoder:
    layer GRU(4),state   from   encoder( tanh )
    # fed back
    feed
  loss   mse
model U():
  layer GRU(3)
"""
TIDY = """model T(S):
    context z: [3], genre: tokens(9)
    # the encoder
    encoder:
        input source: tokens(S)  # read

        layer GRU(4), bidirectional
    decoder:
        layer GRU(4), state from encoder(tanh)
        # fed back
        feed
    loss mse

model U():
    layer GRU(3)
"""


def test_canonical_form() -> None:
    assert formatted(UNTIDY) == TIDY
    assert formatted(TIDY) == TIDY


def test_tree() -> None:
    text = TIDY.partition("\nmodel U")[0]
    definition = item(text)
    assert isinstance(definition, ModelDefinition)
    contexts, encoder, decoder, loss = definition.clauses
    assert isinstance(contexts, ContextInputs)
    assert [one.name.text for one in contexts.inputs] == ["z", "genre"]
    assert isinstance(encoder, Block)
    assert isinstance(decoder, Block)
    assert (encoder.word.text, len(encoder.lines)) == ("encoder", 2)
    layer, feed = decoder.lines
    assert isinstance(layer, Clause)
    assert isinstance(feed, Clause)
    assert (feed.word.text, feed.terms) == ("feed", ())
    _, state = layer.terms
    assert isinstance(state, Term)
    assert state.option is None
    assert state.origin is not None
    assert state.origin.name.text == "encoder"
    assert state.origin.span.text == "from encoder(tanh)"
    assert isinstance(loss, Clause)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (
            "model A():\n    encoder:\n    decoder:\n        feed\n",
            "RNN002",
            "the encoder has no body",
        ),
        (
            "model A():\n    decoder:\n        feed\n    encoder:\n",
            "RNN002",
            "the encoder has no body",
        ),
        (
            "model A():\n    encoder:\n        feed\n      io one_to_one\n",
            "RNN002",
            "the indentation matches no line above",
        ),
        (
            "model A():\n    encoder:\n        input x\n        feed\n",
            "RNN006",
            "expected `:` after the name `x`, found the end of the line",
        ),
    ],
)
def test_bad_blocks(text: str, code: str, message: str) -> None:
    _, found = faults_of(text)
    assert [(one.code, one.message) for one in found] == [(code, message)]
