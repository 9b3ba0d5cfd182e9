"""What can be printed of a compilation: the tables behind --emit and ``show``.

An entry of EMITTED prints a stage of a whole spec; an entry of SHOWN prints one cell,
and one of SHOWN_MODELS one model, given by its place in the spec, over a number of time
steps where that has a meaning.
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
    from rnndsl.ir.models.listing import model_text
    from rnndsl.ir.show import graph_text

    cells = map(graph_text, compilation.graphs)
    return "\n".join([*cells, *map(model_text, compilation.program.models)])


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


def _list_of_model(compilation: Compilation, index: int, _steps: int) -> str:
    from rnndsl.ir.models.listing import model_text

    return model_text(compilation.program.models[index])


def _cost_of_model(compilation: Compilation, index: int, _steps: int) -> str:
    from rnndsl.plan.cost import cost_of
    from rnndsl.plan.models.show_cost import model_cost_text

    model = compilation.program.models[index]
    parts = (model,) if model.encoder is None else (model.encoder, model)
    used = [cell.name for part in parts for cell in part.cells]
    plans = [plan for plan in compilation.plans if plan.graph.cell.name in used]
    return model_cost_text(model, {p.graph.cell.name: cost_of(p) for p in plans})


def _mermaid_of_model(compilation: Compilation, index: int, steps: int) -> str:
    from rnndsl.ir.models.flowchart import model_flowchart, unrolled_model

    model = compilation.program.models[index]
    return unrolled_model(model, steps) if steps else model_flowchart(model)


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

SHOWN_MODELS: Mapping[str, Callable[[Compilation, int, int], str]] = MappingProxyType(
    {
        "equations": _list_of_model,
        "cost": _cost_of_model,
        "mermaid": _mermaid_of_model,
    }
)
