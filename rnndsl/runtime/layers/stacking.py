"""The sizes of each layer of a stack: a layer reads the output of the one before."""

from __future__ import annotations

from collections.abc import Mapping

from rnndsl.runtime.specification import CellSpecification, resolve_dim


def layer_sizes(
    specification: CellSpecification,
    sizes: Mapping[str, int],
    num_layers: int,
    directions: int,
) -> tuple[dict[str, int], ...]:
    """The size of every dimension, for each layer.

    From the second layer on, the dimension of the first input is the width of the
    output of all directions, in images the number of its channels. Raises ValueError
    where a stack cannot fit.
    """
    first = dict(sizes)
    if num_layers == 1:
        return (first,)
    if specification.emitted:
        names = ", ".join(value.name for value in specification.emitted)
        raise _misfit(specification, f"{names} stand beside it")
    source = specification.inputs[0]
    if not source.shape and not specification.output_shape and directions == 1:
        return (first,) * num_layers
    if not source.shape or len(source.shape) != len(specification.output_shape):
        raise _misfit(
            specification, f"{source.name} is no vector, or the output is none"
        )
    if source.shape[1:] != specification.output_shape[1:]:
        raise _misfit(specification, f"{source.name} has other places than the output")
    dim = source.shape[0]
    width = directions * resolve_dim(specification.output_shape[0], sizes)
    if resolve_dim(dim, sizes) == width:
        return (first,) * num_layers
    if not isinstance(dim, str):
        raise _misfit(
            specification, f"{source.name} has size {dim}, the output has {width}"
        )
    users = _other_uses(specification, dim)
    if users:
        raise _misfit(
            specification,
            f"{dim} is the size of {source.name} and of {', '.join(users)}, which "
            f"would be {width}, the width of the output, in one and {sizes[dim]} in "
            "the other",
        )
    return (first, *({**sizes, dim: width} for _ in range(num_layers - 1)))


def _other_uses(specification: CellSpecification, dim: str) -> list[str]:
    """What else of a layer's outside has this dimension."""
    users = [x.name for x in specification.inputs[1:] if dim in x.shape]
    users += [state.name for state in specification.states if dim in state.shape]
    return [*users, "the output"] if dim in specification.output_shape else users


def _misfit(specification: CellSpecification, reason: str) -> ValueError:
    return ValueError(
        f"{specification.name}: num_layers must be 1, since a second layer cannot read "
        f"the output of the first: {reason}"
    )
