"""What is set for all recurrent layers of a model, and what it tells of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from torch import nn

from rnndsl.runtime.engines.choice import (
    AUTOMATIC,
    check_engine,
    graph_refusal,
)
from rnndsl.runtime.graphs.function import RecordedFunction
from rnndsl.runtime.layers.layer import RecurrentLayer
from rnndsl.runtime.model_specification import ModelSpecification
from rnndsl.runtime.specification import Tensors


class LayeredModule(nn.Module):
    """A module with recurrent layers: their engine, their limits, their explanation.

    Its sequences and its steps are recorded as they are, from its inputs to its head;
    layers record by themselves what it does not.
    """

    specification: ClassVar[ModelSpecification]

    def __init__(self) -> None:
        super().__init__()
        self._engine = AUTOMATIC
        self._sequences = RecordedFunction()
        self._steps = RecordedFunction(carried=(1, 1), calls_module=True)

    @property
    def truncation(self) -> int | None:
        """After how many steps gradients are cut in all recurrent layers; that of the
        first if they differ, None if nowhere."""
        first = next(self._recurrent_layers(), None)
        return None if first is None else first[1].truncation

    @truncation.setter
    def truncation(self, steps: int | None) -> None:
        for _, layer in self._recurrent_layers():
            layer.truncation = steps

    @property
    def engine(self) -> str:
        """The engine asked for in all recurrent layers, "auto" by default; "mixed" if
        they have been given different ones."""
        asked = dict.fromkeys(layer.engine for _, layer in self._recurrent_layers())
        if not asked:
            return self._engine
        return next(iter(asked)) if len(asked) == 1 else "mixed"

    @engine.setter
    def engine(self, name: str) -> None:
        self._engine = check_engine(name)
        for _, layer in self._recurrent_layers():
            layer.engine = name

    @property
    def graph_limit(self) -> int:
        """The most shapes whose calls are kept as CUDA graphs: of sequences, of steps,
        and by each recurrent layer for itself; 0 for none."""
        return self._sequences.graphs.limit

    @graph_limit.setter
    def graph_limit(self, limit: int) -> None:
        for part in self.modules():
            if isinstance(part, LayeredModule):
                part._sequences.graphs.limit = limit
                part._steps.graphs.limit = limit
            elif isinstance(part, RecurrentLayer):
                part.graph_limit = limit

    def records(self, tensors: Tensors) -> bool:
        """Whether calls with these inputs can be recorded and replayed."""
        return graph_refusal(tensors) is None

    def explain(self) -> str:
        """The stages, from the spec, and which engine runs in each recurrent layer."""
        specification = self.specification
        tensors = tuple(self.parameters())
        count = sum(tensor.numel() for tensor in tensors)
        refusal = specification.streaming_refusal
        lines = [
            f"{specification.name}({self.extra_repr()}), from {specification.source}",
            f"parameters: {count:,} in {len(tensors)} tensors",
            *specification.summary,
            f"step by step: {'yes' if refusal is None else f'no: {refusal}'}",
        ]
        if graph_refusal(tensors) is None:
            lines.append(f"graphs of sequences: {self._sequences.graphs.report()}")
            if refusal is None:
                lines.append(f"graphs of steps: {self._steps.graphs.report()}")
        for name, layer in self._recurrent_layers():
            first, *more = layer.explain().splitlines()
            lines += [f"{name}: {first}", *(f"  {line}" for line in more)]
        return "\n".join(lines)

    def extra_repr(self) -> str:
        """The arguments, as ``torch.nn`` prints them."""
        names = [argument for _, argument in self.specification.dimensions]
        shown = [f"{name}={getattr(self, name)}" for name in names]
        return ", ".join([*shown, *(["batch_first=True"] if self.batch_first else [])])

    def _recurrent_layers(self) -> Iterator[tuple[str, RecurrentLayer]]:
        for name, module in self.named_modules():
            if isinstance(module, RecurrentLayer):
                yield name, module
