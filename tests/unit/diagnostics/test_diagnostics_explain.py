"""The pages behind the codes."""

from __future__ import annotations

import pytest

from rnndsl.diagnostics.explain import all_codes, explain

CODES = all_codes()


def test_codes_are_in_order_and_once() -> None:
    codes = [code for code, _ in CODES]
    assert codes == sorted(set(codes))
    assert ("RNN021", "shapes do not match") in CODES


@pytest.mark.parametrize(("code", "title"), CODES)
def test_page(code: str, title: str) -> None:
    page = explain(code)
    assert page is not None
    assert page.startswith(f"# {code}: {title}\n\n")
    assert page.endswith("```\n")
    prose = page.split("## Fails")[0].split("\n\n", 1)[1]
    assert len(prose.split()) >= 10


def test_code_in_lower_case() -> None:
    assert explain(" rnn021 ") == explain("RNN021")


@pytest.mark.parametrize(
    "code", ["RNN999", "", "21", "RNN21", "../diagnostic", "RNN021.md", "RNN021\n.."]
)
def test_no_such_code(code: str) -> None:
    assert explain(code) is None
