"""Words behind shapes and initialisers of members, beyond ``tests/rules``."""

from __future__ import annotations

import pytest
from analysis_specs import cell, cell_of, found, report_on

from rnndsl.analysis.program import DrawnFrom, FilledWith, StructureKind
from rnndsl.analysis.show import equations_text
from rnndsl.formulas.formula import Number

# What is declared, what is added to h[t], what is found.
DECLARATIONS = {
    "accepted: constants": ("param V: [H, H] low_rank(two)", "V @ h[t-1]", []),
    "accepted: frozen vector": ("param v: [H] frozen", "v", []),
    "accepted: frozen scalar": ("param v: [] frozen = 1", "v", []),
    "accepted: frozen last": ("param V: [H, H] diagonal frozen", "V @ h[t-1]", []),
    "accepted: square by number": (
        "state s: [3]\nparam V: [3, 3] orthogonal, R: [H, 3]",
        "s[t] = V @ s[t-1]\nR @ s[t]",
        [],
    ),
    "accepted: constants for members": (
        "bias d_{i,f}: [H] ~ {two / 2, -two}",
        "d_i + d_f",
        [],
    ),
    "accepted: a name and a call": (
        "param V_{a,b}: [H, H] ~ {identity, orthogonal(2)}",
        "V_a @ h[t-1] + V_b @ h[t-1]",
        [],
    ),
    "structure of a state": (
        "state s: [H] frozen",
        "s[t] = s[t-1] + used\ns[t]",
        ["RNN070 frozen"],
    ),
    "structure of an input": (
        "input y: [I] sparse(0.5)",
        "W @ y[t]",
        ["RNN070 sparse(0.5)"],
    ),
    "rectangular": ("param V: [H, I] diagonal", "V @ x[t]", ["RNN168 diagonal"]),
    "vector": ("param v: [H] sparse(0.5)", "v", ["RNN168 sparse"]),
    "no argument": ("param V: [H, I] sparse", "V @ x[t]", ["RNN169 sparse"]),
    "argument not wanted": (
        "param V: [H, H] orthogonal(2)",
        "V @ h[t-1]",
        ["RNN169 orthogonal(2)"],
    ),
    "frozen with an argument": ("param v: [H] frozen(1)", "v", ["RNN169 frozen(1)"]),
    "no rank": ("param V: [H, I] low_rank(0)", "V @ x[t]", ["RNN169 low_rank(0)"]),
    "no whole number": (
        "param V: [H, I] block_diagonal(2.5)",
        "V @ x[t]",
        ["RNN169 block_diagonal(2.5)"],
    ),
    "dimension as a rank": ("param V: [H, I] low_rank(H)", "V @ x[t]", ["RNN046 H"]),
    "frozen twice": ("param v: [H] frozen frozen", "v", ["RNN170 frozen"]),
    "refused start in a group": (
        "param V_{a,b}: [H, H] low_rank(2) ~ {normal(0, 1), 0}",
        "V_a @ h[t-1] + V_b @ h[t-1]",
        ["RNN171 0"],
    ),
    "sparse identity": (
        "param V: [H, I] sparse(0.5) ~ identity",
        "V @ x[t]",
        ["RNN171 identity"],
    ),
    "radius of a rectangle": (
        "param V: [H, I] ~ spectral_radius(1)",
        "V @ x[t]",
        ["RNN054 spectral_radius"],
    ),
    "negative radius": (
        "param V: [H, H] ~ spectral_radius(-1)",
        "V @ h[t-1]",
        ["RNN047 -1"],
    ),
    "share above one": (
        "param V: [H, H] ~ sparse_normal(2, 1)",
        "V @ h[t-1]",
        ["RNN047 2"],
    ),
    "chrono of one step": ("bias d: [H] ~ chrono(1)", "d", ["RNN047 1"]),
    "too few members": (
        "bias d_{i,f}: [H] ~ {chrono(9)}",
        "d_i + d_f",
        ["RNN053 {chrono(9)}"],
    ),
    "braces without a group": (
        "bias d: [H] ~ {chrono(9)}",
        "d",
        ["RNN053 {chrono(9)}"],
    ),
    "misspelt in braces": (
        "bias d_{i,f}: [H] ~ {chrno(9), 0}",
        "d_i + d_f",
        ["RNN051 chrno"],
    ),
    "columns of a sparse parameter": (
        "param V: [H, I] sparse(0.5), V_columns: [H]",
        "V @ x[t] + V_columns",
        ["RNN061 V_columns"],
    ),
}


@pytest.mark.parametrize(
    ("declarations", "equations", "expected"), DECLARATIONS.values(), ids=DECLARATIONS
)
def test_declarations(declarations: str, equations: str, expected: list[str]) -> None:
    *lines, added = equations.splitlines()
    assert found(cell("\n".join([*lines, f"h[t] = used + {added}"]), declarations)) == (
        expected
    )


def test_what_is_resolved() -> None:
    declarations = """\
param V: [H, I] sparse(1 / two ** 2) frozen as weight_v
bias d_{i,f,g}: [H] ~ {-chrono(two * 50), chrono(100), two}"""
    resolved = cell_of(cell("h[t] = V @ x[t] + d_i + d_f + d_g + used", declarations))
    weight, bias = resolved.parameters[-2:]
    assert weight.frozen
    assert weight.structure is not None
    assert weight.structure.kind is StructureKind.SPARSE
    assert weight.structure.argument == 0.25
    span = bias.span
    assert [member.initial for member in bias.members] == [
        DrawnFrom(
            span=span, function="chrono", arguments=(Number(100.0),), negated=True
        ),
        DrawnFrom(span=span, function="chrono", arguments=(Number(100.0),)),
        FilledWith(span=span, value=2.0),
    ]
    shown = equations_text(resolved)
    assert "param  V    [H, I] frozen sparse(0.25)  weight_v" in shown
    assert "bias   d_i  [H]                         d[0:H]" in shown
    assert "~ -chrono(100)" in shown


def test_advice() -> None:
    def help_on(declarations: str) -> list[str]:
        diagnostics = report_on(cell("h[t] = used + V @ h[t-1]", declarations))
        return [diagnostic.help for diagnostic in diagnostics]

    assert help_on("param V: [H, H] simmetric") == ["did you mean `symmetric`?"]
    assert help_on("param V: [H, H] lowrank(2)") == ["did you mean `low_rank`?"]
    assert help_on("param V: [H, H] quick")[0].startswith("there are `orthogonal`, ")
    assert help_on("param V: [H, H] sparse") == ["write `sparse(0.1)`"]
