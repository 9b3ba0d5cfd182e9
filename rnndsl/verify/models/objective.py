"""The loss of a batch, and what is predicted: outputs and targets taken row by row."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rnndsl.analysis.model import Loss, LossKind, Model
from rnndsl.verify.interpreter import Sizes
from rnndsl.verify.models.case import Rows
from rnndsl.verify.models.losses import loss_value, predicted
from rnndsl.verify.models.parameters import Parameters


def symbols_of(length: int) -> int:
    """How many symbols a target of CTC has for a row of so many steps: as many as fit
    even if all are equal, with a blank between any two."""
    return (length + 1) // 2


@dataclass(frozen=True, slots=True)
class Objective:
    """What the loss of a model makes of outputs (T, B, K), or (B, K) where there is one
    for each row, of which the steps ``counted`` count, None if all do."""

    model: Model
    own: Loss
    sizes: Sizes
    parameters: Parameters
    counted: Rows | None

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """A scalar. target (T, B, ...), (B, ...), or with CTC (S, B)."""
        steps = self._steps(output)
        places = steps
        if self.own.kind is LossKind.CTC:
            places = tuple(tuple(range(symbols_of(len(row)))) for row in steps)
        return loss_value(
            self.own,
            _rows(self._with_time(output), steps),
            _rows(self._with_time(target), places),
            self.sizes,
            self.parameters,
        )

    def prediction(self, output: Tensor) -> dict[str, Tensor]:
        """What ``predict`` returns, by name; it has no gradient."""
        with torch.no_grad():
            return self._prediction(output)

    def _prediction(self, output: Tensor) -> dict[str, Tensor]:
        match self.own.kind:
            case LossKind.CRF | LossKind.CTC:
                return self._paths(output)
            case _:
                # What is read where no step counts is compared, too.
                outputs = self._with_time(output)
                every = (tuple(range(outputs.shape[0])),) * outputs.shape[1]
                rows = self._predicted(_rows(outputs, every))
                steps = torch.stack([torch.stack(row) for row in rows], 1)
                has_steps = self.model.exchange.has_steps
                return {"prediction": steps if has_steps else steps[0]}

    def _paths(self, output: Tensor) -> dict[str, Tensor]:
        steps = self._steps(output)
        rows = self._predicted(_rows(output, steps))
        is_ctc = self.own.kind is LossKind.CTC
        padding = self.own.blank if is_ctc else 0
        padded = torch.full(output.shape[:2], padding)
        for row, (found, own) in enumerate(zip(rows, steps, strict=True)):
            # Tags stand at their steps, symbols beside each other.
            places = range(len(found)) if is_ctc else own
            for place, value in zip(places, found, strict=True):
                padded[place, row] = value
        if not is_ctc:
            return {"prediction": padded}
        counts = torch.tensor([len(found) for found in rows])
        return {"prediction": padded, "number of symbols": counts}

    def _predicted(self, outputs: list[list[Tensor]]) -> list[list[Tensor]]:
        return predicted(self.own, outputs, self.sizes, self.parameters)

    def _with_time(self, value: Tensor) -> Tensor:
        has_steps = self.model.exchange.has_steps
        return value if has_steps else value.unsqueeze(0)

    def _steps(self, output: Tensor) -> Rows:
        """Those that count of each row."""
        if not self.model.exchange.has_steps:
            return ((0,),) * output.shape[0]
        if self.counted is not None:
            return self.counted
        return (tuple(range(output.shape[0])),) * output.shape[1]


def _rows(value: Tensor, steps: Rows) -> list[list[Tensor]]:
    """(T, B, ...) as the values of each row at its steps."""
    return [[value[t, row] for t in own] for row, own in enumerate(steps)]
