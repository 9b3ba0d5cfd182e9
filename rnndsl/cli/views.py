"""What can be printed of a compilation: the tables behind --emit and ``show``.

An entry of EMITTED prints a stage of a whole spec; an entry of SHOWN prints one cell,
given by its place in the spec, over a number of time steps where that has a meaning.
Each imports what it needs when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from rnndsl.compiler import Compilation


def _ast(compilation: Compilation) -> str:
    from rnndsl.cli.ast_text import ast_text

    return ast_text(compilation.tree)


def _ir(compilation: Compilation) -> str:
    from rnndsl.ir.show import graph_text

    return "\n".join(map(graph_text, compilation.graphs))


def _gradient(compilation: Compilation) -> str:
    from rnndsl.symbolic.show_gradients import gradients_text

    return "\n".join(map(gradients_text, compilation.graphs))


def _plan(compilation: Compilation) -> str:
    from rnndsl.plan.show import plan_text

    return "\n".join(map(plan_text, compilation.plans))


def _python(compilation: Compilation) -> str:
    return compilation.module_text


def _equations_of(compilation: Compilation, index: int, _steps: int) -> str:
    from rnndsl.analysis.show import equations_text

    return equations_text(compilation.program.cells[index])


def _gradients_of(compilation: Compilation, index: int, _steps: int) -> str:
    from rnndsl.symbolic.show_gradients import gradients_text

    return gradients_text(compilation.graphs[index])


def _jacobian_of(compilation: Compilation, index: int, _steps: int) -> str:
    from rnndsl.symbolic.show_jacobian import jacobian_text

    return jacobian_text(compilation.graphs[index])


def _plan_of(compilation: Compilation, index: int, _steps: int) -> str:
    from rnndsl.plan.show import plan_text

    return plan_text(compilation.plans[index])


def _cost_of(compilation: Compilation, index: int, _steps: int) -> str:
    from rnndsl.plan.show_cost import cost_text

    return cost_text(compilation.plans[index])


def _latex_of(compilation: Compilation, index: int, _steps: int) -> str:
    from rnndsl.symbolic.latex import latex_text

    return latex_text(compilation.program.cells[index])


def _mermaid_of(compilation: Compilation, index: int, steps: int) -> str:
    from rnndsl.ir.mermaid import step_flowchart, unrolled_flowchart

    cell = compilation.program.cells[index]
    return unrolled_flowchart(cell, steps) if steps else step_flowchart(cell)


EMITTED: Mapping[str, Callable[[Compilation], str]] = MappingProxyType(
    {
        "ast": _ast,
        "ir": _ir,
        "gradient": _gradient,
        "plan": _plan,
        "python": _python,
    }
)

SHOWN: Mapping[str, Callable[[Compilation, int, int], str]] = MappingProxyType(
    {
        "equations": _equations_of,
        "gradients": _gradients_of,
        "jacobian": _jacobian_of,
        "plan": _plan_of,
        "cost": _cost_of,
        "latex": _latex_of,
        "mermaid": _mermaid_of,
    }
)
