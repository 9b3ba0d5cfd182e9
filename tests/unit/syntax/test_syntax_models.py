"""Models: syntax tree, canonical form, and what is said about wrong lines."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from syntax_cases import faults_of, formatted, item, parsed

from rnndsl.diagnostics import Report
from rnndsl.syntax.clauses import CLAUSE_WORDS
from rnndsl.syntax.format import format_source
from rnndsl.syntax.grammar import grammar
from rnndsl.syntax.parse import parse
from rnndsl.syntax.read import source_of
from rnndsl.syntax.tree import (
    Clause,
    ModelDefinition,
    ModelInputs,
    NumberLiteral,
    Shape,
    Term,
)

MODEL = '''from zoo import GRU, LSTM

model Tagger(V, K as classes):
    """Names the entity of every word."""
    input words: tokens(V), dt: []
    embed 64, frozen
    layer LSTM(128) x 2, bidirectional(sum, GRU(128)), state learned
    layer parallel(LSTM(64), GRU(64), merge = sum), skip
    map tanh, clamp(-1, 1)
    one_hot
    dropout 0.3, variational
    head mlp(128, relu, K)
    loss cross_entropy(ignore = -100, smoothing = 1e-1)
'''
_, *LINES = (
    (Path(__file__).with_name("model_errors.txt"))
    .read_text(encoding="utf-8")
    .strip()
    .split("\n\n")
)


def model(body: str, header: str = "A()") -> ModelDefinition:
    """A model of these lines, which are not indented."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    definition = item(f"model {header}:\n{lines}")
    assert isinstance(definition, ModelDefinition)
    return definition


def clause(line: str) -> Clause:
    (only,) = model(line).clauses
    assert isinstance(only, Clause)
    return only


def term(text: str) -> Term:
    (only,) = clause(f"layer {text}").terms
    assert isinstance(only, Term)
    return only


def shown(found: Term | NumberLiteral) -> str:
    """A term with a mark at each of its parts."""
    if isinstance(found, NumberLiteral):
        return f"{found.value:g}"
    text = found.name.text
    if found.arguments is not None:
        inner = [
            ("" if a.name is None else f"{a.name.text}:") + shown(a.value)
            for a in found.arguments.values
        ]
        text += f"<{' '.join(inner)}>"
    if found.repetition is not None:
        text += f"*{found.repetition.value:g}"
    return text if found.option is None else f"{text}!{found.option.text}"


def test_lines_of_a_model() -> None:
    _, definition = parsed(MODEL).items
    assert isinstance(definition, ModelDefinition)
    assert definition.name.text == "Tagger"
    names = [(d.name.text, d.argument) for d in definition.dimensions]
    assert [name for name, _ in names] == ["V", "K"]
    assert names[0][1] is None
    assert names[1][1] is not None
    assert names[1][1].text == "classes"
    assert definition.docstring is not None
    assert definition.docstring.text == "Names the entity of every word."
    inputs, *lines = definition.clauses
    assert isinstance(inputs, ModelInputs)
    words, dt = inputs.inputs
    assert isinstance(words.kind, Term)
    assert shown(words.kind) == "tokens<V>"
    assert isinstance(dt.kind, Shape)
    assert dt.kind.dimensions == ()
    written = {
        line.word.text: [shown(found) for found in line.terms]
        for line in lines
        if isinstance(line, Clause) and line.word.text != "layer"
    }
    assert written == {
        "embed": ["64", "frozen"],
        "map": ["tanh", "clamp<-1 1>"],
        "one_hot": [],
        "dropout": ["0.3", "variational"],
        "head": ["mlp<128 relu K>"],
        "loss": ["cross_entropy<ignore:-100 smoothing:0.1>"],
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LSTM(64)", "LSTM<64>"),
        ("LSTM()", "LSTM<>"),
        ("LSTM", "LSTM"),
        ("LSTM(64) x 2", "LSTM<64>*2"),
        ("x x 2", "x*2"),
        ("x(x) x 2", "x<x>*2"),
        ("state learned", "state!learned"),
        ("parallel(A(1), B(2) x 3, merge = C(1))", "parallel<A<1> B<2>*3 merge:C<1>>"),
        ("deep(a(b(c(d(- 1)))))", "deep<a<b<c<d<-1>>>>>"),
    ],
)
def test_terms(text: str, expected: str) -> None:
    assert shown(term(text)) == expected


def test_places() -> None:
    (line,) = model("layer  A(1), b( 2,c = -3 ) x 4").clauses
    assert isinstance(line, Clause)
    assert line.span.text == "layer  A(1), b( 2,c = -3 ) x 4"
    second = line.terms[1]
    assert isinstance(second, Term)
    assert second.arguments is not None
    assert second.span.text == "b( 2,c = -3 ) x 4"
    assert second.arguments.span.text == "( 2,c = -3 )"
    assert [a.span.text for a in second.arguments.values] == ["2", "c = -3"]
    assert second.arguments.values[1].value.span.text == "-3"


@pytest.mark.parametrize("word", [*CLAUSE_WORDS[1:], "x", "parallel", "tokens"])
def test_words_of_models_are_names_elsewhere(word: str) -> None:
    text = (
        f"def {word}_f({word}) = {word}\n\ncell {word}(I, {word}_size):\n"
        f"    input  {word}: [I]\n    state  h: [I]\n\n"
        f"    u = {word}[t] + h[t-1]\n    {word}_2 = u\n    {word} = u\n"
        f"    h[t] = {word}\n    output h[t]\n\n"
        f"model M({word}):\n    input {word}: [{word}]\n    layer {word}({word})\n"
    )
    assert len(parsed(text).items) == 3
    assert formatted(text) == text


