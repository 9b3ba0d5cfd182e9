"""A syntax error in words."""

from __future__ import annotations

from dataclasses import dataclass

from lark import Token

from rnndsl.syntax.faults import Faults
from rnndsl.syntax.lines import end_of, start_of

UNEXPECTED = "RNN006"
WRONG_LINE = "RNN007"
WRONG_INDEX = "RNN008"
WRONG_SYMBOL = "RNN009"
WRONG_SHAPE = "RNN010"
WRONG_QUOTES = "RNN004"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to report, from the token ``first`` to the token ``last``."""

    code: str
    message: str
    first: Token
    last: Token
    help: str = ""

    def report(self, faults: Faults) -> None:
        faults.add(
            self.code,
            self.message,
            start_of(self.first),
            end_of(self.last),
            help=self.help,
        )


def at(token: Token, code: str, message: str, help: str = "") -> Advice:
    """Advice about one token."""
    return Advice(code=code, message=message, first=token, last=token, help=help)
