"""The view of one kernel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from rnndsl.analysis.program import Dim
from rnndsl.backends.cuda.across import row_call
from rnndsl.backends.cuda.cut import Entries, EntryKernel, Kernel, RowKernel
from rnndsl.backends.cuda.layout import filled, index_text, stands_in, wrapped
from rnndsl.backends.cuda.memory import Memory, Setting
from rnndsl.backends.cuda.operations import AcrossFeatures, made, reads
from rnndsl.backends.cuda.section import Section, equation_comment
from rnndsl.backends.cuda.view import (
    EntryKernelView,
    KernelView,
    PartView,
    RowKernelView,
    SectionView,
)
from rnndsl.plan.statements import Across


def kernel_view(
    setting: Setting, kernel: Kernel, name: str, variable: str
) -> KernelView:
    """Raises NoKernels for values that do not fit beside each other."""
    match kernel:
        case EntryKernel(entries=entries):
            return _entry_kernel(setting, entries, name, variable)
        case RowKernel():
            return _row_kernel(setting, kernel, name, variable)
        case _:
            assert_never(kernel)


def _entry_kernel(
    setting: Setting, entries: Entries, name: str, variable: str
) -> EntryKernelView:
    memory = Memory(setting)
    section = Section(setting, memory, entries.shape, entries.operations)
    width = memory.width(tuple((dim,) for dim in entries.shape))
    step = _step_locals(section.code)
    code = "\n".join((section.code, *step))
    locals_ = []
    if stands_in("row", code):
        locals_.append(f"const Index row = {index_text(width, '/')};")
    if stands_in("unit", code):
        locals_.append(f"const Index unit = {index_text(width, '%')};")
    if stands_in("entry", code):
        step.append("const Index entry = t * count + n;")
    dims = _dimensions(setting, memory, f"{code} {width}")
    order = "int t = 0; t < steps; ++t" if setting.is_forward else _BACKWARD
    indent = 12 if setting.runs_all else 8
    return EntryKernelView(
        name=name,
        variable=variable,
        bind="bind",
        counts=(" * ".join(("batch", *map(setting.size, entries.shape))),),
        parameters=_parameters(setting, memory, dims, code),
        reads=(*_mask(code), *memory.read),
        writes=tuple(memory.written),
        sizes=_sizes(setting, dims, code),
        count="batch" if width == "1" else f"Index(batch) * {width}",
        locals=tuple(wrapped(locals_, 8)),
        opening=tuple(wrapped(section.opening, 8)),
        steps=f"for ({order})" if setting.runs_all else "",
        section=_section_view(section, step, indent),
        closing=tuple(section.closing),
    )


_BACKWARD = "int t = steps - 1; t >= 0; --t"


def _row_kernel(
    setting: Setting, kernel: RowKernel, name: str, variable: str
) -> RowKernelView:
    memory = Memory(setting)
    parts: list[PartView] = []
    codes: list[str] = []
    widths: dict[Dim, None] = {}
    # What threads may still be writing.
    unsettled: dict[str, None] = {}
    equation: int | None = None
    for part in kernel.parts:
        operations = part.operations if isinstance(part, Entries) else (part,)
        needed = [setting.lowered.source(n) for o in operations for n in reads(o)]
        waits = any(name in unsettled for name in needed)
        if waits:
            unsettled.clear()
        unsettled.update((n, None) for o in operations if (n := made(o)) is not None)
        lines: list[str] = []
        match part:
            case AcrossFeatures(statement=statement):
                own = statement.equation if isinstance(statement, Across) else None
                if own is not None and own != equation:
                    lines.append(equation_comment(setting, own))
                    equation = own
                call = row_call(memory, part, setting.places[part.target])
                lines.append(call)
                parts.append(PartView(waits=waits, calls=tuple(wrapped(lines, 8))))
                codes.append(call)
            case Entries(shape=shape):
                section = Section(setting, memory, shape, part.operations)
                view, code = _row_part(section, memory, shape, waits=waits)
                widths.update(dict.fromkeys(shape))
                parts.append(view)
                codes.append(code)
            case _:
                assert_never(part)
    code = "\n".join(codes)
    locals_ = _step_locals(code)
    code = "\n".join((code, *locals_))
    dims = _dimensions(setting, memory, code)
    return RowKernelView(
        name=name,
        variable=variable,
        bind="bind_rows",
        counts=("batch", _widest([setting.size(dim) for dim in widths])),
        parameters=_parameters(setting, memory, dims, code),
        reads=(*_mask(code), *memory.read),
        writes=tuple(memory.written),
        sizes=_sizes(setting, dims, code),
        locals=tuple(wrapped(locals_, 8)),
        parts=tuple(parts),
    )


def _row_part(
    section: Section, memory: Memory, shape: tuple[Dim, ...], *, waits: bool
) -> tuple[PartView, str]:
    """The part of a block's threads that computes entries, and its code."""
    width = memory.width(tuple((dim,) for dim in shape))
    locals_ = []
    if stands_in("count", section.code) or stands_in("entry", section.code):
        count = "batch" if width == "1" else f"Index(batch) * {width}"
        locals_.append(f"const Index count = {count};")
    if stands_in("n", section.code) or stands_in("entry", section.code):
        number = f"row * {width} + unit" if shape else "row"
        locals_.append(f"const Index n = {number};")
    if stands_in("entry", section.code):
        locals_.append("const Index entry = t * count + n;")
    head = (
        f"for (Index unit = threadIdx.x; unit < {width}; unit += blockDim.x)"
        if shape
        else "if (threadIdx.x == 0)"
    )
    view = PartView(waits=waits, head=head, section=_section_view(section, locals_, 12))
    return view, "\n".join((head, *locals_, section.code))


