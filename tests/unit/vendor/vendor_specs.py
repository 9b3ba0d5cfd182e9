"""Spellings of torch's cells, and cells that are almost theirs.

Each is a list of lines that takes the place of lines of a spec in torch's own form.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import torch

from rnndsl import compile_text

LSTM = """\
cell A(I, H):
    input x: [I]
    state h: [H], c: [H]
    param W_{i,f,g,o}: [H, I]
    param U_{i,f,g,o}: [H, H]
    bias b_{i,f,g,o}: [H]
    bias d_{i,f,g,o}: [H]
    i = sigmoid(W_i @ x[t] + b_i + U_i @ h[t-1] + d_i)
    f = sigmoid(W_f @ x[t] + b_f + U_f @ h[t-1] + d_f)
    g = tanh(W_g @ x[t] + b_g + U_g @ h[t-1] + d_g)
    o = sigmoid(W_o @ x[t] + b_o + U_o @ h[t-1] + d_o)
    c[t] = f * c[t-1] + i * g
    h[t] = o * tanh(c[t])
    output h[t]
"""
GRU = """\
cell A(I, H):
    input x: [I]
    state h: [H]
    param W_{r,z,n}: [H, I]
    param U_{r,z,n}: [H, H]
    bias b_{r,z,n}: [H]
    bias d_{r,z,n}: [H]
    r = sigmoid(W_r @ x[t] + b_r + U_r @ h[t-1] + d_r)
    z = sigmoid(W_z @ x[t] + b_z + U_z @ h[t-1] + d_z)
    n = tanh(W_n @ x[t] + b_n + r * (U_n @ h[t-1] + d_n))
    h[t] = (1 - z) * n + z * h[t-1]
    output h[t]
"""
RNN = """\
cell A(I, H):
    input x: [I]
    state h: [H]
    param W: [H, I]
    param U: [H, H]
    bias b: [H], d: [H]
    h[t] = tanh(W @ x[t] + b + U @ h[t-1] + d)
    output h[t]
