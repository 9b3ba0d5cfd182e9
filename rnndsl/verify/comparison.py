"""Results of comparing one subject with one reference on one setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch

from rnndsl.verify.compare import Difference, largest_difference
from rnndsl.verify.differences import DIFFERENCE_TOLERANCE
from rnndsl.verify.oracle import Outcome
from rnndsl.verify.report import Result
from rnndsl.verify.subject import BrokenModuleError

INTERPRETER = "interpreter"
DIFFERENCES = "finite differences"


class Compared(Protocol):
    """What a setting of a cell or of a model says of itself."""

    @property
    def name(self) -> str:
        """Of the cell or model."""

    @property
    def case_name(self) -> str:
        """How it is built and called."""

    @property
    def allowed(self) -> Mapping[torch.dtype, float]:
        """The tolerance of each dtype."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Makes results of one comparison."""

    setting: Compared
    subject: str
    reference: str
    engine: str
    dtype: torch.dtype

    def compared(self, found: Outcome, expected: Outcome) -> Iterator[Result]:
        """Values, and gradients if there is anything to differentiate."""
        forward = largest_difference(found.forward, expected.forward)
        yield self._result("forward", forward)
        if expected.gradients:
            gradients = largest_difference(found.gradients, expected.gradients)
            yield self._result("gradients", gradients)

    def differentiated(self, error: float) -> Result:
        """Gradients that are off by ``error`` from differences of values."""
        difference = Difference(error=error, worst="a directional derivative")
        return self._result("gradients", difference, tolerance=DIFFERENCE_TOLERANCE)

    def broken(self, broken: BrokenModuleError) -> Result:
        """No numbers came out."""
        nothing = Difference(error=0.0, worst="")
        return self._result("forward", nothing, problem=str(broken))

    def _result(
        self,
        quantity: str,
        difference: Difference,
        *,
        tolerance: float | None = None,
        problem: str = "",
    ) -> Result:
        if tolerance is None:
            tolerance = self.setting.allowed[self.dtype]
        return Result(
            name=self.setting.name,
            subject=self.subject,
            quantity=quantity,
            reference=self.reference,
            engine=self.engine,
            dtype=str(self.dtype).removeprefix("torch."),
            case=self.setting.case_name,
            error=difference.error,
            tolerance=tolerance,
            worst=difference.worst,
            problem=problem,
        )


def not_finite(name: str, case_name: str) -> Result:
    """The failed result of a case on which the interpreter has no numbers."""
    return Result(
        name=name,
        subject=INTERPRETER,
        quantity="forward",
        reference="finite numbers",
        engine="",
        dtype="float64",
        case=case_name,
        error=0.0,
        tolerance=1.0,
        worst="",
        problem="the equations give no finite numbers for random inputs and weights",
    )
