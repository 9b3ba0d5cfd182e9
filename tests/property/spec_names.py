"""Names for generated specs: plain ones, long ones, and ones that ask for trouble."""

from __future__ import annotations

from enum import Enum
from random import Random

from rnndsl.analysis.reserved import (
    INPUT_NAMES,
    LONGEST_NAME,
    MODULE_ATTRIBUTES,
    PREDEFINED,
    PYTHON_KEYWORDS,
    STORED_NAMES,
)
from rnndsl.formulas.features import ALL_FUNCTIONS

# At the start of a line these open a declaration.
_LINE_STARTS = ("input", "cell", "const", "param", "bias", "output", "state")
REFUSED = (
    *("t", "self", *PREDEFINED, *ALL_FUNCTIONS, *PYTHON_KEYWORDS, *MODULE_ATTRIBUTES),
    *(*INPUT_NAMES, *STORED_NAMES),
)


class Style(Enum):
    PLAIN = "plain"
    COLLIDING = "colliding"
    LONG = "long"


_PLAIN = (
    *"abcdefghijklmnopqrsuvwxyz",
    *"ABCDEFGJLMNQRSTUVWXYZ",
    *("x1", "h2", "x0", "beta", "gamma", "alpha", "mix", "gate", "cand", "last"),
    *("speed", "drive", "trace", "leak", "memory", "rate", "input", "cell", "const"),
)
# What generated code, Python or torch call something, where a spec may use it too.
_COLLIDING = (
    *("masks", "steps", "batch", "saved", "t_", "F", "torch", "mask", "keep", "math"),
    *("output", "outputs", "inputs", "state", "nn", "list", "range", "tuple", "len"),
    *("reversed", "zip", "int", "str", "super", "Tensor", "Tensors", "Gradients"),
    *("PartialTensors", "RecurrentCell", "CellSpecification", "overload", "result"),
    *("d_output", "d_state", "d_inputs", "d_parameters", "d_first_state", "sizes"),
    *("last_state", "input_gradients", "scalar_masks", "matrix_masks", "_"),
    *("d_inputs_", "name", "Any", "bool", "object", "property", "sum", "names"),
    *("hidden", "summary", "source", "dimensions", "device", "dtype", "bias", "param"),
    *("annotations", "isinstance", "type_", "print", "id", "repr", "state_", "hx_"),
)
_SUFFIXES: tuple[str, ...] = (
    *("_prev", "_steps", "_kept", "_all", "_wide", "_next", "_t", "_pre", "_sum"),
    *("_bias", "_operand", "_part1", "_rows", "_early", "_fixed", "_held", "_weight"),
    *("_", "_left", "_part", "_pre_pre", "_weight_t", "_next_", "_prev_"),
)
_PREFIXES: tuple[str, ...] = (
    "d_",
    "gates_",
    "d_gates_",
    "tanh_",
    "sigmoid_",
    "W_",
    "d_h_",
    "U_",
)


class NameSource:
    """Hands out different names; colliding ones are like those given before."""

    def __init__(self, rng: Random, style: Style) -> None:
        self._rng = rng
        self._style = style
        self._taken: list[str] = []

    def reserve(self, name: str) -> None:
        self._taken.append(name)

    def is_taken(self, name: str) -> bool:
        return name in self._taken

    def take(self, *, on_left: bool = False, room: int = 0) -> str:
        """A name that nothing has yet, shorter than the longest by ``room`` at least.
        What stands ``on_left`` of an equation cannot be a word that opens a line."""
        for _ in range(50):
            name = self._draw()
            if self._is_free(name, room) and not (on_left and name in _LINE_STARTS):
                break
        else:
            name = f"v{len(self._taken)}"
        self._taken.append(name)
        return name

    def _is_free(self, name: str, room: int) -> bool:
        return (
            name.isidentifier()
            and not name.startswith("__")
            and name not in (*self._taken, *REFUSED)
            and len(name) + room <= LONGEST_NAME
        )

    def _draw(self) -> str:
        rng = self._rng
        plain: str = rng.choice(_PLAIN)
        match self._style:
            case Style.LONG if rng.random() < 0.7:
                stem = f"{plain}_{'_'.join(['a_very_long_name'] * 3)}"
                return f"{stem[: rng.randint(24, 37)]}{rng.randint(100, 999)}"
            case Style.COLLIDING if rng.random() < 0.35:
                return rng.choice(_COLLIDING)
            case Style.COLLIDING if rng.random() < 0.6 and self._taken:
                known: str = rng.choice(self._taken).strip("_")
                if rng.random() < 0.7:
                    return known + rng.choice(_SUFFIXES)
                return rng.choice(_PREFIXES) + known
            case _:
                return plain
