"""What the templates are given: lines and names, nothing to decide."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """The function of one step, as written."""

    name: str
    cell: str
    arguments: tuple[str, ...]
    output_shape: str
    lines: tuple[str, ...]
    returned: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskView:
    """Masks of each step, with as many feature axes as the states that use them."""

    name: str
    mask: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardView:
    """The function of all steps."""

    name: str
    cell: str
    arguments: tuple[str, ...]
    output_shape: str
    opening: tuple[str, ...]
    before: tuple[str, ...]
    unbound: tuple[str, ...]
    masks: tuple[MaskView, ...]
    lists: tuple[str, ...]
    has_loop: bool
    loop: tuple[str, ...]
    always: tuple[str, ...]
    kept: tuple[str, ...]
    hold: tuple[str, ...]
    advance: tuple[str, ...]
    after: tuple[str, ...]
    final: tuple[str, ...]
    saved: tuple[str, ...]
    returned: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackwardView:
    """The function of backpropagation through time."""

    name: str
    cell: str
    opening: tuple[str, ...]
    before: tuple[str, ...]
    unbound: tuple[str, ...]
    masks: tuple[MaskView, ...]
    lists: tuple[str, ...]
    start: tuple[str, ...]
    has_loop: bool
    hold: tuple[str, ...]
    release: tuple[str, ...]
    always: tuple[str, ...]
    loop: tuple[str, ...]
    advance: tuple[str, ...]
    after: tuple[str, ...]
    no_inputs: tuple[str, ...]
    for_inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    final: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanView:
    """The function of all steps at once."""

    name: str
    cell: str
    arguments: tuple[str, ...]
    output_shape: str
    lines: tuple[str, ...]
    returned: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassesView:
    """The specification and the two classes of a cell."""

    cell: str
    specification: str
    specification_lines: tuple[str, ...]
    layer_docstring: tuple[str, ...]
    cell_docstring: tuple[str, ...]
    layer_parameters: tuple[str, ...]
    cell_parameters: tuple[str, ...]
    sizes: str
    layer_call: tuple[str, ...]
    packed_call: tuple[str, ...]
    either_call: tuple[str, ...]
    cell_call: tuple[str, ...]
    layer_run: tuple[str, ...]
    cell_run: tuple[str, ...]
    shapes: tuple[str, ...]
    cell_shapes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CellView:
    step: StepView
    forward: ForwardView
    backward: BackwardView
    scan: ScanView | None
    kernels: tuple[str, ...]
    classes: ClassesView


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodView:
    """One method of a class."""

    signature: tuple[str, ...]
    docstring: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LossView:
    """The methods that compare outputs with targets and read them."""

    signature: tuple[str, ...]
    docstring: tuple[str, ...]
    lines: tuple[str, ...]
    predict_signature: tuple[str, ...]
    predict_docstring: tuple[str, ...]
    predict_lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """The specification and the class of a model. ``methods`` are those that
    ``forward`` is made of. There are no ``initial_states`` where something is given
    once a sequence. ``runtime`` has the names that it needs of the runtime."""

    name: str
    base: str
    specification: str
    specification_lines: tuple[str, ...]
    docstring: tuple[str, ...]
    parameters: tuple[str, ...]
    keywords: tuple[str, ...]
    initialise: str
    build: tuple[str, ...]
    forward_overloads: tuple[tuple[str, ...], ...]
    forward_signature: tuple[str, ...]
    forward_docstring: tuple[str, ...]
    forward: tuple[str, ...]
    methods: tuple[MethodView, ...]
    loss: LossView | None
    step_signature: tuple[str, ...]
    step_docstring: tuple[str, ...]
    step: tuple[str, ...]
    initial_states: tuple[str, ...]
    generate: MethodView | None
    runtime: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleView:
    """The whole module. ``runtime`` is the bundled runtime of a standalone module."""

    docstring: tuple[str, ...]
    header: tuple[str, ...]
    imports: tuple[str, ...]
    runtime: tuple[str, ...]
    exports: tuple[str, ...]
    cells: tuple[CellView, ...]
    models: tuple[ModelView, ...]
