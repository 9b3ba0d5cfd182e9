"""Specifications of cells that are built and stacked, but not run."""

from __future__ import annotations

from typing import Any

from rnndsl.runtime import (
    CellSpecification,
    Initialiser,
    ParameterSpecification,
    RecurrentCell,
    RecurrentLayer,
    StateSpecification,
    TensorSpecification,
)


def not_run(*_: Any) -> Any:
    raise AssertionError("this cell is not to be run")


def blank(**changes: Any) -> CellSpecification:
    """x: [I], h: [H] and W: [H, I], and whatever is changed."""
    fields: dict[str, Any] = {
        "name": "Blank",
        "source": "blank.rnn",
        "dimensions": (("I", "input_size"), ("H", "hidden_size")),
        "hidden": "H",
        "inputs": (TensorSpecification(name="x", shape=("I",)),),
        "states": (StateSpecification(name="h", shape=("H",)),),
        "parameters": (
            ParameterSpecification(name="w", members=("W",), shape=("H", "I")),
        ),
        "output_shape": ("H",),
        "output_state": "h",
        "summary": (),
        "step": not_run,
        "forward": not_run,
        "backward": not_run,
    }
    return CellSpecification(**{**fields, **changes})


def layer_of(spec: CellSpecification, **arguments: Any) -> RecurrentLayer:
    """A layer of this cell, with the given sizes and options."""
    built = type("Blank", (RecurrentLayer,), {"specification": spec})
    sizes = {dim: arguments.pop(name) for dim, name in spec.dimensions}
    layer: RecurrentLayer = built(sizes, **arguments)
    return layer


def cell_with(
    *initial: Initialiser | None,
    shape: tuple[str | int, ...] = ("H", "I"),
    dtype: Any = None,
    device: Any = None,
    sizes: tuple[int, int] = (5, 7),
) -> Any:
    """A cell with one stored parameter ``w``, a member for each initialiser."""
    members = tuple(f"W_{index}" for index in range(len(initial)))
    stored = ParameterSpecification(
        name="w", members=members, shape=shape, initial=initial
    )
    spec = blank(parameters=(stored,))
    built = type("Blank", (RecurrentCell,), {"specification": spec})
    return built({"H": sizes[0], "I": sizes[1]}, dtype=dtype, device=device)
