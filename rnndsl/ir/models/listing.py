"""A model as a list of its parts: what ``rnndsl show --as equations`` prints of it."""

from __future__ import annotations

from collections.abc import Iterator

from rnndsl.analysis.model import Generation, Model
from rnndsl.columns import aligned
from rnndsl.formulas.text import written_number
from rnndsl.ir.models.outline import Form, Outline
from rnndsl.ir.models.outliner import outline_of


def model_heading(model: Model) -> str:
    """``model Tagger(V, K)``."""
    dimensions = ", ".join(dimension.name for dimension in model.dimensions)
    return f"model {model.name}({dimensions})"


def model_text(model: Model) -> str:
    """Sizes, then every part with the shape of what leaves it at a step of a row, and
    what it reads where that is not the part above."""
    outline = outline_of(model)
    sizes = [("size", d.name, d.argument) for d in model.dimensions]
    lines = [model_heading(model), ""]
    if sizes:
        lines += [*aligned(sizes), ""]
    lines += aligned(_parts(outline))
    others = list(_others(model))
    if others:
        lines += ["", *aligned(others)]
    return "\n".join(lines) + "\n"


def _parts(outline: Outline) -> Iterator[tuple[str, ...]]:
    loops = {
        loop.target: loop.is_backward
        for loop in outline.loops
        if loop.source == loop.target
    }
    former = ""
    for block in outline.blocks:
        sources = [a.source for a in outline.arrows if a.target == block.name]
        notes = []
        if sources and sources != [former]:
            notes.append(f"of {', '.join(sources)}")
        if block.name in loops:
            notes.append("backward in time" if loops[block.name] else "over time")
        if not block.has_time and block.form is not Form.END:
            notes.append("once")
        entries = (block.name, block.text, block.shape, ", ".join(notes))
        yield entries if notes else entries[:3] if block.shape else entries[:2]
        former = block.name


def _others(model: Model) -> Iterator[tuple[str, ...]]:
    """What is said of the whole model."""
    if model.settling is not None:
        steps, tolerance = model.settling.steps, model.settling.tolerance
        exact = f", tolerance = {written_number(tolerance).text}" if tolerance else ""
        yield ("settle", f"{steps}{exact}")
    if model.stateful is not None:
        yield ("stateful",)
    if model.reset is not None:
        yield ("reset",)
    if model.truncation is not None:
        yield ("truncate", str(model.truncation.steps))
    if model.generation is not None:
        yield ("generate", _generation(model.generation))


def _generation(generation: Generation) -> str:
    start = [] if generation.start is None else [f"start({generation.start})"]
    stop = [] if generation.stop is None else [f"stop({generation.stop})"]
    return ", ".join([*start, *stop])
