"""What the zoo does not use of the language, compiled and verified."""

from __future__ import annotations

import pytest
from mutation import load_source

from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source
from rnndsl.formulas.features import ALL_FUNCTIONS
from rnndsl.verify import VerificationReport, render_table, verify_program

SPECS = {
    "learned first state": """
cell Learned(I, H):
    input x: [I]
    state h: [H] = h0, n: [] = 2
    param W: [H, I], U: [H, H] ~ orthogonal, h0: [H] = 0.5

    n[t] = 0.5 * n[t-1] + 1
    h[t] = tanh(W @ x[t] + U @ h[t-1]) / n[t]
    output h[t]
""",
    "scalars everywhere": """
cell Scalars(H):
    input x: []
    state s: [] = 1, g: [H]
    param a: [], b_{p,q}: [] = {0.5, -0.5}, w: [H]

    s[t] = tanh(a * s[t-1] + b_p * x[t]) + b_q
    g[t] = sin(w * s[t] + g[t-1]) - x[t]
    output s[t] * x[t]
""",
    "over features": """
def spread(u) = sqrt(mean((u - mean(u)) ** 2) + 0.5)

cell Across(I, H, K as key_size):
    input x: [I], n: []
    state h: [H], k: [K] = 0.5, s: []
    param W_{a,b,c}: [H, I], U_{a,b}: [H, H], V: [K, H], v: [H], w: [4] ~ uniform(0, 1)
    bias b: [H], d: [K]

    a = v * layer_norm(W_a @ x[t] + U_a @ h[t-1] + b, 0.1) + smallest(w)
    m = largest(k[t-1]) / spread(W_b @ x[t]) - n[t]
    h[t] = tanh(a + rms_norm(v, 0.2) * m) + softmax(U_b @ h[t-1]) * sum(h[t-1])
    k[t] = log_softmax(V @ (h[t] * s[t-1]) + d + mean(x[t])) / K
    s[t] = 0.5 * s[t-1] + mean(W_c @ x[t]) * sum(softmax(w) * w)
    output rms_norm(k[t] + s[t]) + largest(h[t])
""",
    "numeric sizes": """
cell Numeric(I, H):
    input x: [I]
    state h: [H], k: [3] = 1
    param W: [H, I], V: [3, H], R: [H, 3]

    k[t] = 0.9 * k[t-1] + V @ h[t-1]
    h[t] = tanh(W @ x[t] + R @ k[t])
    output k[t]
""",
    "comparisons and powers": """
def leak(u) = where(u < 0, 2 ** -2 * u, u)

cell Compared(I, H):
    input x: [I], y: [H]
    state h: [H], g: [H]
    param W: [H, I], u_{a,b}: [H] = 1
    bias b: [H]
    const k = sqrt(0.5)

    v = W @ x[t] + b
    w = where(v <= h[t-1], v * k, where(y[t] > 0.3, h[t-1], -v))
    g[t] = leak(w) ** 2 - (1 + v ** 2) ** -0.5 * u_a
    h[t] = u_b * tanh(g[t] / sqrt(H)) + where(v != 0, g[t-1], 0) / H
    output h[t] - g[t]
""",
    "old and new values of several states": """
cell Swapped(I, H):
    input x: [I]
    state a: [H], b: [H], c: [H]
    param W_{a,b}: [H, I], U: [H, H]

    a[t] = b[t-1] + tanh(W_a @ x[t])
    b[t] = 0.5 * a[t-1] + a[t] * c[t-1]
    c[t] = sin(U @ (a[t] * b[t-1]) + W_b @ x[t]) * c[t-1] + b[t]
    output a[t] + c[t-1]
""",
    "no parameters": """
cell Bare(H):
    input x: [H]
    state h: [H] = 0.25
    h[t] = sin(h[t-1]) + x[t] * h[t-1]
    output h[t]
""",
    "nothing to differentiate": """
cell Flat(H, K as key_size):
    input x: [H], y: [4]
    state h: [H], n: [K]
    param P: [H, 4]

    h[t] = sign(x[t]) + 0 * sign(P @ y[t])
    n[t] = n[t-1] + 1
    output h[t]
""",
    "biases alone": """
cell Shifted(I, H):
    input x: [I]
    state h: [H], k: [I]
    bias b_{p,q}: [H] = {1, -1}

    k[t] = 0.5 * k[t-1] + x[t]
    h[t] = tanh(h[t-1] + b_p) - (h[t-1] + b_q) / 2
    output h[t]
""",
    "five sizes": """
cell Wide(I, H, O, P, Q):
    input x: [I]
    state h: [P], c: [Q]
    param A: [H, I], B: [P, H], C: [O, P], D: [Q, P], E: [H, Q]

    k = tanh(A @ x[t] + E @ c[t-1])
    h[t] = B @ k
    c[t] = sin(D @ h[t-1]) + 0.3 * c[t-1]
    output C @ (h[t] * h[t-1])
""",
    "structured matrices": """
cell Structured(I, H):
    input x: [I]
    state h: [H]
    param W_{a,b}: [H, I] frozen sparse(0.4), V: [H, I] low_rank(1)
    param U_{1,2}: [H, H] orthogonal, B: [H, I] block_diagonal(2)
    param A: [H, H] antisymmetric, S: [H, H] symmetric
    param D: [H, H] diagonal, L: [H, H] lower_triangular, T: [H, H] upper_triangular
    bias b_{a,b}: [H] frozen ~ {-chrono(H), chrono(H)}

    z = sigmoid(W_a @ x[t] + U_1 @ h[t-1] + b_a + B @ x[t])
    u = W_b @ x[t] + V @ x[t] + U_2 @ (z * h[t-1]) + b_b + A @ h[t-1] + D @ h[t-1]
    h[t] = tanh(u + 0.5 * (L @ h[t-1] - T @ (z * h[t-1])) + S @ h[t-1])
    output h[t]
""",
    "one parameter in two equations": """
cell Tied(I, H):
    input x: [I]
    state h: [H]
    param W: [H, I], U: [H, H]
    bias b_{f,n}: [H]

    f = sigmoid(W @ x[t] + U @ h[t-1] + b_f)
    n = tanh(W @ x[t] + U @ (f * h[t-1]) + b_n)
    h[t] = f * h[t-1] + (1 - f) * n
    output h[t]
""",
    "two cells of one file": """
from zoo import GRU as Unit

cell Plain(I, H):
    input x: [I]
    state h: [H]
    param W: [H, I]
    h[t] = 0.5 * h[t-1] + W @ x[t]
    output h[t]
""",
}


