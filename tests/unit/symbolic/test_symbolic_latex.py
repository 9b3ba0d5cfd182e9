from __future__ import annotations

import re

import pytest
from step_values import ZOO, graph_of, zoo_graph

from rnndsl.formulas.features import ALL_FUNCTIONS
from rnndsl.symbolic.latex import latex_text
from rnndsl.symbolic.latex_names import latex_name


def latex_of(*lines: str, declarations: str = "") -> list[str]:
    """The lines of the block for equations, without what surrounds them."""
    body = "".join(f"    {line}\n" for line in lines)
    text = latex_text(
        graph_of(
            "cell A(I, H):\n    input x: [I], dt: []\n    state h: [H], s: []\n"
            f"    param W: [H, I], U: [H, H], u: [H], k: []\n{declarations}{body}"
        ).cell
    )
    first, *equations, last, empty = text.split("\n")
    assert (first, last, empty) == (r"\begin{align*}", r"\end{align*}", "")
    return [line.strip().removesuffix(r" \\") for line in equations]


LSTM = r"""\begin{align*}
  i_{t} &= \sigma\left(W_{i} x_{t} + b_{i} + U_{i} h_{t-1} + d_{i}\right) \\
  f_{t} &= \sigma\left(W_{f} x_{t} + b_{f} + U_{f} h_{t-1} + d_{f}\right) \\
  g_{t} &= \tanh\left(W_{g} x_{t} + b_{g} + U_{g} h_{t-1} + d_{g}\right) \\
  o_{t} &= \sigma\left(W_{o} x_{t} + b_{o} + U_{o} h_{t-1} + d_{o}\right) \\
  c_{t} &= f_{t} \odot c_{t-1} + i_{t} \odot g_{t} \\
  h_{t} &= o_{t} \odot \tanh\left(c_{t}\right)
\end{align*}
"""


def test_an_lstm() -> None:
    assert latex_text(zoo_graph("LSTM").cell) == LSTM


def test_a_gru() -> None:
    lines = latex_text(zoo_graph("GRU").cell).splitlines()
    assert lines[3] == (
        r"  n_{t} &= \tanh\left(W_{n} x_{t} + b_{n}"
        r" + r_{t} \odot \left(U_{n} h_{t-1} + d_{n}\right)\right) \\"
    )
    assert lines[4:] == [
        r"  h_{t} &= \left(1 - z_{t}\right) \odot n_{t} + z_{t} \odot h_{t-1}",
        r"\end{align*}",
    ]


@pytest.mark.parametrize("cell", ZOO)
def test_everything_opened_is_closed(cell: str) -> None:
    text = latex_text(zoo_graph(cell).cell)
    depth = 0
    for char in re.sub(r"\\[{}]", "", text):
        depth += {"{": 1, "}": -1}.get(char, 0)
        assert depth >= 0
    assert depth == 0
    assert text.count(r"\left") == text.count(r"\right")
    opened, closed = (
        re.findall(rf"\\{end}{{(.*?)}}", text) for end in ("begin", "end")
    )
    assert sorted(opened) == sorted(closed)
    for line in text.splitlines()[1:-1]:
        assert (
            line.count("&") - line.count(r"\text{if }") - line.count("otherwise") == 1
        )
    # An underscore is an index, with its braces, or a letter, escaped.
    assert not re.search(r"(?<!\\)_(?!{)", text)


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("x", "x"),
        ("W_i", "W_{i}"),
        ("gamma", r"\gamma"),
        ("gamma_x", r"\gamma_{x}"),
        ("W_alpha", r"W_{\alpha}"),
        ("kept", r"\mathrm{kept}"),
        ("log_f", r"\mathrm{log}_{f}"),
        ("weight_decay_x", r"\mathrm{weight}_{\mathrm{decay},x}"),
        ("x0", "x_{0}"),
        ("h12_a", "h_{12,a}"),
        ("a_", r"\mathrm{a\_}"),
        ("a__b", r"\mathrm{a\_\_b}"),
        ("_", r"\_"),
        ("Xi", r"\Xi"),
        ("x2y", r"\mathrm{x2y}"),
    ],
)
def test_names(name: str, latex: str) -> None:
    assert latex_name(name) == latex
    indexed = latex_name(name, "t")
    assert indexed == (
        latex[:-1] + ",t}" if re.search(r"(?<!\\)_{", latex) else latex + "_{t}"
    )


