"""A layer as a dynamical system: whether its states settle, how gradients travel."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor

from rnndsl.runtime.layers.gradient_norms import gradient_norms
from rnndsl.runtime.layers.recurrent import RecurrentModule
from rnndsl.runtime.layers.settling import check_settling, settle


class DynamicalModule(RecurrentModule):
    """What can be asked of a cell that runs over sequences."""

    batch_first: bool
    bidirectional: bool

    def run(self, inputs: tuple[Any, ...], hx: Any) -> Any:
        """Runs over a sequence, as ``RecurrentLayer`` does."""
        raise NotImplementedError

    def initial_state(self, batch: int) -> Any:
        """The state before the first step of so many rows."""
        raise NotImplementedError

    def settle(
        self, *inputs: Tensor, hx: Any = None, steps: int = 100, tolerance: float = 0.0
    ) -> tuple[Tensor, Any, Tensor]:
        """Holds the inputs, which are those of ``forward`` in a batch and have one
        step, and repeats the step until no state changes by more than ``tolerance``,
        at most ``steps`` times. Rows settle by themselves.

        Returns the output and the state as ``forward`` does, and the number of the step
        in which each row settled, (B,), 0 for one that has not. Gradients flow through
        all steps that were run. Raises ValueError for more than one step, for inputs
        without a batch, and for impossible ``steps`` and ``tolerance``.
        """
        check_settling(steps, tolerance)
        axis = 1 if self.batch_first else 0
        name, rank = self._input_names[0], len(self._input_shapes[0])
        if inputs[0].dim() != rank + 2 or inputs[0].shape[axis] != 1:
            raise ValueError(
                f"{name}: expected a batch with one step, got {tuple(inputs[0].shape)}"
            )
        first = self.initial_state(inputs[0].shape[1 - axis]) if hx is None else hx
        step = partial(self.run, inputs)
        return settle(step, first, steps, tolerance, 1 - axis)

    def gradient_norms(self, *inputs: Tensor, hx: Any = None) -> Tensor:
        """By which factor the length of a gradient changes on its way back from the
        last state over each number of steps.

        inputs and ``hx`` are those of ``forward``, in a batch. Returns (T,): at k - 1
        the norm of the Jacobian d s_T / d s_{T-k}, s being the states of all layers in
        one vector of N numbers: the Frobenius norm divided by sqrt(N), which is the
        root mean square over directions, averaged over the rows. It stays at 1 where
        gradients keep their length, falls towards 0 where they vanish, and grows where
        they explode: R. Pascanu, T. Mikolov and Y. Bengio, On the difficulty of
        training recurrent neural networks, 2013, equation 5. N backward passes run
        over each step at once.

        Raises ValueError for a layer of both directions, where no state is the last,
        and for inputs without a batch.
        """
        if self.bidirectional:
            raise ValueError("gradient_norms: expected a layer of one direction")
        name, rank = self._input_names[0], len(self._input_shapes[0])
        if inputs[0].dim() != rank + 2:
            raise ValueError(
                f"{name}: expected a {rank + 2}-D tensor, got {inputs[0].dim()}-D"
            )
        axis = 1 if self.batch_first else 0
        state = self.initial_state(inputs[0].shape[1 - axis]) if hx is None else hx
        return gradient_norms(self, inputs, state, axis)
