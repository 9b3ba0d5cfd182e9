"""What is raised for wrong arguments.

Each error is of the types that ``torch.nn`` raises in the same place, whose own choice
depends on the module and on which of its statements fails first.
"""

from __future__ import annotations


class ArgumentTypeError(TypeError, AttributeError, IndexError):
    """An argument is of the wrong kind: an array for a tensor, a tensor for a tuple."""


class StateCountError(RuntimeError, IndexError):
    """``hx`` holds more or fewer states than the cell has."""


class DtypeError(ValueError, RuntimeError):
    """A tensor's dtype is not that of the parameters."""


class ShapeError(RuntimeError):
    """A tensor's size is not what the module was built for."""


class DeviceError(RuntimeError):
    """A tensor lies on another device than the parameters."""
