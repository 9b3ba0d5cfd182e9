"""Functions over features, as calls of those of ``runtime.kernels.row_source``."""

from __future__ import annotations

from typing import assert_never

from rnndsl.backends.cuda.memory import Found, Memory
from rnndsl.backends.cuda.operations import AcrossFeatures, NoKernels
from rnndsl.backends.cuda.places import Place
from rnndsl.backends.cuda.printer import ROW_FUNCTIONS, cuda_number
from rnndsl.plan.statements import Across, AcrossBackward, SumFeatures


def row_call(memory: Memory, operation: AcrossFeatures, place: Place) -> str:
    """The call that computes the block's row of what an operation makes, in ``place``.

    Raises NoKernels for a function without a spelling.
    """
    statement = operation.statement
    constants: tuple[float, ...] = ()
    match statement:
        case Across(function=name, operand=operand, constants=constants):
            given = [operand]
        case AcrossBackward(function=function, constants=constants):
            is_extreme = function in ("largest", "smallest")
            name = f"{'extreme' if is_extreme else function}_backward"
            values = (statement.arriving, statement.result, statement.operand)
            given = [value for value in values if value is not None]
        case SumFeatures(operand=operand):
            name, given = "sum", [operand]
        case _:
            assert_never(statement)
    if f"row_{name}" not in ROW_FUNCTIONS:
        raise NoKernels(f"uses {name}, for which no kernel is written")
    found = [memory.find(value) for value in given]
    target = Found(place=place, axes=place.widths)
    if isinstance(statement, AcrossBackward):
        width = memory.width(((statement.features,),))
    else:
        width = memory.width(found[0].axes)
    arguments = [
        *(memory.row(value) for value in found),
        width,
        *(cuda_number(constant).text for constant in constants),
        memory.row(target, is_written=True),
    ]
    return f"row_{name}({', '.join(arguments)});"