"""
FORMS = {"lstm": LSTM, "gru": GRU, "rnn_tanh": RNN}

# The line of the spec that changes, by how it begins, and what stands in its place.
SPELLINGS: dict[str, tuple[str, dict[str, str]]] = {
    "as torch writes it": ("lstm", {}),
    "terms in another order": (
        "lstm",
        {"i =": "i = sigmoid(d_i + U_i @ h[t-1] + b_i + W_i @ x[t])"},
    ),
    "factors in another order": (
        "lstm",
        {"c[t]": "c[t] = g * i + c[t-1] * f", "h[t]": "h[t] = tanh(c[t]) * o"},
    ),
    "the sum split in locals": (
        "lstm",
        {"f =": "p = W_f @ x[t] + b_f\nq = U_f @ h[t-1] + d_f\nf = sigmoid(p + q)"},
    ),
    "all gates within the equation of the state": (
        "lstm",
        {
            "o =": "",
            "h[t]": "h[t] = sigmoid(W_o @ x[t] + b_o + U_o @ h[t-1] + d_o) "
            "* tanh(c[t])",
        },
    ),
    "the cell by a local": ("lstm", {"h[t]": "s = tanh(c[t])\nh[t] = o * s"}),
    "the old state by a local": (
        "lstm",
        {"g =": "p = h[t-1]\ng = tanh(W_g @ x[t] + b_g + U_g @ p + d_g)"},
    ),
    "gates in another order": (
        "lstm",
        {
            "i =": "o = sigmoid(W_o @ x[t] + b_o + U_o @ h[t-1] + d_o)",
            "o =": "i = sigmoid(W_i @ x[t] + b_i + U_i @ h[t-1] + d_i)",
        },
    ),
    "stored in another order": (
        "lstm",
        {"param W": "param W_{o,g,f,i}: [H, I]", "bias d": "bias d_{f,i,o,g}: [H]"},
    ),
    "gates called otherwise": (
        "lstm",
        {
            "f =": "keep = sigmoid(W_f @ x[t] + b_f + U_f @ h[t-1] + d_f)",
            "c[t]": "c[t] = keep * c[t-1] + i * g",
        },
    ),
    "names of gates exchanged": (
        "lstm",
        {
            "i =": "f = sigmoid(W_i @ x[t] + b_i + U_i @ h[t-1] + d_i)",
            "f =": "i = sigmoid(W_f @ x[t] + b_f + U_f @ h[t-1] + d_f)",
            "c[t]": "c[t] = i * c[t-1] + f * g",
        },
    ),
    "the cell declared first": (
        "lstm",
        {"state": "state c: [H], h: [H]"},
    ),
    "one bias": (
        "lstm",
        {
            "bias d": "",
            "i =": "i = sigmoid(W_i @ x[t] + b_i + U_i @ h[t-1])",
            "f =": "f = sigmoid(W_f @ x[t] + b_f + U_f @ h[t-1])",
            "g =": "g = tanh(W_g @ x[t] + b_g + U_g @ h[t-1])",
            "o =": "o = sigmoid(W_o @ x[t] + b_o + U_o @ h[t-1])",
        },
    ),
    "a bias of one gate alone": (
        "lstm",
        {
            "bias b": "bias b_f: [H]",
            "bias d": "",
            "i =": "i = sigmoid(W_i @ x[t] + U_i @ h[t-1])",
            "f =": "f = sigmoid(W_f @ x[t] + b_f + U_f @ h[t-1])",
            "g =": "g = tanh(W_g @ x[t] + U_g @ h[t-1])",
            "o =": "o = sigmoid(W_o @ x[t] + U_o @ h[t-1])",
        },
    ),
    "parameters that are no biases": (
        "lstm",
        {"bias b": "param b_{i,f,g,o}: [H]", "bias d": "param d_{i,f,g,o}: [H]"},
    ),
    "a factor of one": (
        "lstm",
        {"c[t]": "c[t] = 1 * f * c[t-1] + (i * g) / 1"},
    ),
    "halves that are exact": (
        "lstm",
        {"c[t]": "c[t] = 0.5 * f * c[t-1] + i * g + f * c[t-1] / 2"},
    ),
    "two signs": ("lstm", {"c[t]": "c[t] = f * c[t-1] - (-i) * g"}),
    "a learned first state": (
        "lstm",
        {"state": "state h: [H] = h0, c: [H] = c0\nparam h0: [H], c0: [H]"},
    ),
    "a first state of ones": ("lstm", {"state": "state h: [H] = 1, c: [H] = -2"}),
    "an input as wide as the state": (
        "lstm",
        {
            "cell": "cell A(H):",
            "input": "input x: [H]",
            "param W": "param W_{i,f,g,o}: [H, H]",
        },
    ),
    "parameters one by one": (
        "lstm",
        {"param U": "param U_i: [H, H], U_f: [H, H], U_g: [H, H], U_o: [H, H]"},
    ),
    "a user's function": (
        "lstm",
        {
            "cell": "def gate(a, b) = sigmoid(a + b)\n\ncell A(I, H):",
            "o =": "o = gate(W_o @ x[t] + b_o, U_o @ h[t-1] + d_o)",
        },
    ),
    "gru as torch writes it": ("gru", {}),
    "gru, the interpolation by a difference": (
        "gru",
        {"h[t]": "h[t] = n + z * (h[t-1] - n)"},
    ),
    "gru, the difference from the old state": (
        "gru",
        {"h[t]": "h[t] = h[t-1] + (1 - z) * (n - h[t-1])"},
    ),
    "gru, multiplied out": ("gru", {"h[t]": "h[t] = n - z * n + h[t-1] * z"}),
    "gru, the other part by a local": (
        "gru",
        {"h[t]": "u = 1 - z\nh[t] = u * n + (1 - u) * h[t-1]"},
    ),
    "gru, reset multiplied out": (
        "gru",
        {
            "bias d": "param d_{r,z,n}: [H]",
            "n =": "n = tanh(r * d_n + b_n + (U_n @ h[t-1]) * r + W_n @ x[t])",
        },
    ),
    "gru, no bias within": (
        "gru",
        {
            "bias d": "bias d_{r,z}: [H]",
            "n =": "n = tanh(W_n @ x[t] + b_n + r * (U_n @ h[t-1]))",
        },
    ),
    "gru, one bias within": (
        "gru",
        {
            "bias b": "",
            "r =": "r = sigmoid(W_r @ x[t] + U_r @ h[t-1] + d_r)",
            "z =": "z = sigmoid(W_z @ x[t] + U_z @ h[t-1] + d_z)",
            "n =": "n = tanh(W_n @ x[t] + r * (U_n @ h[t-1] + d_n))",
        },
    ),
    "gru, biases exchanged": (
        "gru",
        {"n =": "n = tanh(W_n @ x[t] + d_n + r * (U_n @ h[t-1] + b_n))"},
    ),
    "gru, no biases": (
        "gru",
        {
            "bias b": "",
            "bias d": "",
            "r =": "r = sigmoid(W_r @ x[t] + U_r @ h[t-1])",
            "z =": "z = sigmoid(W_z @ x[t] + U_z @ h[t-1])",
            "n =": "n = tanh(W_n @ x[t] + r * (U_n @ h[t-1]))",
        },
    ),
    "rnn as torch writes it": ("rnn_tanh", {}),
    "rnn, the sum by a local": (
        "rnn_tanh",
        {"h[t]": "s = U @ h[t-1] + W @ x[t]\nh[t] = tanh(d + s + b)"},
    ),
    "rnn, relu": ("rnn_relu", {"h[t]": "h[t] = relu(W @ x[t] + b + U @ h[t-1] + d)"}),
    "rnn, no bias": (
        "rnn_tanh",
        {"bias": "", "h[t]": "h[t] = tanh(W @ x[t] + U @ h[t-1])"},
    ),
    "rnn, an orthogonal matrix": (
        "rnn_tanh",
        {"param U": "param U: [H, H] orthogonal"},
    ),
}


def spelled(form: str, lines: dict[str, str]) -> str:
    """The spec of a form with other lines in the place of those that begin alike."""
    written = FORMS.get(form, RNN).splitlines()
    changed = list(written)
    for start, instead in lines.items():
        (place,) = (
            index
            for index, line in enumerate(written)
            if line.strip().startswith(start)
        )
        indent = "" if start == "cell" else "    "
        changed[place] = "\n".join(indent + line for line in instead.splitlines())
    return "".join(f"{line}\n" for line in changed if line.strip())


@cache
def module_of(text: str) -> ModuleType:
    """The module that a spec compiles to."""
    module = ModuleType("vendor_spec")
    exec(compile(compile_text(text, "spec.rnn"), "spec.py", "exec"), module.__dict__)
    return module


def layer_of(text: str, engine: str, **options: Any) -> Any:
    """A layer of the cell A in float64, with the same random parameters each time."""
    cell = module_of(text).A
    count = len(cell.specification.dimensions)
    torch.manual_seed(11)
    layer = cell(*(3, 5)[:count], dtype=torch.float64, **options)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    layer.engine = engine
    return layer
