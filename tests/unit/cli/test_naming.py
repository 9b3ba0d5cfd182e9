from pathlib import Path

import pytest

from rnndsl.naming import display_name, module_name


def test_a_name_is_shown_as_given() -> None:
    assert display_name(Path("cells/größe.rnn")) == "cells/größe.rnn"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a\nb.rnn", "a\\nb.rnn"),
        ("a\x1b[31m.rnn", "a\\x1b[31m.rnn"),
        ("a\u202eb.rnn", "a\\u202eb.rnn"),
        ("a\udcffb.rnn", "a\\udcffb.rnn"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(given: str, shown: str) -> None:
    assert display_name(Path(given)) == shown


def test_the_module_is_named_after_the_spec() -> None:
    assert module_name(Path("cells/lstm_2.rnn")) == "lstm_2"


@pytest.mark.parametrize(
    "name", ["my-lstm", "2lstm", "lambda", "lstm.v2", "a b", "größe", "a\nb", ""]
)
def test_a_name_that_cannot_be_imported_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a name that Python can import"):
        module_name(Path(f"{name}.rnn"))


@pytest.mark.parametrize("name", ["torch", "rnndsl", "numpy", "random", "types"])
def test_a_name_that_hides_a_module_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="would hide"):
        module_name(Path(f"{name}.rnn"))