def _widest(sizes: list[str]) -> str:
    return f"max({', '.join(sizes)})" if len(sizes) > 1 else "".join(sizes) or "1"


def _section_view(section: Section, locals_: list[str], indent: int) -> SectionView:
    return SectionView(
        loads=tuple(wrapped([*locals_, *section.loads], indent)),
        body=tuple(wrapped(section.body, indent)),
        stores=tuple(wrapped(section.stores, indent)),
        kept=tuple(wrapped(section.kept, indent + 4)),
    )


def _step_locals(code: str) -> list[str]:
    """What is the same for all entries of a row in a step, where the code uses it."""
    found = []
    if stands_in("now", code):
        found.append("const int now = keep ? t : t % 2;")
    if stands_in("next", code):
        found.append("const int next = keep ? t + 1 : (t + 1) % 2;")
    is_masked = stands_in("is_live", code)
    if is_masked or stands_in("line", code):
        found.append("const Index line = t * Index(batch) + row;")
    if is_masked:
        found.append("const bool is_live = mask == nullptr || mask[line];")
    return found


def _mask(code: str) -> tuple[str, ...]:
    return ("mask",) if stands_in("mask", code) else ()


def _dimensions(setting: Setting, memory: Memory, code: str) -> list[tuple[str, str]]:
    """The dimensions that the code uses, and their names there."""
    return [
        (dim.name, own)
        for dim in setting.cell.dimensions
        if stands_in(own := memory.dim(dim.name), code)
    ]


def _sizes(
    setting: Setting, dims: Iterable[tuple[str, str]], code: str
) -> tuple[str, ...]:
    keep = ("keep",) if stands_in("keep", code) else ()
    return ("batch", *(setting.size(dim) for dim, _ in dims), *keep)


def _parameters(
    setting: Setting, memory: Memory, dims: Iterable[tuple[str, str]], code: str
) -> tuple[str, ...]:
    keep = ["keep"] if stands_in("keep", code) else []
    numbers = ["batch", *(own for _, own in dims), *keep]
    numbers.append("steps" if setting.runs_all else "t")
    items = [
        *(f"Mask {mask}" for mask in _mask(code)),
        *(f"In {_tensor(memory, tensor)}" for tensor in memory.read),
        *(f"Out {_tensor(memory, tensor)}" for tensor in memory.written),
        *(f"int {number}" for number in numbers),
    ]
    return tuple(filled(items))


def _tensor(memory: Memory, name: str) -> str:
    return memory.names.of("tensor", name)
