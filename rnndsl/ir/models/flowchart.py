"""A model as a Mermaid flowchart: folded, with loops, or unfolded over time steps.

This is what ``rnndsl show --as mermaid`` prints of a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rnndsl.analysis.model import Model
from rnndsl.ir.mermaid import escaped
from rnndsl.ir.models.outline import Arrow, Block, Form, Outline
from rnndsl.ir.models.outliner import outline_of

_BRACKETS = {
    Form.END: ('(["', '"])'),
    Form.MODULE: ('["', '"]'),
    Form.MEETING: ('(("', '"))'),
}


def model_flowchart(model: Model) -> str:
    """Inputs below, the loss above; a recurrence has an arrow to itself."""
    outline = outline_of(model)
    lines = ["flowchart BT"]
    lines += [f"  {_box(block, block.name)}" for block in outline.blocks]
    for arrow in outline.arrows:
        lines.append(f"  {_line(arrow.source, arrow.target, arrow)}")
    for loop in outline.loops:
        said = "step before" if loop.is_backward else "next step"
        said = "generate" if loop.generates else said
        lines.append(f'  {loop.source} -. "{said}" .-> {loop.target}')
    return "\n".join(lines) + "\n"


def unrolled_model(model: Model, steps: int) -> str:
    """A copy of all that happens at a step for each of the steps, side by side, of an
    encoder and of the model itself; a model without time has none."""
    outline = outline_of(model)
    if not any(block.has_time for block in outline.blocks):
        return model_flowchart(model)
    lines = ["flowchart BT"]
    once = [block for block in outline.blocks if not block.has_time]
    lines += [f"  {_box(block, block.name)}" for block in once]
    axes = {b.name: b.of_source for b in outline.blocks if b.has_time}
    for of_source in dict.fromkeys(axes.values()):
        lines += _steps(outline, axes, of_source, steps)
    for arrow in outline.arrows:
        lines += [f"  {line}" for line in _across(arrow, outline, axes, steps)]
    for loop in outline.loops:
        for step in range(1, steps):
            before, after = step, step + 1
            if loop.is_backward:
                before, after = after, before
            ends = _at(loop.source, before), _at(loop.target, after)
            said = ' "generate" .-' if loop.generates else "-"
            lines.append(f"  {ends[0]} -.{said}> {ends[1]}")
    return "\n".join(lines) + "\n"


def _steps(
    outline: Outline, axes: Mapping[str, bool], of_source: bool, steps: int
) -> Iterator[str]:
    """The steps of an encoder's sequence, or of the model's own."""
    title = "source, t" if of_source else "t"
    own = [block for block in outline.blocks if axes.get(block.name) is of_source]
    for step in range(1, steps + 1):
        name = f"source{step}" if of_source else f"step{step}"
        yield f'  subgraph {name}["{title} = {step}"]'
        for block in own:
            yield f"    {_box(block, _at(block.name, step))}"
        for arrow in outline.arrows:
            ends = axes.get(arrow.source), axes.get(arrow.target)
            if ends == (of_source, of_source):
                names = _at(arrow.source, step), _at(arrow.target, step)
                yield f"    {_line(*names, arrow)}"
        yield "  end"


def _across(
    arrow: Arrow, outline: Outline, axes: Mapping[str, bool], steps: int
) -> Iterator[str]:
    """The lines of an arrow that does not stay within a step."""
    source, target = axes.get(arrow.source), axes.get(arrow.target)
    if source is not None and source is target:
        return
    backward = [loop.target for loop in outline.loops if loop.is_backward]
    sources = [arrow.source]
    if source is not None:
        every = range(1, steps + 1)
        if arrow.of_last:
            last = 1 if arrow.source in backward else steps
            every = range(last, last + 1)
        sources = [_at(arrow.source, step) for step in every]
    targets = [arrow.target]
    if target is not None:
        every = range(1, steps + 1)
        if arrow.to_first:
            first = steps if arrow.target in backward else 1
            every = range(first, first + 1)
        targets = [_at(arrow.target, step) for step in every]
    for one in sources:
        for other in targets:
            yield _line(one, other, arrow)


def _at(name: str, step: int) -> str:
    """What the copy of a block at a step is called."""
    return f"{name}_t{step}"


def _box(block: Block, name: str) -> str:
    opening, closing = _BRACKETS[block.form]
    parts = [block.text, block.shape] if block.shape else [block.text]
    return f"{name}{opening}{'<br>'.join(map(escaped, parts))}{closing}"


def _line(source: str, target: str, arrow: Arrow) -> str:
    if arrow.to_first:
        return f'{source} -. "{arrow.label}" .-> {target}'
    if arrow.label:
        return f'{source} -- "{arrow.label}" --> {target}'
    return f"{source} --> {target}"
