"""Reports a syntax error: as a mistake that is known, else as what was expected."""

from __future__ import annotations

from rnndsl.syntax.advice import UNEXPECTED, WRONG_LINE, at
from rnndsl.syntax.expected import expectation, found
from rnndsl.syntax.faults import Faults
from rnndsl.syntax.mistakes_in_expressions import EXPRESSION_MISTAKES
from rnndsl.syntax.mistakes_in_lines import LINE_MISTAKES
from rnndsl.syntax.mistakes_in_models import MODEL_MISTAKES
from rnndsl.syntax.surprise import Surprise

_MISTAKES = (*MODEL_MISTAKES, *LINE_MISTAKES, *EXPRESSION_MISTAKES)


def report_mistake(surprise: Surprise, faults: Faults) -> None:
    """The first mistake that is recognised, or ``expected ..., found ...``."""
    for recognise in _MISTAKES:
        advice = recognise(surprise)
        if advice is not None:
            advice.report(faults)
            return
    message = f"expected {expectation(surprise)}, found {found(surprise.token)}"
    code = UNEXPECTED if surprise.index else WRONG_LINE
    hint = ""
    if surprise.at_line_end and surprise.expects_expression and not surprise.in_model:
        hint = "to continue on the next line, put the expression in parentheses"
    at(surprise.token, code, message, hint).report(faults)
