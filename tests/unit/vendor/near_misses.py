"""Cells that are almost torch's: lines of its forms, and what stands in their place."""

from __future__ import annotations

NEAR_MISSES: dict[str, tuple[str, dict[str, str]]] = {
    "a peephole": (
        "lstm",
        {
            "bias d": "bias d_{i,f,g,o}: [H]\nparam p: [H]",
            "o =": "o = sigmoid(W_o @ x[t] + b_o + U_o @ h[t-1] + d_o + p * c[t-1])",
        },
    ),
    "a peephole without a weight": (
        "lstm",
        {"o =": "o = sigmoid(W_o @ x[t] + b_o + U_o @ h[t-1] + d_o + c[t-1])"},
    ),
    "coupled gates": (
        "lstm",
        {
            "param W": "param W_{f,g,o}: [H, I]",
            "param U": "param U_{f,g,o}: [H, H]",
            "bias b": "bias b_{f,g,o}: [H]",
            "bias d": "bias d_{f,g,o}: [H]",
            "i =": "",
            "c[t]": "c[t] = f * c[t-1] + (1 - f) * g",
        },
    ),
    "the input gate used for both": (
        "lstm",
        {
            "param W": "param W_{i,g,o}: [H, I]",
            "param U": "param U_{i,g,o}: [H, H]",
            "bias b": "bias b_{i,g,o}: [H]",
            "bias d": "bias d_{i,g,o}: [H]",
            "f =": "",
            "c[t]": "c[t] = i * c[t-1] + i * g",
        },
    ),
    "gates that share a matrix": (
        "lstm",
        {
            "param W": "param W_{i,g,o}: [H, I]",
            "f =": "f = sigmoid(W_i @ x[t] + b_f + U_f @ h[t-1] + d_f)",
        },
    ),
    "gates that share a bias": (
        "lstm",
        {
            "bias b": "bias b_{i,g,o}: [H]",
            "f =": "f = sigmoid(W_f @ x[t] + b_i + U_f @ h[t-1] + d_f)",
        },
    ),
    "output and input gate exchanged": (
        "lstm",
        {"c[t]": "c[t] = o * c[t-1] + i * g", "h[t]": "h[t] = o * tanh(c[t])"}
        | {"f =": "", "param W": "param W_{i,g,o}: [H, I]"}
        | {"param U": "param U_{i,g,o}: [H, H]", "bias b": "bias b_{i,g,o}: [H]"}
        | {"bias d": "bias d_{i,g,o}: [H]"},
    ),
    "candidate and output exchanged": (
        "lstm",
        {"c[t]": "c[t] = f * c[t-1] + i * o", "h[t]": "h[t] = g * tanh(c[t])"},
    ),
    "no tanh of the cell": ("lstm", {"h[t]": "h[t] = o * c[t]"}),
    "tanh of the old cell": ("lstm", {"h[t]": "h[t] = o * tanh(c[t-1])"}),
    "sigmoid of the cell": ("lstm", {"h[t]": "h[t] = o * sigmoid(c[t])"}),
    "a candidate by sigmoid": (
        "lstm",
        {"g =": "g = sigmoid(W_g @ x[t] + b_g + U_g @ h[t-1] + d_g)"},
    ),
    "a gate by hard sigmoid": (
        "lstm",
        {"f =": "f = hard_sigmoid(W_f @ x[t] + b_f + U_f @ h[t-1] + d_f)"},
    ),
    "a forget bias of one": (
        "lstm",
        {"f =": "f = sigmoid(W_f @ x[t] + b_f + U_f @ h[t-1] + d_f + 1)"},
    ),
    "a gate with a factor": (
        "lstm",
        {"f =": "f = sigmoid(2 * (W_f @ x[t] + b_f + U_f @ h[t-1] + d_f))"},
    ),
    "a bias twice": (
        "lstm",
        {
            "bias d": "bias d_{i,g,o}: [H]",
            "f =": "f = sigmoid(W_f @ x[t] + b_f + U_f @ h[t-1] + b_f)",
        },
    ),
    "a third bias": (
        "lstm",
        {
            "bias d": "bias d_{i,f,g,o}: [H]\nbias e: [H]",
            "f =": "f = sigmoid(W_f @ x[t] + b_f + U_f @ h[t-1] + d_f + e)",
        },
    ),
    "a bias of one number": (
        "lstm",
        {
            "bias d": "bias d_{i,g,o}: [H]\nparam k: []",
            "f =": "f = sigmoid(W_f @ x[t] + b_f + U_f @ h[t-1] + k)",
        },
    ),
    "a gate that does not see the input": (
        "lstm",
        {
            "param W": "param W_{i,g,o}: [H, I]",
            "f =": "f = sigmoid(b_f + U_f @ h[t-1] + d_f)",
        },
    ),
    "a gate that sees the cell in place of the state": (
        "lstm",
        {"o =": "o = sigmoid(W_o @ x[t] + b_o + U_o @ c[t-1] + d_o)"},
    ),
    "a gate that sees the new cell": (
        "lstm",
        {
            "o =": "",
            "c[t]": "c[t] = f * c[t-1] + i * g\n"
            "o = sigmoid(W_o @ x[t] + b_o + U_o @ c[t] + d_o)",
        },
    ),
    "the cell as output": ("lstm", {"output": "output c[t]"}),
    "a gate as output": ("lstm", {"output": "output o"}),
    "the square of a gate": ("lstm", {"c[t]": "c[t] = f * c[t-1] + i * i * g"}),
    "a residual": (
        "lstm",
        {
            "cell": "cell A(H):",
            "input": "input x: [H]",
            "param W": "param W_{i,f,g,o}: [H, H]",
            "h[t]": "h[t] = o * tanh(c[t]) + x[t]",
        },
    ),
    "another state": (
        "lstm",
        {
            "state": "state h: [H], c: [H], s: [H]",
            "h[t]": "h[t] = o * tanh(c[t])\ns[t] = s[t-1] + h[t]",
        },
    ),
    "tenths, which are no exact parts": (
        "lstm",
        {"c[t]": "c[t] = 0.3 * f * c[t-1] + 0.7 * f * c[t-1] + i * g"},
    ),
    "the input of the step before": (
        "lstm",
        {"g =": "g = tanh(W_g @ x[t-1] + b_g + U_g @ h[t-1] + d_g)"},
    ),
    "a clipped gradient": (
        "lstm",
        {"h[t]": "h[t] = clip_gradient(o * tanh(c[t]), 1)"},
    ),
    "gru, reset before": (
        "gru",
        {"n =": "n = tanh(W_n @ x[t] + b_n + U_n @ (r * h[t-1]) + d_n)"},
    ),
    "gru, the gate of the other part": (
        "gru",
        {"h[t]": "h[t] = z * n + (1 - z) * h[t-1]"},
    ),
    "gru, the reset gate in its place": (
        "gru",
        {"h[t]": "h[t] = (1 - r) * n + r * h[t-1]"}
        | {"n =": "n = tanh(W_n @ x[t] + b_n + r * (U_n @ h[t-1] + d_n))"}
        | {"z =": "", "param W": "param W_{r,n}: [H, I]"}
        | {"param U": "param U_{r,n}: [H, H]", "bias b": "bias b_{r,n}: [H]"}
        | {"bias d": "bias d_{r,n}: [H]"},
    ),
    "gru, reset of the input too": (
        "gru",
        {"n =": "n = tanh(b_n + r * (W_n @ x[t] + U_n @ h[t-1] + d_n))"},
    ),
    "gru, two biases within": (
        "gru",
        {"n =": "n = tanh(W_n @ x[t] + r * (b_n + U_n @ h[t-1] + d_n))"},
    ),
    "gru, no reset": (
        "gru",
        {
            "param W": "param W_{z,n}: [H, I]",
            "param U": "param U_{z,n}: [H, H]",
            "bias b": "bias b_{z,n}: [H]",
            "bias d": "bias d_{z,n}: [H]",
            "r =": "",
            "n =": "n = tanh(W_n @ x[t] + b_n + U_n @ h[t-1] + d_n)",
        },
    ),
    "gru, relu": (
        "gru",
        {"n =": "n = relu(W_n @ x[t] + b_n + r * (U_n @ h[t-1] + d_n))"},
    ),
    "gru, one minus by another sign": (
        "gru",
        {"h[t]": "h[t] = (1 + z) * n + z * h[t-1]"},
    ),
    "gru, reset squared": (
        "gru",
        {"n =": "n = tanh(W_n @ x[t] + b_n + r * r * (U_n @ h[t-1] + d_n))"},
    ),
    "rnn, sigmoid": (
        "rnn_tanh",
        {"h[t]": "h[t] = sigmoid(W @ x[t] + b + U @ h[t-1] + d)"},
    ),
    "rnn, leaky": (
        "rnn_tanh",
        {"h[t]": "h[t] = 0.9 * h[t-1] + tanh(W @ x[t] + b + U @ h[t-1] + d)"},
    ),
    "rnn, the matrices take turns": (
        "rnn_tanh",
        {
            "cell": "cell A(H):",
            "input": "input x: [H]",
            "param W": "",
            "h[t]": "h[t] = tanh(U @ x[t] + b + U @ h[t-1] + d)",
        },
    ),
    "rnn, the old state unit by unit": (
        "rnn_tanh",
        {
            "param U": "param U: [H]",
            "h[t]": "h[t] = tanh(W @ x[t] + b + U * h[t-1] + d)",
        },
    ),
    "rnn, another output": ("rnn_tanh", {"output": "output 2 * h[t]"}),
}