def test_words_of_lines_are_names_to_the_grammar() -> None:
    assert not set(CLAUSE_WORDS) - {"input"} & set(grammar().words)


@pytest.mark.parametrize("case", LINES, ids=lambda case: case.split("\n")[0])
def test_bad_line_of_a_model(case: str) -> None:
    *words, last = (f"`{word}`" for word in CLAUSE_WORDS)
    any_word = f"{', '.join(words)} or {last}"
    line, *expected = case.replace("ANY_WORD", any_word).split("\n")
    text = f"model A(V):\n    embed 64\n    {line}\n    io one_to_one\n"
    _, (found,) = faults_of(text)
    lines = [f"    {found.code} {found.start - 4}-{found.end - 4} {found.message}"]
    if found.help:
        lines.append(f"    help: {found.help}")
    assert found.line == 3
    assert lines == expected


HEADERS = [
    ("model Tagger:", 13, "expected the model's dimensions, found `:`"),
    (
        "model Tagger(V)",
        16,
        "expected `:` after the model's dimensions, found the end ",
    ),
    ("model Tagger(V): embed 64", 18, "the body of a model starts on the next line"),
    ("model Tagger(4):", 14, "expected a name or `)`, found the number `4`"),
    ("model (V):", 7, "expected a name, found `(`"),
]


@pytest.mark.parametrize(("header", "start", "message"), HEADERS)
def test_bad_header(header: str, start: int, message: str) -> None:
    """The body is read all the same, so that what is wrong in it is reported too."""
    _, found = faults_of(f"{header}\n    embed 64\n    state h: [H]\n")
    assert [(f.code, f.line) for f in found] == [("RNN006", 1), ("RNN007", 3)]
    assert found[0].start == start
    assert found[0].message.startswith(message)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("model A():\n", "RNN002", "the model A has no body"),
        ("model A():\nembed 3\n", "RNN002", "the body of a model is not indented"),
        (
            "modle A():\n    embed 3\n",
            "RNN007",
            "`modle` is not a word of the language",
        ),
        ("layer GRU(64)\n", "RNN007", "`layer` is a line of a model"),
        ("model A():\n    embed 3\n      io x\n", "RNN002", "unexpected indentation"),
    ],
)
def test_bad_blocks(text: str, code: str, message: str) -> None:
    _, (found,) = faults_of(text)
    assert (found.code, found.message) == (code, message)


def test_every_bad_line_is_reported() -> None:
    text = (
        "model A(V):\n    layer LSTM(64\n    embed 64 65\n    head =\n\n"
        "model B(V):\n    dropout 0.1.2\n    layer = 3\n"
    )
    _, found = faults_of(text)
    assert [(f.code, f.line) for f in found] == [
        ("RNN003", 2),
        ("RNN006", 3),
        ("RNN006", 4),
        ("RNN005", 7),
        ("RNN006", 8),
    ]


UNTIDY = """model  A( V,K  as  classes ) :

  input  words :tokens( V ),dt:[ ]
  # what follows
  embed   64 ,frozen


  layer LSTM( 128 )x 2 , bidirectional ( sum,GRU( 128 ) )#trailing
  layer parallel(LSTM(64),
     GRU(64),  # one
        merge=sum
  ),state   learned
  one_hot
  loss cross_entropy( ignore=- 100,smoothing = .1 )
cell B(I):
  input x: [I]
"""
TIDY = """model A(V, K as classes):
    input words: tokens(V), dt: []
    # what follows
    embed 64, frozen

    layer LSTM(128) x 2, bidirectional(sum, GRU(128))  # trailing
    layer parallel(LSTM(64),
        GRU(64),  # one
        merge = sum
    ), state learned
    one_hot
    loss cross_entropy(ignore = -100, smoothing = .1)

cell B(I):
    input  x: [I]
"""


def test_canonical_form() -> None:
    assert formatted(UNTIDY) == TIDY
    assert formatted(TIDY) == TIDY
    assert parsed(UNTIDY).items == parsed(TIDY).items
    assert formatted(MODEL) == MODEL


WORD = re.compile(r'""".*?"""|[A-Za-z_]\w*|[0-9.]+|\n *|[ \t]+|.', re.DOTALL)


@pytest.mark.parametrize("seed", range(8))
def test_texts_with_words_exchanged(seed: int) -> None:
    rng = random.Random(seed)
    parsed_count = 0
    for _ in range(60):
        words = WORD.findall(MODEL)
        for _ in range(rng.randint(1, 3)):
            place, other = (rng.randrange(len(words)) for _ in range(2))
            choice = rng.random()
            if choice < 0.3:
                del words[place]
            elif choice < 0.6:
                words.insert(place, words[other])
            else:
                words[place] = words[other]
        text = "".join(words)
        report = Report()
        source = source_of("a.rnn", text)
        file = parse(source, report)
        assert (file is None) == report.has_errors
        for found in report.diagnostics:
            assert 0 <= found.span.start <= found.span.end <= len(source.text)
            assert found.code < "RNN020"
            assert not re.search(r"_NEWLINE|__ANON|\$END|LPAR", found.message)
        result = format_source(source, Report())
        assert (result is None) == (file is None)
        if result is not None:
            parsed_count += 1
            assert formatted(result) == result
            assert parsed(result).items == parsed(source.text).items
    assert 5 < parsed_count < 60
