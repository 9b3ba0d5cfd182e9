"""What a generated module tells the runtime: a cell's shapes, names, functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from rnndsl.runtime.kernels.protocol import Kernels
from rnndsl.runtime.parameters.initialisers import Initialiser
from rnndsl.runtime.parameters.structure import MatrixShape, Structure

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
AllStepsFunction: TypeAlias = Callable[
    [Tensors, Tensors, Tensors, Tensor | None], tuple[Tensor, Tensors]
]
KernelForwardFunction: TypeAlias = Callable[
    [Kernels, Tensors, Tensors, Tensors, Tensor | None, bool],
    tuple[Tensor, Tensors, Tensors],
]
KernelBackwardFunction: TypeAlias = Callable[
    [Kernels, Tensor, Tensors, Tensors, Tensors, Tensors, Tensor | None, Tensors, bool],
    Gradients,
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loops:
    """All steps forward, and backpropagation through them."""

    forward: ForwardFunction
    backward: BackwardFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelLoops:
    """The same over kernels, which stand before the other arguments, and their source
    in CUDA C++."""

    source: str
    forward: KernelForwardFunction
    backward: KernelBackwardFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpecification:
    """An input: ``shape`` is per batch row and step, ``()`` for a scalar. ``is_whole``:
    a whole number, which stands for a unit vector."""

    name: str
    shape: Shape
    is_whole: bool = False


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
    drawn uniformly from +-1/sqrt(hidden size), as ``torch.nn`` does. With a
    ``structure`` the free numbers of each member are stored in its place. ``frozen``:
    not trained.
    """

    name: str
    members: tuple[str, ...]
    shape: Shape
    is_bias: bool = False
    initial: tuple[Initialiser | None, ...] = ()
    structure: Structure | None = None
    frozen: bool = False

    def __post_init__(self) -> None:
        if self.initial and len(self.initial) != len(self.members):
            raise ValueError(f"{self.name}: one initialiser for each member, or none")

    @property
    def kind(self) -> str:
        """``frozen sparse(0.1)``: what the spec says behind the shape."""
        words = ["frozen"] if self.frozen else []
        if self.structure is not None:
            words.append(str(self.structure))
        return " ".join(words)

    def stored_shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape of the stored tensor: [R, C] members of a group give [n * R, C].
        Raises ValueError if the structure cannot have these sizes."""
        shape = resolve_shape(self.shape, sizes)
        if self.structure is not None:
            try:
                shape = self.structure.stored_shape(self.matrix_shape(sizes))
            except ValueError as error:
                raise ValueError(f"{self.name}: {error}") from None
        count = len(self.members)
        if count == 1:
            return shape
        return (count * shape[0], *shape[1:]) if shape else (count,)

    def matrix_shape(self, sizes: Mapping[str, int]) -> MatrixShape:
        """The rows and columns of a member that is a matrix."""
        rows, columns = resolve_shape(self.shape, sizes)
        return rows, columns

    def columns_shape(self, sizes: Mapping[str, int]) -> tuple[int, ...] | None:
        """The shape of what says in which columns the entries of each row stand; None
        where all do."""
        is_sparse = self.structure is not None and self.structure.kind == "sparse"
        return self.stored_shape(sizes) if is_sparse else None

    def blocks(
        self, stored: Tensor, columns: Tensor | None
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """What is stored for each member, with its own columns."""
        count = len(self.members)
        if count == 1:
            yield stored, columns
            return
        owns = (None,) * count if columns is None else columns.tensor_split(count)
        yield from zip(stored.tensor_split(count), owns, strict=True)

    def effective(
        self, stored: Tensor, sizes: Mapping[str, int], columns: Tensor | None
    ) -> Tensor:
        """What the equations read, differentiable in what is stored: the members' own
        matrices, one below the other."""
        structure = self.structure
        if structure is None:
            return stored
        shape = self.matrix_shape(sizes)
        matrices = [
            structure.matrix(block, shape, own)
            for block, own in self.blocks(stored, columns)
        ]
        return matrices[0] if len(matrices) == 1 else torch.cat(matrices)

    def store(self, stored: Tensor, value: Tensor, columns: Tensor | None) -> None:
        """Overwrites what is stored with what gives ``value``, or of a structure the
        matrices nearest to it; to be called without autograd."""
        if self.structure is None:
            stored.copy_(value)
            return
        matrices = value.tensor_split(len(self.members))
        for (block, own), matrix in zip(
            self.blocks(stored, columns), matrices, strict=True
        ):
            block.copy_(self.structure.nearest(matrix, own))


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorKernel:
    """The function of torch that runs the cell: ``torch.lstm``, ``torch.gru``,
    ``torch.rnn_tanh`` or ``torch.rnn_relu``.

    ``states`` are the cell's, in torch's order. Each of torch's weights and biases is a
    stored tensor, by its name, or members of stored tensors, one below the other, with
    zeros for None.
    """

    function: str
    states: tuple[str, ...]
    weight_ih: str | tuple[str | None, ...]
    weight_hh: str | tuple[str | None, ...]
    bias_ih: str | tuple[str | None, ...]
    bias_hh: str | tuple[str | None, ...]

    @property
    def weights(self) -> tuple[str | tuple[str | None, ...], ...]:
        """Weights and biases, in torch's order."""
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSpecification:
    """A cell, with the functions generated for it.

    ``dimensions`` pairs each dimension with the constructor argument that gives its
    size. ``hidden`` is the dimension of the default initialiser. ``output_state`` names
    the state that the output is, if it is one. Behind the features of the output stand
    those of what is ``emitted``, one for a scalar.

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

    ``scan(inputs, state, parameters, mask)`` computes all steps at once, differentiable
    by torch: the output of all steps and the last state. In its place stands why there
    is none: "the cell ...".

    ``loops``: ``forward`` and ``backward``. ``kernels``: both once more, for GPUs, or
    why there are none: "the cell ...". ``vendor``: torch's own for all steps, where the
    cell is proved to be one of torch's.
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
    emitted: tuple[TensorSpecification, ...] = ()
    scan: AllStepsFunction | str = "comes from a compiler that wrote no scan"
    kernels: KernelLoops | str = "comes from a compiler that wrote none"
    vendor: VendorKernel | None = None
    loops: Loops = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        loops = Loops(forward=self.forward, backward=self.backward)
        object.__setattr__(self, "loops", loops)
        if not self.inputs:
            raise ValueError(f"{self.name}: a cell needs an input")
        members = [name for p in self.parameters for name in p.members]
        for state in self.states:
            if isinstance(state.initial, str) and state.initial not in members:
                raise ValueError(f"{self.name}: no parameter {state.initial!r}")

    @property
    def returns_first_state(self) -> bool:
        """Whether the output is the first state, as for the cells of ``torch.nn``."""
        return len(self.states) > 0 and self.output_state == self.states[0].name

    def stored(self, name: str, parameters: Tensors) -> Tensor:
        """The stored tensor of this name."""
        return parameters[[own.name for own in self.parameters].index(name)]

    def member(self, name: str, parameters: Tensors) -> Tensor:
        """The rows of a member in the stored tensors. Raises KeyError if there is none
        of this name."""
        for parameter, stored in zip(self.parameters, parameters, strict=True):
            if name in parameter.members:
                count = len(parameter.members)
                blocks = stored.chunk(count) if count > 1 else (stored,)
                return blocks[parameter.members.index(name)]
        raise KeyError(f"{self.name} has no parameter {name!r}")


def given_tensors(tensors: PartialTensors) -> Tensors:
    """The tensors, all of which are there."""
    given = tuple(tensor for tensor in tensors if tensor is not None)
    assert len(given) == len(tensors), "none is missing"
    return given


def resolve_dim(dim: Dim, sizes: Mapping[str, int]) -> int:
    """The size of a dimension, given by name or by number."""
    return sizes[dim] if isinstance(dim, str) else dim


def resolve_shape(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The sizes of a shape's dimensions."""
    return tuple(resolve_dim(dim, sizes) for dim in shape)
