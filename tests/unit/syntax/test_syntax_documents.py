"""What the documents say about the language is so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from syntax_cases import formatted, parsed

from rnndsl.diagnostics.explain import explain
from rnndsl.formulas.features import ALL_FUNCTIONS, FEATURE_FUNCTIONS, AnyFunction
from rnndsl.formulas.functions import FUNCTIONS
from rnndsl.syntax import limits
from rnndsl.syntax.grammar import grammar

ROOT = Path(__file__).parents[3]
LANGUAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```rnn\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [
    *((f"language.md-{i}", text) for i, text in enumerate(BLOCK.findall(LANGUAGE))),
    *((f"README.md-{i}", text) for i, text in enumerate(BLOCK.findall(README))),
]


@pytest.mark.parametrize(
    "text", [text for _, text in BLOCKS], ids=[n for n, _ in BLOCKS]
)
def test_every_block_parses_and_is_in_the_canonical_form(text: str) -> None:
    assert parsed(text).items
    assert formatted(text) == text


def test_there_are_blocks() -> None:
    assert len(BLOCK.findall(LANGUAGE)) >= 12
    assert len(BLOCK.findall(README)) >= 1
    fences = re.findall(r"^```(\w*)$", LANGUAGE, re.MULTILINE)
    assert set(fences) == {"rnn", ""}


def signature(function: AnyFunction) -> str:
    constants = [
        name if default is None else f"{name} = {default:g}"
        for name, default in function.constants
    ]
    return f"{function.name}({', '.join([*function.operands, *constants])})"


TABLES: dict[str, Mapping[str, AnyFunction]] = {
    "Functions": FUNCTIONS,
    "Functions over features": FEATURE_FUNCTIONS,
}


@pytest.mark.parametrize("heading", TABLES)
def test_table_of_functions_is_the_function_table(heading: str) -> None:
    section = LANGUAGE.split(f"### {heading}\n")[1].split("\n### ")[0]
    rows = re.findall(r"^\| `(\w+\(.*?\))` \| (.+) \|$", section, re.MULTILINE)
    assert rows == [(signature(f), f.description) for f in TABLES[heading].values()]


def test_words_are_listed() -> None:
    paragraph = LANGUAGE.split("are words of the language where they start")[0]
    listed = re.findall(r"`(\w+)`", paragraph.split("\n\n")[-1])
    assert sorted(listed) == sorted(grammar().opening_words)
    assert "`as`, `from` and `import` are never names" in LANGUAGE
    assert sorted(grammar().words) == sorted((*grammar().opening_words, "as", "import"))


@pytest.mark.parametrize("page", [LANGUAGE.split("## Limits")[1], explain("RNN011")])
def test_limits_are_stated(page: str) -> None:
    assert limits.MAX_BYTES == 2**20
    assert "1 MiB" in page
    assert f"{limits.MAX_TOKENS:,} words and symbols" in page
    assert f"{limits.MAX_NODES:,}" in page
    assert re.search(rf"nested {limits.MAX_NESTING}\s+deep", page)
    assert re.search(rf"\b{limits.MAX_DEPTH}\s+levels", page)


def test_links_within_the_page_lead_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", LANGUAGE, re.MULTILINE)
    anchors = {
        heading.lower().replace(",", "").replace(" ", "-") for heading in headings
    }
    links = re.findall(r"\]\(#([\w-]+)\)", LANGUAGE)
    assert len(links) > 10
    assert set(links) <= anchors


def test_grammar_names_nothing_after_a_function() -> None:
    """Functions are plain names: the table can grow without the grammar."""
    assert not set(ALL_FUNCTIONS) & set(grammar().words)
