"""One step of a cell, called as torch.nn.LSTMCell is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rnndsl.runtime.checks import (
    check_inputs,
    check_state,
    check_states,
    check_tensor,
)
from rnndsl.runtime.engines.autocast import autocast_dtype, cast_tensors
from rnndsl.runtime.engines.choice import records_calls
from rnndsl.runtime.graphs.cache import Carried
from rnndsl.runtime.layers.recurrent import RecurrentModule
from rnndsl.runtime.specification import PartialTensors, Tensors, given_tensors


class RecurrentCell(RecurrentModule):
    """One step of a cell, for streaming and for loops of one's own.

    Calls, attributes and parameter names are those of ``torch.nn.LSTMCell``.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        *,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(sizes, bias)
        self.add_block(sizes, "", device, dtype)
        self.reset_parameters()

    def run(self, inputs: tuple[Any, ...], hx: Any) -> Any:
        """Runs one step; what ``forward`` of a generated cell calls.

        inputs: one tensor for each input of the cell, (B, ...) or without B. hx: the
        state before the step, (B, ...) or without B, one tensor or a tuple as the cell
        has states, or None. Returns the new state in the form of ``hx``; if the output
        is not the first state, the output and the new state.

        Raises the types that ``torch.nn.LSTMCell`` raises, as ``RecurrentLayer`` does.
        """
        tensors = tuple(map(check_tensor, self._input_names, inputs))
        like = self.first_parameter()
        device_type = tensors[0].device.type
        dtype = autocast_dtype(device_type, like)
        if dtype is None:
            return self._run_step(tensors, hx, like, None)
        with torch.autocast(device_type, enabled=False):
            return self._run_step(tensors, hx, like, dtype)

    def _run_step(
        self, inputs: Tensors, hx: Any, like: Tensor | None, dtype: torch.dtype | None
    ) -> Any:
        rank = len(self._input_shapes[0])
        leading = inputs[0].dim() - rank
        name = self._input_names[0]
        if leading not in (0, 1):
            raise ValueError(
                f"{name}: expected a {rank + 1}-D tensor, or {rank}-D for unbatched "
                f"input, got {inputs[0].dim()}-D"
            )
        check_inputs(
            self.specification.inputs,
            self._input_shapes,
            inputs,
            leading,
            like,
            dtype is not None,
        )
        # To what scan expects: (T, B, ...) with T = 1.
        inputs = tuple(v[None] if leading else v[None, None] for v in inputs)
        inputs = cast_tensors(inputs, dtype)
        state = None
        if hx is not None:
            state = self._given_state(hx, self._like(inputs), bool(leading), dtype)
        output, last = self._recorded_step(inputs, state, dtype)
        if not leading:
            last = tuple(value.squeeze(0) for value in last)
        new = last[0] if len(last) == 1 else last
        if self.specification.returns_first_state:
            return new
        assert output is not None, "it is no state"
        return output[0] if leading else output[0, 0], new

    def _recorded_step(
        self, inputs: Tensors, state: Tensors | None, dtype: torch.dtype | None
    ) -> tuple[Tensor | None, Tensors]:
        """One step by ``scan``; in inference, by replay of a CUDA graph. The output may
        be left out where the first state is what is returned."""
        first = () if state is None else state
        # In training each step would need a recording of its own, until backward.
        if torch.is_grad_enabled() or not records_calls(
            self._engine, (*inputs, *first)
        ):
            return self.scan(0, inputs, state, None, dtype)
        # What is recorded outlives this call, and may not hold its tensors.
        count, has_state = len(inputs), state is not None

        def call(given: PartialTensors) -> PartialTensors:
            begin = given_tensors(given[count:]) if has_state else None
            output, last = self.scan(
                0, given_tensors(given[:count]), begin, None, dtype
            )
            is_state = self.specification.returns_first_state
            return None if is_state else output, *last

        def carried() -> Carried:
            return tuple((count + index, 1 + index) for index in range(len(first)))

        results = self.recorded(call, (*inputs, *first), options=dtype, carried=carried)
        output, *last = results
        return output, given_tensors(tuple(last))

    def _given_state(
        self, hx: Any, like: Tensor, is_batched: bool, dtype: torch.dtype | None
    ) -> Tensors:
        state = check_states(self._state_names, hx)
        batch = (like.shape[1],) if is_batched else ()
        for name, shape, value in zip(
            self._state_names, self._state_shapes, state, strict=True
        ):
            rank = len(shape)
            if value.dim() not in (rank, rank + 1):
                raise ValueError(
                    f"hx: expected {name} to be {rank + 1}-D, or {rank}-D for "
                    f"unbatched input, got {value.dim()}-D"
                )
            check_state(name, value, (*batch, *shape), like, dtype is not None)
        if not is_batched:
            state = tuple(value[None] for value in state)
        return cast_tensors(state, dtype)
