"""Where generated code finds the size of a dimension."""

from __future__ import annotations

from rnndsl.analysis.program import Cell, Dim


def like(cell: Cell) -> str:
    """A tensor of the dtype and the device that a cell computes in."""
    return "parameters[0]" if cell.inputs[0].one_hot else "inputs[0]"


def size(cell: Cell, dim: Dim) -> str:
    """An expression for a dimension, from tensors every generated function has.

    Raises KeyError for a dimension that appears in no shape.
    """
    if isinstance(dim, int):
        return str(dim)
    for index, state in enumerate(cell.states):
        if dim in state.shape:
            return f"state[{index}].shape[{state.shape.index(dim) + 1}]"
    for index, item in enumerate(cell.inputs):
        if dim in item.given_shape:
            return f"inputs[{index}].shape[{item.shape.index(dim) - len(item.shape)}]"
    for index, parameter in enumerate(cell.parameters):
        if dim in parameter.member_shape:
            axis = parameter.member_shape.index(dim)
            text = f"parameters[{index}].shape[{axis}]"
            blocks = len(parameter.members) if axis == 0 else 1
            return text if blocks == 1 else f"{text} // {blocks}"
    raise KeyError(dim)


def widened(rank: int) -> str:
    """What gives a scalar of each row so many axes of one."""
    if rank == 0:
        return ""
    if rank == 1:
        return ".unsqueeze(-1)"
    return f"[..., {', '.join(['None'] * rank)}]"
