"""The view of a cell's two classes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rnndsl.backends.torch.describe import listed, output_state, output_text
from rnndsl.backends.torch.docstring import docstring
from rnndsl.backends.torch.fitting import fitted
from rnndsl.backends.torch.layout import WIDTH, call
from rnndsl.backends.torch.view import ClassesView
from rnndsl.ir.naming import Names
from rnndsl.plan.plan import CellPlan

_POSITIONAL = 2
"""So many sizes may be given by position, as input and hidden size of torch.nn."""

_MOST_COUNTED = 4
"""So many states at most have each its place in a type."""

_INSIDE = WIDTH - 8
"""The width of the text of a method."""

_OPTIONS = (
    "num_layers: int = 1",
    "bias: bool = True",
    "batch_first: bool = False",
    "dropout: float = 0.0",
    "bidirectional: bool = False",
)


def classes_view(
    plan: CellPlan, specification: str, specification_lines: list[str]
) -> ClassesView:
    """Signatures, docstrings and calls of ``LSTM`` and ``LSTMCell``."""
    cell = plan.source.cell
    names = Names()
    names.take("self")
    inputs = [names.take(item.name) for item in cell.inputs]
    hx = names.take("hx")
    # No name of a cell is ``mask`` in generated code: the loops have one.
    ragged = (names.take("lengths"), "mask")
    count = len(cell.states)
    state = "tuple[Tensor, ...]"
    if count <= _MOST_COUNTED:
        state = f"tuple[{', '.join(['Tensor'] * count)}]" if count > 1 else "Tensor"
    is_state = output_state(cell) == cell.states[0].name
    cell_returns = state if is_state else f"tuple[Tensor, {state}]"
    either = "Tensor | PackedSequence"
    sizes = [f"{d.argument}: int" for d in cell.dimensions]
    first, more = sizes[:_POSITIONAL], sizes[_POSITIONAL:]
    pairs = ", ".join(f'"{d.name}": {d.argument}' for d in cell.dimensions)
    about = cell.docstring.strip()
    result = ", ".join(names.take(state.name) for state in cell.states)
    if count == 1:
        result = f"{result}: Tensor"
    return ClassesView(
        cell=cell.name,
        specification=specification,
        specification_lines=tuple(specification_lines),
        layer_docstring=docstring(
            about or f"The recurrent layer {cell.name}.", _layer_usage(plan, hx)
        ),
        cell_docstring=docstring(
            f"One step of {cell.name} at a time, as when streaming.",
            "Its parameters are those of a layer, without ``_l0``.",
        ),
        layer_parameters=(*first, *_OPTIONS, "*", *more),
        cell_parameters=(*first, _OPTIONS[1], "*", *more),
        sizes=f"{{{pairs}}}",
        layer_call=_signature(
            inputs,
            "Tensor",
            hx,
            state,
            f"tuple[Tensor, {state}]",
            ragged=ragged,
            stub=True,
        ),
        packed_call=_signature(
            inputs,
            "PackedSequence",
            hx,
            state,
            f"tuple[PackedSequence, {state}]",
            stub=True,
        ),
        either_call=_signature(
            inputs, either, hx, state, f"tuple[{either}, {state}]", ragged=ragged
        ),
        cell_call=_signature(inputs, "Tensor", hx, state, cell_returns),
        layer_run=_run("output, state", inputs, hx, *ragged),
        cell_run=_run(result if is_state else "output, state", inputs, hx),
        shapes=_shapes(plan, hx, *ragged),
        cell_shapes=_cell_shapes(plan, is_state),
    )


def _signature(
    inputs: list[str],
    kind: str,
    hx: str,
    state: str,
    returns: str,
    *,
    ragged: Sequence[str] = (),
    stub: bool = False,
) -> tuple[str, ...]:
    """``def forward(self, x: Tensor, hx: ... = None) -> ...:``"""
    given = [f"{name}: {kind}" for name in inputs]
    arguments = ["self", *given, f"{hx}: {state} | None = None"]
    if ragged:
        arguments += ["*", *(f"{name}: Tensor | None = None" for name in ragged)]
    tail = f" -> {returns}:{' ...' if stub else ''}"
    one = f"def forward({', '.join(arguments)}){tail}"
    if len(one) + 4 <= 88:
        return (one,)
    inner = f"    {', '.join(arguments)}"
    if len(inner) + 4 <= 88:
        return ("def forward(", inner, f"){tail}")
    return tuple(call("def forward", arguments, indent=88, tail=tail))


def _run(target: str, inputs: list[str], *others: str) -> tuple[str, ...]:
    """Runs the module, and returns what it gives under a type."""
    comma = "," if len(inputs) == 1 else ""
    values = [f"({', '.join(inputs)}{comma})", *others]
    lines = [f"{target} = self.run({', '.join(values)})"]
    lines.append(f"return {target.split(':')[0]}")
    return tuple(fitted(lines, indent=8))


def _layer_usage(plan: CellPlan, hx: str) -> str:
    cell = plan.source.cell
    options = "The other arguments are those of torch.nn.LSTM."
    engine = "``engine`` chooses how it runs; ``explain()`` tells how, and why."
    sizes = ", ".join(f"{d.argument} is {d.name}" for d in cell.dimensions)
    return f"Sizes: {sizes}.\n{options}\n{engine}"


def _shapes(plan: CellPlan, hx: str, lengths: str, mask: str) -> tuple[str, ...]:
    cell = plan.source.cell
    given = listed(((i.name, i.given_shape) for i in cell.inputs), "T", "B")
    states = listed(((s.name, s.shape) for s in cell.states), "layers", "B")
    width = output_text(cell, "T", "B")
    doubled = "the channels" if len(cell.output.shape) > 1 else "the last axis"
    return (
        f"Inputs: {given}; batch before time",
        "with ``batch_first``; without B for a single sequence; or packed.",
        *_wrapped(f"{hx}: {states}; layers counts directions too.", _INSIDE),
        f"{lengths}: (B,), how many steps of each row count, where not all do.",
        f"{mask}: (T, B), False at the steps that do not, wherever they are.",
        f"Returns the output {width}, {doubled} doubled if bidirectional,",
        "and the last states, shaped as the first.",
    )


def _wrapped(line: str, width: int) -> list[str]:
    """A line of a docstring, in several where it is too long."""
    return textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)


def _cell_shapes(plan: CellPlan, is_state: bool) -> str:
    cell = plan.source.cell
    given = listed(((i.name, i.given_shape) for i in cell.inputs), "B")
    states = listed(((s.name, s.shape) for s in cell.states), "B")
    output = "" if is_state else f"the output {output_text(cell, 'B')} and "
    line = f"One step. {given} to {output}{states}; B may be absent."
    # Quotation marks stand before and behind it.
    return "\n        ".join(_wrapped(line, _INSIDE - 6))
