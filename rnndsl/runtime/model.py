"""What generated models have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from rnndsl.runtime.checks import check_sizes, check_tensor
from rnndsl.runtime.engines import AUTOMATIC, check_engine
from rnndsl.runtime.errors import (
    ArgumentTypeError,
    DtypeError,
    ShapeError,
    StateCountError,
)
from rnndsl.runtime.layer import RecurrentLayer
from rnndsl.runtime.model_specification import (
    InputSpecification,
    ModelSpecification,
    ModelState,
)
from rnndsl.runtime.ragged import check_lengths, repeat_last, valid_steps, zero_padding
from rnndsl.runtime.specification import Tensors, resolve_shape


class RecurrentModel(nn.Module):
    """A stack of layers between inputs and a head.

    ``forward`` takes the inputs, (T, B, ...) or, with ``batch_first``, (B, T, ...), the
    ``lengths`` (B,) of rows that have fewer steps, and the ``state`` to start from. It
    returns the output and the last state: a tuple with one entry for each recurrent
    layer, which is what that layer takes and returns.
    """

    specification: ClassVar[ModelSpecification]
    batch_first: bool

    def __init__(self, sizes: Mapping[str, int], batch_first: bool = False) -> None:
        super().__init__()
        check_sizes(self.specification.dimensions, sizes)
        if not isinstance(batch_first, bool):
            raise TypeError(
                f"batch_first should be of type bool, got: {type(batch_first).__name__}"
            )
        for dim, argument in self.specification.dimensions:
            setattr(self, argument, sizes[dim])
        self.batch_first = batch_first
        self._engine = AUTOMATIC
        self._sizes = dict(sizes)

    def begin(
        self,
        inputs: tuple[Any, ...],
        lengths: Tensor | None,
        state: ModelState | None,
    ) -> tuple[Tensors, Tensor | None, ModelState]:
        """The arguments of ``forward``, checked and laid out as layers take them.

        Returns the inputs with time first and in their padding a repetition of the last
        step, the lengths, None if there is no padding, and an entry of the state for
        each recurrent layer.

        Raises ArgumentTypeError for what is no tensor or no tuple, ValueError for a
        wrong number of dimensions, a wrong dtype or an impossible length, RuntimeError
        for other shapes.
        """
        specification = self.specification
        tensors = tuple(
            self._checked(own, value)
            for own, value in zip(specification.inputs, inputs, strict=True)
        )
        if specification.exchange == "one_to_one":
            tensors = tuple(value.unsqueeze(0) for value in tensors)
        elif self.batch_first:
            tensors = tuple(value.transpose(0, 1) for value in tensors)
        steps, batch = tensors[0].shape[:2]
        for own, value in zip(specification.inputs, tensors, strict=True):
            if value.shape[:2] != (steps, batch):
                raise ShapeError(
                    f"{own.name}: expected {steps} steps of {batch} rows, as "
                    f"{specification.inputs[0].name} has, got {value.shape[0]} of "
                    f"{value.shape[1]}"
                )
        if steps == 0:
            raise ShapeError(
                f"{specification.inputs[0].name}: expected at least one step, got none"
            )
        if lengths is not None:
            lengths = check_lengths(lengths, steps, tensors[0])
        tensors = tuple(repeat_last(value, lengths) for value in tensors)
        return tensors, lengths, self._states(state)

    def finish(self, output: Tensor, lengths: Tensor | None) -> Tensor:
        """The output of all steps (T, B, ...), zero in the padding, as ``forward``
        returns it."""
        output = zero_padding(output, lengths)
        return output.transpose(0, 1) if self.batch_first else output

    def time_first(self, output: Tensor) -> Tensor:
        """An output or a target of ``batch_first`` order in the order (T, B, ...)."""
        return output.transpose(0, 1) if self.batch_first else output

    def counted(self, output: Tensor, lengths: Tensor | None) -> Tensor | None:
        """Which steps of an output of ``forward`` count in a loss: (T, B), or (B, T)
        with ``batch_first``; None if all do."""
        if lengths is None:
            return None
        if self.batch_first:
            output = output.transpose(0, 1)
        steps = output.shape[0]
        lengths = check_lengths(lengths, steps, output)
        if lengths is None:
            return None
        mask = valid_steps(lengths, steps)
        return mask.t() if self.batch_first else mask

    def run_step(
        self, inputs: tuple[Any, ...], state: ModelState | None
    ) -> tuple[Tensor, ModelState]:
        """One step; what ``step`` of a generated model calls.

        inputs: (B, ...) each. Returns the output (B, ...) and the new state. Raises
        RuntimeError, with the reason, if the model needs the whole sequence.
        """
        specification = self.specification
        if specification.streaming_refusal is not None:
            raise RuntimeError(
                f"{specification.name} cannot run step by step: "
                f"{specification.streaming_refusal}"
            )
        names = (own.name for own in specification.inputs)
        tensors = tuple(map(check_tensor, names, inputs))
        axis = 1 if self.batch_first else 0
        if specification.exchange != "one_to_one":
            tensors = tuple(value.unsqueeze(axis) for value in tensors)
        output, last = self(*tensors, state=state)
        if specification.exchange == "many_to_many":
            output = output.squeeze(axis)
        return output, last

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

    def _checked(self, own: InputSpecification, value: object) -> Tensor:
        """One input, of the right kind and shape but for batch and time."""
        tensor = check_tensor(own.name, value)
        shape = resolve_shape(own.shape, self._sizes)
        leading = 1 if self.specification.exchange == "one_to_one" else 2
        if tensor.dim() != leading + len(shape):
            raise ValueError(
                f"{own.name}: expected a {leading + len(shape)}-D tensor, got "
                f"{tensor.dim()}-D"
            )
        if tensor.shape[leading:] != shape:
            raise ShapeError(
                f"{own.name}: expected the last dimensions to be {shape}, got "
                f"{tuple(tensor.shape)}"
            )
        is_whole = not (tensor.is_floating_point() or tensor.is_complex())
        if own.vocabulary is None:
            if not tensor.is_floating_point():
                raise DtypeError(
                    f"{own.name}: expected a floating-point dtype, got {tensor.dtype}"
                )
            return tensor
        if not is_whole:
            raise DtypeError(f"{own.name}: expected whole numbers, got {tensor.dtype}")
        return tensor.long()

    def _states(self, state: ModelState | None) -> ModelState:
        names = self.specification.recurrences
        if state is None:
            return (None,) * len(names)
        if not isinstance(state, tuple | list):
            raise ArgumentTypeError(
                f"state: expected a tuple with an entry for each recurrent layer, "
                f"{', '.join(names)}, got {type(state).__qualname__}"
            )
        if len(state) != len(names):
            raise StateCountError(
                f"state: expected {len(names)} entries ({', '.join(names)}), got "
                f"{len(state)}"
            )
        return tuple(state)
