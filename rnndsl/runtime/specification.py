"""What a generated module tells the runtime: a cell's shapes, names, functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

from rnndsl.runtime.initialisers import Initialiser

Tensors: TypeAlias = tuple[Tensor, ...]
PartialTensors: TypeAlias = tuple[Tensor | None, ...]
# Of the inputs, of the first state, of the parameters. None stands for zero.
Gradients: TypeAlias = tuple[PartialTensors, PartialTensors, PartialTensors]
Dim: TypeAlias = str | int
Shape: TypeAlias = tuple[Dim, ...]

StepFunction: TypeAlias = Callable[[Tensors, Tensors, Tensors], tuple[Tensor, Tensors]]
ForwardFunction: TypeAlias = Callable[
    [Tensors, Tensors, Tensors, Tensor | None, bool], tuple[Tensor, Tensors, Tensors]
]
BackwardFunction: TypeAlias = Callable[
    [Tensor, Tensors, Tensors, Tensors, Tensors, Tensor | None, Tensors, bool],
    Gradients,
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpecification:
    """An input: ``shape`` is per batch row and step, ``()`` for a scalar."""

    name: str
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSpecification:
    """A state and where it starts.

    ``initial`` is a number for every entry, or the name of a parameter's member of the
    same shape: a learned initial state.
    """

    name: str
    shape: Shape
    initial: float | str = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterSpecification:
    """A stored tensor: ``members`` of ``shape``, one below the other.

    ``initial`` has an initialiser for each member, or is empty. A member without one is
    drawn uniformly from +-1/sqrt(hidden size), as ``torch.nn`` does.
    """

    name: str
    members: tuple[str, ...]
    shape: Shape
    is_bias: bool = False
    initial: tuple[Initialiser | None, ...] = ()

    def __post_init__(self) -> None:
        if self.initial and len(self.initial) != len(self.members):
            raise ValueError(f"{self.name}: one initialiser for each member, or none")

    def stored_shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape of the stored tensor: [R, C] members of a group give [n * R, C]."""
        shape = resolve_shape(self.shape, sizes)
        count = len(self.members)
        if count == 1:
            return shape
        return (count * shape[0], *shape[1:]) if shape else (count,)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSpecification:
    """A cell, with the functions generated for it.

    ``dimensions`` pairs each dimension with the constructor argument that gives its
    size. ``hidden`` is the dimension of the default initialiser. ``output_state`` names
    the state that the output is, if it is one.

    B is the batch size, T the number of steps. A scalar has shape (B,) in a step and
    (T, B) in a sequence.

    ``step(inputs, state, parameters)`` returns the output and the new state of one
    step, differentiable by torch.

    ``forward(inputs, state, parameters, mask, keep)`` runs all steps without autograd;
    ``mask`` is (T, B), False where a row keeps its state, or None. Returns the output
    of all steps, the last state, and, if ``keep``, what ``backward`` needs.

    ``backward(d_output, d_state, inputs, state, parameters, mask, saved,
    input_gradients)`` returns the gradients of inputs (None unless
    ``input_gradients``), first state and parameters. It changes none of its arguments.
    """

    name: str
    source: str
    dimensions: tuple[tuple[str, str], ...]
    hidden: Dim
    inputs: tuple[TensorSpecification, ...]
    states: tuple[StateSpecification, ...]
    parameters: tuple[ParameterSpecification, ...]
    output_shape: Shape
    output_state: str | None
    summary: tuple[str, ...]
    step: StepFunction
    forward: ForwardFunction
    backward: BackwardFunction

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ValueError(f"{self.name}: a cell needs an input")
        members = [name for p in self.parameters for name in p.members]
        for state in self.states:
            if isinstance(state.initial, str) and state.initial not in members:
                raise ValueError(f"{self.name}: no parameter {state.initial!r}")

    @property
    def returns_first_state(self) -> bool:
        """Whether the output is the first state, as for the cells of ``torch.nn``."""
        return bool(self.states) and self.output_state == self.states[0].name

    def member(self, name: str, parameters: Tensors) -> Tensor:
        """The rows of a member in the stored tensors. Raises KeyError if there is none
        of this name."""
        for parameter, stored in zip(self.parameters, parameters, strict=True):
            if name in parameter.members:
                count = len(parameter.members)
                blocks = stored.chunk(count) if count > 1 else (stored,)
                return blocks[parameter.members.index(name)]
        raise KeyError(f"{self.name} has no parameter {name!r}")


def resolve_dim(dim: Dim, sizes: Mapping[str, int]) -> int:
    """The size of a dimension, given by name or by number."""
    return sizes[dim] if isinstance(dim, str) else dim


def resolve_shape(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The sizes of a shape's dimensions."""
    return tuple(resolve_dim(dim, sizes) for dim in shape)