def test_vectors_and_scalars() -> None:
    assert latex_of(
        "a = k * dt[t]",
        "b = a * (W @ x[t]) * h[t-1]",
        "h[t] = 2 * u * b - -b",
        "s[t] = s[t-1] ** 2 / 0.5",
        "output h[t] + s[t]",
    ) == [
        r"a_{t} &= k \cdot \mathrm{dt}_{t}",
        r"b_{t} &= a_{t} \cdot \left(W x_{t}\right) \odot h_{t-1}",
        r"h_{t} &= 2 \cdot u \odot b_{t} - \left(-b_{t}\right)",
        r"s_{t} &= \frac{s_{t-1}^{2}}{0.5}",
        r"\mathrm{output}_{t} &= h_{t} + s_{t}",
    ]


def test_grouping_is_kept() -> None:
    first, *_ = latex_of(
        "h[t] = U @ (u * h[t-1]) - (W @ x[t] - u) + (u + 1) ** 3 / (u / 2) ** 0.5",
        "s[t] = dt[t]",
        "output h[t] * s[t]",
    )
    assert first == (
        r"h_{t} &= U \left(u \odot h_{t-1}\right) - \left(W x_{t} - u\right)"
        r" + \frac{\left(u + 1\right)^{3}}{\left(\frac{u}{2}\right)^{0.5}}"
    )


def test_what_does_not_vary_has_no_time() -> None:
    first, second, *_ = latex_of(
        "a = sigmoid(k)",
        "b = a * dt[t]",
        "h[t] = W @ x[t] + b * a",
        "s[t] = dt[t]",
        "output h[t] * s[t]",
    )
    assert first == r"a &= \sigma\left(k\right)"
    assert second == r"b_{t} &= a \cdot \mathrm{dt}_{t}"


def test_choices_and_constants() -> None:
    first, second, *_ = latex_of(
        "a = where(dt[t] >= beta, 1e-9, s[t-1]) * k",
        "h[t] = clamp(u, -1, 0.5) + 1.5e20 * (W @ x[t])",
        "s[t] = a / sqrt(H)",
        "output h[t] * s[t]",
        declarations="    const beta = 0.5\n",
    )
    assert first == (
        r"a_{t} &= \left(\begin{cases}10^{-9} & \text{if } \mathrm{dt}_{t} \ge \beta\\"
        r" s_{t-1} & \text{otherwise}\end{cases}\right) \cdot k"
    )
    assert second == (
        r"h_{t} &= \operatorname{clamp}\left(u, -1, 0.5\right)"
        r" + 1.5 \cdot 10^{20} \cdot \left(W x_{t}\right)"
    )


@pytest.mark.parametrize(
    "name", [n for n in ALL_FUNCTIONS if n not in ("where", "conv")]
)
def test_every_function(name: str) -> None:
    function = ALL_FUNCTIONS[name]
    # A gradient is clipped where it is that of a step.
    names = ["h[t-1]"] if name == "clip_gradient" else ["u", "h[t-1]"]
    operands = names[: len(function.operands)]
    settings = ["0.25", "0.75"][: len(function.constants)]
    line, *_ = latex_of(
        f"h[t] = {name}({', '.join(operands + settings)}) + W @ x[t]",
        "s[t] = dt[t] * k",
        "output h[t] * s[t]",
    )
    for part in [o.replace("[t-1]", "_{t-1}") for o in operands] + settings:
        assert part in line
    assert "{0}" not in line
