"""The convolution of an image, or of places in a row, with a kernel."""

from __future__ import annotations

from collections.abc import Sequence

from rnndsl.analysis import program
from rnndsl.analysis.context import Context
from rnndsl.analysis.findings import error, quoted, shape_text
from rnndsl.analysis.operand import Operand
from rnndsl.analysis.program import Shape
from rnndsl.diagnostics import Diagnostic
from rnndsl.syntax import tree


def convolved(
    call: tree.Call, arguments: Sequence[Operand | None], context: Context
) -> Operand | None:
    """A call of ``conv``, whose number of arguments is right."""
    kernel = _kernel(call.arguments[0], arguments[0], context)
    image = context.value(arguments[1], call.arguments[1])
    added = len(arguments) > 2
    bias = _parameter(arguments[2]) if added else None
    if added and arguments[2] is not None and bias is None:
        context.add(not_a_bias(call.arguments[2], None, kernel))
    if kernel is None or image is None or (added and bias is None):
        return None
    wrong = _wrong(call, kernel, image, bias)
    if context.add(wrong):
        return None
    expression = program.Convolved(
        span=call.span,
        kernel=kernel,
        operand=image.expression,
        bias=bias,
        shape=(kernel.shape[0], *image.shape[1:]),
    )
    parts = (arguments[0], image, *arguments[2:])
    return Operand.of(expression, *(part for part in parts if part is not None))


def _kernel(
    node: tree.Expression, operand: Operand | None, context: Context
) -> program.ReadParameter | None:
    if operand is None:
        return None
    kernel = _parameter(operand)
    if kernel is None or len(kernel.shape) not in (3, 4):
        context.add(not_a_kernel(node, operand))
        return None
    return kernel


def _parameter(operand: Operand | None) -> program.ReadParameter | None:
    if operand is None or not isinstance(operand.expression, program.ReadParameter):
        return None
    return operand.expression


def _wrong(
    call: tree.Call,
    kernel: program.ReadParameter,
    image: Operand,
    bias: program.ReadParameter | None,
) -> Diagnostic | None:
    first, second = call.arguments[:2]
    places = kernel.shape[2:]
    if not all(isinstance(size, int) and size % 2 for size in places):
        return kernel_not_odd(first, kernel.shape)
    if len(image.shape) != len(kernel.shape) - 1:
        return not_an_image(second, image.shape, kernel)
    if image.shape[0] != kernel.shape[1]:
        return channels_differ(second, image.shape, kernel)
    if bias is not None and bias.shape != kernel.shape[:1]:
        return not_a_bias(call.arguments[2], bias.shape, kernel)
    return None


def not_a_kernel(node: tree.Expression, operand: Operand) -> Diagnostic:
    """What stands first in ``conv`` is not the name of a kernel."""
    return error(
        "RNN180",
        "`conv` takes the name of a kernel first",
        node.span,
        label=f"has shape {shape_text(operand.shape)}",
        help="declare a kernel: `param K: [H, I, 3, 3]`, `[H, I, 3]` in one dimension",
    )


def channels_differ(
    node: tree.Expression, shape: Shape, kernel: program.ReadParameter
) -> Diagnostic:
    """A kernel for another number of channels than the image has."""
    wanted, found = kernel.shape[1], shape[0]
    fitting = shape_text((kernel.shape[0], found, *kernel.shape[2:]))
    return error(
        "RNN181",
        f"channels do not match: the kernel takes {wanted}, the image has {found}",
        node.span,
        label=f"has shape {shape_text(shape)}",
        help=f"a kernel that takes it to {kernel.shape[0]} channels is {fitting}",
    )


def kernel_not_odd(node: tree.Expression, shape: Shape) -> Diagnostic:
    """A kernel without a middle."""
    return error(
        "RNN182",
        f"the sizes of the kernel {quoted(node.span.text)} must be odd numbers",
        node.span,
        label=f"has shape {shape_text(shape)}",
        notes=["zeros around the image keep its size where the kernel has a middle"],
        help=f"write {shape_text((*shape[:2], *(3 for _ in shape[2:])))}",
    )


def not_an_image(
    node: tree.Expression, shape: Shape, kernel: program.ReadParameter
) -> Diagnostic:
    """Something without channels and places, or with too many of them."""
    wanted = "[C, Y, X]" if len(kernel.shape) == 4 else "[C, L]"
    return error(
        "RNN183",
        f"the kernel {quoted(kernel.name)} goes over a value of shape {wanted}",
        node.span,
        label=f"has shape {shape_text(shape)}",
        help="write `@` and a matrix for a vector" if len(shape) == 1 else "",
    )


def not_a_bias(
    node: tree.Expression, shape: Shape | None, kernel: program.ReadParameter | None
) -> Diagnostic:
    """What stands last in ``conv`` is no number for each channel."""
    wanted = "" if kernel is None else f" of shape {shape_text(kernel.shape[:1])}"
    found = "not the name of one" if shape is None else f"has shape {shape_text(shape)}"
    return error(
        "RNN184",
        f"`conv` adds a bias or a parameter{wanted}, a number for each channel",
        node.span,
        label=found,
        help="add what has another shape to the result",
    )