def verified(text: str, seed: int = 0) -> VerificationReport:
    compilation = Compilation(Source("spec.rnn", text), None)
    module = load_source(compilation.module_text, "verified_spec")
    return verify_program(compilation.program, module, seed=seed)


@pytest.mark.parametrize("name", SPECS)
def test_the_compiled_spec_is_what_its_equations_say(name: str) -> None:
    report = verified(SPECS[name])
    assert report.passed, render_table(report)


def test_every_cell_of_a_file_is_verified() -> None:
    report = verified(SPECS["two cells of one file"])
    assert {result.name for result in report.results} == {"Unit", "Plain"}


CALLS = {
    name: f"{name}({', '.join('uv'[: len(function.operands)])})"
    for name, function in ALL_FUNCTIONS.items()
} | {
    "log": "log(1 + u * u)",
    "sqrt": "sqrt(0.5 + u * u)",
    "exp": "exp(-u * u)",
    "sign": "sign(u) * v",
    "elu": "elu(u, 0.7)",
    "leaky_relu": "leaky_relu(u, 0.2)",
    "clamp": "clamp(u, -0.4, 0.6)",
    "clip_gradient": "clip_gradient(u * v, 0.3)",
    "where": "where(u >= v, u * v, v)",
}


@pytest.mark.parametrize("name", [n for n in ALL_FUNCTIONS if n != "conv"])
def test_a_cell_of_each_function(name: str) -> None:
    report = verified(f"""
cell One(I, H):
    input x: [I]
    state h: [H]
    param W: [H, I], V: [H, I], U: [H, H]

    u = W @ x[t] + U @ h[t-1]
    v = V @ x[t] - 0.5 * h[t-1]
    h[t] = 0.5 * {CALLS[name]} + tanh(u - v)
    output h[t]
""")
    assert report.passed, render_table(report)
