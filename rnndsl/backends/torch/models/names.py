"""Names inside the methods of a generated model."""

from __future__ import annotations

from rnndsl.analysis.model import Model

RESERVED = (
    "Any",
    "F",
    "ModelState",
    "PackedSequence",
    "Tensor",
    "batch",
    "dict",
    "factory",
    "inputs",
    "layout",
    "lengths",
    "mask",
    "nn",
    "output",
    "self",
    "state",
    "steps",
    "super",
    "torch",
    "tuple",
)
"""What the methods of a model use for something else than an input."""


class ModelNames:
    """``contexts``, ``encoder_inputs`` and ``inputs`` have the local name of each,
    ``flow`` the name of what flows from stage to stage; all names that are taken
    besides are distinct from them. ``source`` and ``target`` are the options that say
    which steps count, lengths and a mask, where there is an encoder."""

    def __init__(self, model: Model) -> None:
        taken = (*RESERVED, *(["reset"] if model.reset is not None else []))
        self._taken = dict.fromkeys((*taken, *(cell.name for cell in model.cells)))
        self.contexts = {item.name: self.take(item.name) for item in model.contexts}
        self.inputs = {item.name: self.take(item.name) for item in model.inputs}
        encoder = model.encoder
        given = () if encoder is None else encoder.inputs
        self.encoder_inputs = {item.name: self.take(item.name) for item in given}
        self.source, self.target = ("lengths", "mask"), ("lengths", "mask")
        if encoder is not None:
            self.source = self._options(given[0].name)
            self.target = self._options(model.inputs[0].name)
        # Not the name of an input, which may come packed: another type.
        self.flow = self.take("out" if "x" in self._taken else "x")
        self.branch = self.take("y")
        self._numbered: dict[str, str] = {}
        self.forward = self.take("forward")
        self.backward = self.take("backward")
        self.encoded = self.take("encoded")
        self.counted = self.take("counted")
        self.last = self.take("last")
        self.attended = self.take("context")
        self.fed = self.take("fed")

    def _options(self, name: str) -> tuple[str, str]:
        return self.take(f"{name}_lengths"), self.take(f"{name}_mask")

    def numbered(self, stem: str, index: int) -> str:
        """``y_1``: the same for the same stem and index."""
        wish = f"{stem}_{index}"
        if wish not in self._numbered:
            self._numbered[wish] = self.take(wish)
        return self._numbered[wish]

    def take(self, wish: str) -> str:
        """The wish itself where it is free, else the wish with underscores added."""
        name = wish
        while name in self._taken:
            name += "_"
        self._taken[name] = None
        return name
