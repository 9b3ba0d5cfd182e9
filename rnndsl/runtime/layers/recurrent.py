"""What layers and cells have in common: parameters, engine, explanation."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from rnndsl.runtime.checks import check_bias, check_sizes
from rnndsl.runtime.engines.autocast import cast_tensors
from rnndsl.runtime.engines.choice import (
    AUTOMATIC,
    check_engine,
    choose_engine,
)
from rnndsl.runtime.errors import ShapeError
from rnndsl.runtime.graphs.cache import Carried, GraphCache, nothing_carried
from rnndsl.runtime.graphs.capture import Call
from rnndsl.runtime.layers.explanation import explanation
from rnndsl.runtime.layers.initialisation import initialise
from rnndsl.runtime.sequences.truncation import truncated_scan
from rnndsl.runtime.specification import (
    CellSpecification,
    PartialTensors,
    Tensors,
    resolve_dim,
    resolve_shape,
)


class RecurrentModule(nn.Module):
    """A module built from a cell's specification.

    Each of its blocks is one set of the cell's parameters: a layer has one for each
    layer and direction, a cell one.
    """

    specification: ClassVar[CellSpecification]
    # What extra_repr prints if it is not the default.
    options: ClassVar[tuple[tuple[str, object], ...]] = (
        ("bias", True),
        ("weight_drop", 0.0),
        ("engine", AUTOMATIC),
    )
    bias: bool
    weight_drop: float

    def __init__(self, sizes: Mapping[str, int], bias: bool) -> None:
        super().__init__()
        specification = self.specification
        check_bias(bias)
        check_sizes(specification.dimensions, sizes)
        for dim, argument in specification.dimensions:
            setattr(self, argument, sizes[dim])
        self.bias = bias
        self._engine = AUTOMATIC
        self.weight_drop = 0.0
        self._truncation: int | None = None
        self._dropped_weights: tuple[str, ...] = ()
        self._graphs = GraphCache()
        self._block_sizes: list[dict[str, int]] = []
        self._block_names: list[tuple[str, ...]] = []
        # Of each parameter, the buffer that says where its entries stand, if it is one
        # of those that are sparse.
        self._block_columns: list[tuple[str | None, ...]] = []
        self._input_names = tuple(value.name for value in specification.inputs)
        self._input_shapes = tuple(
            resolve_shape(value.shape, sizes) for value in specification.inputs
        )
        self._state_names = tuple(state.name for state in specification.states)
        self._state_shapes = tuple(
            resolve_shape(state.shape, sizes) for state in specification.states
        )

    def add_block(
        self,
        sizes: Mapping[str, int],
        suffix: str,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        """Registers one set of the cell's parameters, named with ``suffix``. Raises
        ValueError if a structure cannot have these sizes."""
        columns: list[str | None] = []
        for parameter in self.specification.parameters:
            name = parameter.name + suffix
            columns.append(None)
            if parameter.is_bias and not self.bias:
                self.register_parameter(name, None)
                continue
            stored = torch.empty(
                parameter.stored_shape(sizes), device=device, dtype=dtype
            )
            value = nn.Parameter(stored, requires_grad=not parameter.frozen)
            self.register_parameter(name, value)
            shape = parameter.columns_shape(sizes)
            if shape is not None:
                own = f"{parameter.name}_columns{suffix}"
                places = torch.zeros(shape, dtype=torch.long, device=device)
                self.register_buffer(own, places)
                columns[-1] = own
        self._block_columns.append(tuple(columns))
        self._block_sizes.append(dict(sizes))
        self._block_names.append(
            tuple(p.name + suffix for p in self.specification.parameters)
        )

    def reset_parameters(self) -> None:
        """Draws all parameters anew, each as the spec says; by default uniformly from
        +-1/sqrt(hidden size), the same numbers for the same seed as ``torch.nn``."""
        specification = self.specification
        for block, sizes in enumerate(self._block_sizes):
            hidden_size = resolve_dim(specification.hidden, sizes)
            for index, parameter in enumerate(specification.parameters):
                stored = getattr(self, self._block_names[block][index])
                if stored is not None:
                    columns = self._columns_of(block, index)
                    initialise(parameter, stored, columns, sizes, hidden_size)

    @property
    def engine(self) -> str:
        """The engine asked for: "auto" (the default) or the name of one."""
        return self._engine

    @engine.setter
    def engine(self, name: str) -> None:
        self._engine = check_engine(name)

    def drop_weights(self, p: float, *names: str) -> None:
        """From now on, in training, drops entries of these stored parameters of all
        layers and directions, each with the probability ``p``, anew in every forward
        pass: for the recurrent weights of an LSTM, ``drop_weights(0.5, "weight_hh")``.

        S. Merity et al., Regularizing and optimizing LSTM language models, 2018.
        Raises ValueError for what is no probability, and for an unknown name.
        """
        if isinstance(p, bool) or not isinstance(p, int | float) or not 0 <= p < 1:
            raise ValueError(f"p: expected a probability from 0 up to 1, got {p!r}")
        stored = tuple(parameter.name for parameter in self.specification.parameters)
        for name in names:
            if name not in stored:
                raise ValueError(
                    f"{name!r} is no parameter of {self.specification.name}, which has "
                    f"{', '.join(stored) or 'none'}"
                )
        self.weight_drop = float(p)
        self._dropped_weights = names

    def effective_weight(self, name: str) -> Tensor:
        """What the equations read of a stored parameter such as ``weight_hh_l0``: the
        matrix of its structure, those of a group below one another; differentiable in
        what is stored. Raises ValueError for an unknown name."""
        block, index = self._place_of(name)
        parameter = self.specification.parameters[index]
        columns = self._columns_of(block, index)
        sizes = self._block_sizes[block]
        return parameter.effective(getattr(self, name), sizes, columns)

    def assign_weight(self, name: str, value: Tensor) -> None:
        """Overwrites a stored parameter so that the equations read ``value``, or of a
        structure the matrix nearest to it. Raises ValueError for an unknown name,
        ShapeError for another shape than that of ``effective_weight``."""
        block, index = self._place_of(name)
        parameter = self.specification.parameters[index]
        columns = self._columns_of(block, index)
        with torch.no_grad():
            expected = self.effective_weight(name)
            if value.shape != expected.shape:
                raise ShapeError(
                    f"{name}: expected shape {tuple(expected.shape)}, "
                    f"got {tuple(value.shape)}"
                )
            parameter.store(getattr(self, name), value.to(expected), columns)

    def _place_of(self, name: str) -> tuple[int, int]:
        """The block of a stored parameter, and its place there."""
        for block, names in enumerate(self._block_names):
            if name in names and getattr(self, name) is not None:
                return block, names.index(name)
        known = ", ".join(n for names in self._block_names for n in names)
        raise ValueError(f"there is no parameter {name!r} among {known}")

    def explain(self) -> str:
        """Which engine runs here and why, and what the compiler found in the cell."""
        return explanation(self, self.specification, self._engine, self._graphs)

    def extra_repr(self) -> str:
        """The arguments, as ``torch.nn`` prints them."""
        shown = []
        for position, (_, argument) in enumerate(self.specification.dimensions):
            size = getattr(self, argument)
            shown.append(str(size) if position < 2 else f"{argument}={size}")
        for option, default in self.options:
            value = getattr(self, option)
            if value != default:
                shown.append(f"{option}={value!r}")
        for parameter in self.specification.parameters:
            if parameter.frozen or parameter.structure is not None:
                shown.append(f"{parameter.name}={parameter.kind}")
        return ", ".join(shown)

    @property
    def graph_limit(self) -> int:
        """The most shapes whose calls are kept as CUDA graphs; 0 for none."""
        return self._graphs.limit

    @graph_limit.setter
    def graph_limit(self, limit: int) -> None:
        self._graphs.limit = limit

    def recorded(
        self,
        call: Call,
        inputs: PartialTensors,
        *,
        options: Hashable = None,
        carried: Callable[[], Carried] = nothing_carried,
    ) -> PartialTensors:
        """``call(inputs)``, by replay of a CUDA graph where there is one; the arguments
        are those of ``GraphCache.run``."""
        return self._graphs.run(self, call, inputs, options=options, carried=carried)

    @property
    def recording_refusal(self) -> str | None:
        """What it has that cannot be recorded as a CUDA graph, or None."""
        structures = (own.structure for own in self.specification.parameters)
        if any(own is not None and own.kind == "orthogonal" for own in structures):
            return "has orthogonal parameters, whose exponential waits for the GPU"
        return None

    def first_parameter(self) -> Tensor | None:
        """Whose dtype and device arguments must have; None if the cell has none."""
        for name in self._block_names[0]:
            value = self._parameter(name)
            if value is not None:
                return value
        return None

    def _like(self, inputs: Tensors, dtype: torch.dtype | None = None) -> Tensor:
        """Of the inputs' leading axes, in the dtype that states have, or autocast's."""
        if not self.specification.inputs[0].is_whole:
            return inputs[0]
        like = self.first_parameter()
        if like is None:
            return inputs[0]
        return like.new_empty((), dtype=dtype).expand(inputs[0].shape)

    def scan(
        self,
        block: int,
        inputs: Tensors,
        state: Tensors | None,
        mask: Tensor | None,
        dtype: torch.dtype | None,
    ) -> tuple[Tensor, Tensors]:
        """Runs a block over inputs (T, B, ...), from ``state`` (B, ...) or from where
        the spec says; ``dtype`` is autocast's. Returns output and last state."""
        parameters = self._parameters_of(block, self._like(inputs))
        if self.training and self.weight_drop > 0:
            parameters = self._with_weights_dropped(parameters)
        parameters = cast_tensors(parameters, dtype)
        if state is None:
            state = self._first_state(parameters, self._like(inputs, dtype))
        steps = inputs[0].shape[0]
        if self._truncation is not None:
            steps = min(steps, self._truncation)
        engine = choose_engine(
            self._engine,
            self.specification,
            (*inputs, *state, *parameters),
            steps=steps,
            is_ragged=mask is not None,
        )
        if self._truncation is None:
            return engine.scan(self.specification, inputs, state, parameters, mask)
        scan = partial(engine.scan, self.specification)
        return truncated_scan(scan, inputs, state, parameters, mask, self._truncation)

    def _parameters_of(self, block: int, like: Tensor) -> Tensors:
        """A block's parameters as the equations read them; zeros for absent biases."""
        values = []
        sizes = self._block_sizes[block]
        for index, name in enumerate(self._block_names[block]):
            parameter = self.specification.parameters[index]
            value = self._parameter(name)
            if value is None:
                value = like.new_zeros(parameter.stored_shape(sizes))
            elif parameter.structure is not None:
                columns = self._columns_of(block, index)
                value = parameter.effective(value, sizes, columns)
            values.append(value)
        return tuple(values)

    def _with_weights_dropped(self, parameters: Tensors) -> Tensors:
        return tuple(
            nn.functional.dropout(value, self.weight_drop, True)
            if own.name in self._dropped_weights
            else value
            for own, value in zip(
                self.specification.parameters, parameters, strict=True
            )
        )

    def _columns_of(self, block: int, index: int) -> Tensor | None:
        name = self._block_columns[block][index]
        return None if name is None else self.get_buffer(name)

    def _parameter(self, name: str) -> Tensor | None:
        # Module.__getattr__ is slow, and needed only where something other than a
        # parameter has taken the name, as parametrisations do.
        value: Tensor | None = self._parameters.get(name)
        return getattr(self, name) if value is None else value

    def _first_state(self, parameters: Tensors, like: Tensor) -> Tensors:
        """The state before the first step, (B, ...) each."""
        batch = like.shape[1]
        values = []
        for state, shape in zip(
            self.specification.states, self._state_shapes, strict=True
        ):
            if isinstance(state.initial, str):
                learned = self.specification.member(state.initial, parameters)
                values.append(learned.reshape(shape).expand(batch, *shape))
            else:
                values.append(_filled(like, (batch, *shape), state.initial))
        return tuple(values)


def _filled(like: Tensor, size: tuple[int, ...], number: float) -> Tensor:
    """A tensor of one number, or of the nearest in the range of its dtype: -1e38, where
    a maximum starts, is beyond that of a half."""
    if number == 0:
        return like.new_zeros(size)
    if not math.isinf(number):
        limits = torch.finfo(like.dtype)
        number = min(max(number, limits.min), limits.max)
    return like.new_full(size, number)
