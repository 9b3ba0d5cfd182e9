"""What a model computes from a draw, by the interpreter or by generated code."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from rnndsl.verify.draw import Draw
from rnndsl.verify.oracle import Outcome, gradients, variables_of, weighted_sum


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelValues:
    """Output (T, B, K) or (B, K), the features of both directions apart, (2, K), if
    they are so; last states by ``layer_1.h``; what is emitted beside the output,
    (T, B, ...); the loss, if there is one; and what is compared, but not
    differentiated, by name."""

    output: Tensor
    last: dict[str, Tensor]
    emitted: dict[str, Tensor] = field(default_factory=dict)
    loss: Tensor | None = None
    others: dict[str, Tensor] = field(default_factory=dict)

    def total(self, draw: Draw) -> Tensor:
        """The scalar that is differentiated."""
        total = weighted_sum(self.output, self.last, draw)
        for value in self.emitted.values():
            total = total + (value * value).sum()
        return total if self.loss is None else total + self.loss

    def outcome(self, draw: Draw) -> Outcome:
        """All of it, with gradients at the tensors of ``draw`` that ask for them."""
        forward = {"output": self.output}
        forward |= {f"last {name}": value for name, value in self.last.items()}
        forward |= {f"emitted {name}": value for name, value in self.emitted.items()}
        if self.loss is not None:
            forward["loss"] = self.loss
        forward |= self.others
        return Outcome(
            forward={name: value.detach() for name, value in forward.items()},
            gradients=gradients(self.total(draw), variables_of(draw)),
        )
