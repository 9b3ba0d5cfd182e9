"""What generated modules import: layers and cells over PyTorch, and nothing else."""

from __future__ import annotations

from rnndsl.runtime.cell import RecurrentCell
from rnndsl.runtime.errors import (
    ArgumentTypeError,
    DeviceError,
    DtypeError,
    ShapeError,
    StateCountError,
)
from rnndsl.runtime.initialisers import Initialiser
from rnndsl.runtime.layer import RecurrentLayer
from rnndsl.runtime.specification import (
    CellSpecification,
    Gradients,
    ParameterSpecification,
    PartialTensors,
    StateSpecification,
    Tensors,
    TensorSpecification,
)

__all__ = [
    "ArgumentTypeError",
    "CellSpecification",
    "DeviceError",
    "DtypeError",
    "Gradients",
    "Initialiser",
    "ParameterSpecification",
    "PartialTensors",
    "RecurrentCell",
    "RecurrentLayer",
    "ShapeError",
    "StateCountError",
    "StateSpecification",
    "TensorSpecification",
    "Tensors",
]
