"""The declarations of generated specs: parameters in groups, starting values."""

from __future__ import annotations

from itertools import groupby
from random import Random

from spec_names import REFUSED, NameSource
from spec_scope import Dim, Parameter, Shape

_PARTS = ("i", "f", "g", "o", "z", "r", "n", "a", "b", "1", "2", "3", "long_part")
_STRUCTURES = (
    "orthogonal",
    "symmetric",
    "antisymmetric",
    "lower_triangular",
    "upper_triangular",
    "diagonal",
)
_STORED = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight", "kernel", "gain")


def shape_text(shape: Shape) -> str:
    return f"[{', '.join(str(dim) for dim in shape)}]"


class ParameterDeclarations:
    """Chooses which parameters are stored together, in which order and under which
    names. ``names`` are those of the members; ``lines`` the declarators by keyword."""

    def __init__(
        self,
        rng: Random,
        source: NameSource,
        parameters: list[Parameter],
        dimensions: list[str],
    ) -> None:
        self._rng = rng
        self._source = source
        self._dimensions = dimensions
        self._stored: list[str] = []
        self.names: dict[int, str] = {}
        self.declarators: list[tuple[str, str]] = []
        for group in self._groups(parameters):
            keyword = "bias" if group[0].is_bias else "param"
            self.declarators.append((keyword, self._declarator(group)))

    def _groups(self, parameters: list[Parameter]) -> list[list[Parameter]]:
        """Families whole, most often in their order; others by chance."""
        rng = self._rng
        found: list[list[Parameter]] = []
        loose: list[Parameter] = []
        families = [p for p in parameters if p.family is not None]
        for _, members in groupby(families, key=lambda p: p.family):
            group = list(members)
            if rng.random() < 0.15:
                loose.extend(group)
                continue
            if rng.random() < 0.3:
                rng.shuffle(group)
            found.append(group)
        loose.extend(p for p in parameters if p.family is None)
        rng.shuffle(loose)
        while loose:
            first = loose.pop()
            count = rng.choice((1, 1, 1, 2, 2, 3, 4))
            alike = [
                p for p in loose if (p.shape, p.is_bias) == (first.shape, first.is_bias)
            ]
            group = [first, *alike[: count - 1]]
            loose = [p for p in loose if p not in group]
            found.append(group)
        rng.shuffle(found)
        return found

    def _declarator(self, group: list[Parameter]) -> str:
        rng, shape = self._rng, group[0].shape
        if len(group) == 1:
            name = self._source.take()
            self.names[group[0].index] = name
            written, stored = name, name
        else:
            written, stored = self._group(group)
        structure = self._structure(shape)
        text = f"{written}: {shape_text(shape)}{structure}"
        refused = (*self._stored, *REFUSED)
        if stored in refused or stored.startswith("_") or rng.random() < 0.3:
            free = [n for n in _STORED if n not in self._stored]
            stored = rng.choice(free) if free else f"stored_{len(self._stored)}"
            text += f" as {stored}"
        self._stored.append(stored)
        # A drawn matrix may lose its structure: then it starts as it does by default.
        return text if structure else text + self._initial(shape, len(group))

    def _structure(self, shape: Shape) -> str:
        """What a square matrix may be, whatever its size."""
        is_square = len(shape) == 2 and shape[0] == shape[1]
        if is_square and self._rng.random() < 0.15:
            return f" {self._rng.choice(_STRUCTURES)}"
        return ""

    def _group(self, group: list[Parameter]) -> tuple[str, str]:
        """A brace group under a stem none of whose members has a name yet."""
        stem = self._source.take(room=11)
        if not stem.endswith("_"):
            stem += "_"
        free = [part for part in _PARTS if not self._source.is_taken(stem + part)]
        parts = self._rng.sample(free, len(group))
        for parameter, part in zip(group, parts, strict=True):
            name = stem + part
            self.names[parameter.index] = name
            self._source.reserve(name)
        return f"{stem}{{{','.join(parts)}}}", stem.rstrip("_") or "_"

    def _initial(self, shape: Shape, count: int) -> str:
        rng = self._rng
        draw = rng.random()
        if draw < 0.5:
            return ""
        if draw < 0.6:
            return f" = {rng.choice(('0', '0.5', '-1', '1 / 3'))}"
        if draw < 0.7 and count > 1:
            values = (rng.choice(("0", "1", "-0.5")) for _ in range(count))
            return f" = {{{', '.join(values)}}}"
        if draw < 0.8 and len(shape) == 2:
            matrix = ("orthogonal", "xavier_uniform(2)", "kaiming_normal", "identity")
            return f" ~ {rng.choice(matrix)}"
        if draw < 0.9 and self._dimensions:
            dim = rng.choice(self._dimensions)
            return f" ~ uniform(-1 / sqrt({dim}), 1 / sqrt({dim}))"
        return " ~ normal(0, 0.1)"


def state_declarator(
    rng: Random, name: str, shape: Shape, learned: list[Parameter]
) -> str:
    """A state and where it starts, maybe at one of the parameters of its shape."""
    text = f"{name}: {shape_text(shape)}"
    fitting = [p for p in learned if p.shape == shape and not p.is_bias]
    draw = rng.random()
    if fitting and draw < 0.3:
        return f"{text} = {rng.choice(fitting).text}"
    if draw < 0.5:
        return f"{text} = {rng.choice(('1', '0.3', '-0.5', '2 ** -1'))}"
    return text


def used_dimensions(shapes: list[Shape], order: tuple[Dim, ...]) -> list[str]:
    """The named dimensions that stand in some shape, in the order of the header."""
    used = {dim for shape in shapes for dim in shape}
    return [dim for dim in order if isinstance(dim, str) and dim in used]
