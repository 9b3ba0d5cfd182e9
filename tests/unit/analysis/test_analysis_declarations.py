"""Rules about declarations, in the forms beyond those of ``tests/rules``."""

from __future__ import annotations

import pytest
from analysis_specs import cell, found

LONG = "n" * 41

# What is declared, what is added to h[t] (after further equations), what is found.
DECLARATIONS = {
    "accepted: scalar input": ("input dt: []", "dt[t]", []),
    "accepted: number as dimension": (
        "state s: [3]\nparam V: [3, I], R: [H, 3]",
        "s[t] = V @ x[t] + s[t-1]\nR @ s[t]",
        [],
    ),
    "accepted: starting values": ("bias d_{i,f}: [H] = {0, two / 4}", "d_i + d_f", []),
    "accepted: one value for all": ("bias d_{i,f}: [H] = 1", "d_i + d_f", []),
    "accepted: numbers as members": ("param v_{1,2}: [H]", "v_1 + v_2", []),
    "accepted: sizes in an initialiser": (
        "param v: [H] ~ uniform(-1/sqrt(H), two/sqrt(H))",
        "v",
        [],
    ),
    "accepted: gain": ("param V: [H, I] ~ orthogonal(0.5)", "V @ x[t]", []),
    "accepted: rectangular identity": ("param V: [H, I] ~ identity", "V @ x[t]", []),
    "accepted: later parameter starts a state": (
        "state s: [H] = s0\nparam s0: [H]",
        "s[t] = s[t-1] + used\ns[t]",
        [],
    ),
    "accepted: constant starts a state": (
        "state s: [H] = -two ** 2",
        "s[t] = s[t-1] + used\ns[t]",
        [],
    ),
    "accepted: constants of constants": (
        "const part = 1 / two, angle = part * pi",
        "angle * used",
        [],
    ),
    "accepted: choice of constants": (
        "const larger = where(pi > 3, max(1, two), 0)",
        "larger * used",
        [],
    ),
    "twice in a group": ("param v_{a,a}: [H]", "v_a", ["RNN022 a"]),
    "member and name": ("param v_{a,b}: [H], v_a: [H]", "v_a + v_b", ["RNN022 v_a"]),
    "dimension and parameter": ("param I: [H]", "w", ["RNN022 I"]),
    "time as a name": ("param t: [H]", "t", ["RNN023 t"]),
    "number as a name": ("param pi: [H]", "pi", ["RNN023 pi"]),
    "function as a name": ("param exp: [H]", "exp", ["RNN023 exp"]),
    "two underscores": ("param __w: [H]", "__w", ["RNN023 __w"]),
    "too long": (f"param {LONG}: [H]", LONG, [f"RNN023 {LONG}"]),
    "stored as a module attribute": ("param v: [H] as to", "v", ["RNN023 to"]),
    "stored as a runtime attribute": ("param engine: [H]", "engine", ["RNN023 engine"]),
    "stem as a module attribute": (
        "param to_{a,b}: [H]",
        "to_a + to_b",
        ["RNN023 to_"],
    ),
    "argument of forward": ("input hx: [H]", "hx[t]", ["RNN023 hx"]),
    "local as starting value": ("param v: [H] = used", "v", ["RNN046 used"]),
    "state as constant": ("const m = h[t-1]", "m * used", ["RNN046 h[t-1]"]),
    "dimension as constant": ("const m = H", "m * used", ["RNN046 H"]),
    "dimension as starting value": ("param v: [H] = 1 / H", "v", ["RNN046 H"]),
    "parameter in an initialiser": ("param v: [H] ~ uniform(0, k)", "v", ["RNN046 k"]),
    "later constant": (
        "const one = three - two, three = 3",
        "one * three * used",
        ["RNN032 three"],
    ),
    "own constant": ("const one = one", "one * used", ["RNN032 one"]),
    "constant of a wrong one": (
        "const zero = 1 / 0, one = zero + 1",
        "one * used",
        ["RNN047 0"],
    ),
    "range in disorder": ("param v: [H] ~ uniform(1, 0)", "v", ["RNN047 1, 0"]),
    "negative deviation": ("param v: [H] ~ normal(0, -1)", "v", ["RNN047 -1"]),
    "enormous size": ("param v: [9999999999]", "v", ["RNN047 9999999999"]),
    "argument of an initialiser without any": (
        "param V: [H, I] ~ identity(1)",
        "V @ x[t]",
        ["RNN052 identity"],
    ),
    "braces without a group": ("param v: [H] = {1}", "v", ["RNN053 {1}"]),
    "xavier on a vector": (
        "param v: [H] ~ xavier_normal",
        "v",
        ["RNN054 xavier_normal"],
    ),
    "bias starts a state": (
        "state s: [H] = b",
        "s[t] = s[t-1] + used\ns[t]",
        ["RNN055 b"],
    ),
    "matrix starts a state": (
        "state s: [H] = U",
        "s[t] = s[t-1] + used\ns[t]",
        ["RNN055 U"],
    ),
    "input starts a state": (
        "state s: [I] = x[t]",
        "s[t] = s[t-1] + x[t]\nW @ s[t]",
        ["RNN046 x[t]"],
    ),
    "parameter as dimension": ("param v: [k]", "v", ["RNN056 k"]),
    "stored like a parameter": ("param W_{a,b}: [H]", "W_a + W_b", ["RNN061 W_"]),
    "stored like a size": (
        "param v: [H] as hidden_size",
        "v",
        ["RNN061 hidden_size"],
    ),
    "constant without a value": ("const m", "m * used", ["RNN069 m"]),
    "constant with a shape": ("const m: [H] = 1", "m * used", ["RNN070 [H]"]),
    "stored input": ("input u: [H] as v", "u[t]", ["RNN070 v"]),
    "drawn state": (
        "state s: [H] ~ orthogonal",
        "s[t] = s[t-1] + used\ns[t]",
        ["RNN070 orthogonal"],
    ),
    "group of states": (
        "state s_{a}: [H]",
        "s_a[t] = s_a[t-1] + used\ns_a[t]",
        ["RNN070 s_"],
    ),
    "vector of vectors": ("input u: [H, I, I, I]", "u[t]", ["RNN072 [H, I, I, I]"]),
    "matrix of biases": ("bias d: [H, I]", "d", ["RNN072 [H, I]"]),
}


@pytest.mark.parametrize(
    ("declarations", "equations", "expected"),
    DECLARATIONS.values(),
    ids=DECLARATIONS.keys(),
)
def test_declarations(declarations: str, equations: str, expected: list[str]) -> None:
    *lines, added = equations.splitlines()
    assert found(cell("\n".join([*lines, f"h[t] = used + {added}"]), declarations)) == (
        expected
    )


HEADS = {
    "argument twice": ("A(I, H, m, M)", ["RNN058 M"]),
    "argument of every module": ("A(I, H, m as dropout, M)", ["RNN058 dropout"]),
    "argument that is a keyword": ("A(I, H, m as class, M)", ["RNN023 class"]),
    "argument like a default one": ("A(I, H, m as M_size, M)", []),
    "dimension twice": ("A(I, H, m, M as q, m)", ["RNN022 m"]),
}


@pytest.mark.parametrize(("head", "expected"), HEADS.values(), ids=HEADS.keys())
def test_heads(head: str, expected: list[str]) -> None:
    declarations = "input v: [m], V: [M]\nparam R: [H, m], Q: [H, M]"
    spec = cell("h[t] = used + R @ v[t] + Q @ V[t]", declarations, head=head)
    assert found(spec) == expected
