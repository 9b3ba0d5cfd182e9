from __future__ import annotations

import pytest

from rnndsl import zoo
from rnndsl.analysis.delays import own_equations
from rnndsl.analysis.program import Cell
from rnndsl.analysis.show import equations_text
from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source

ALL = '''
"""A spec."""

def leak(u, slope) = where(u > 0, u, slope * u)

cell A(I, H, K as key_size):
    """What it is."""
    input x: [I], dt: []
    state h: [H] = 1, g: [H] = h0, n: []
    param W: [H, I] ~ uniform(-1 / sqrt(H), 0.5), U_{a,b,c}: [K, H] as both ~ orthogonal
    param V: [H, K] as weight_kh, k: [] = 1e-9, h0: [H], r: [4, H], q_{i,j}: [4]
    param s_{a,b}: []
    bias b_{a,b}: [H] = {0, -1.5}
    const beta = 2 / 3

    a = leak(W @ x[t] + b_a, beta) * dt[t]
    h[t] = V @ (U_a @ h[t-1] + U_b @ g[t-1] - U_c @ a) + b_b
    g[t] = -(a + k) ** 2 - -h[t]
    n[t] = beta * n[t-1]
    output r @ (g[t] * n[t]) * s_a + q_i * q_j * s_b
'''


def cell_of(text: str, index: int = 0) -> Cell:
    return Compilation(Source("spec.rnn", text), None).program.cells[index]


SHOWN = """\
cell A(I, H, K)

  size   I             input_size
  size   H             hidden_size
  size   K             key_size
  input  x     [I]
  input  dt    []
  state  h     [H]     1 at first
  state  g     [H]     h0 at first
  state  n     []      0 at first
  param  W     [H, I]  W              ~ uniform(-1 / sqrt(H), 0.5)
  param  U_a   [K, H]  both[0:K]      ~ orthogonal
  param  U_b   [K, H]  both[K:2*K]    ~ orthogonal
  param  U_c   [K, H]  both[2*K:3*K]  ~ orthogonal
  param  V     [H, K]  weight_kh
  param  k     []      k              = 1e-09
  param  h0    [H]     h0
  param  r     [4, H]  r
  param  q_i   [4]     q[0:4]
  param  q_j   [4]     q[4:8]
  param  s_a   []      s[0]
  param  s_b   []      s[1]
  bias   b_a   [H]     b[0:H]         = 0
  bias   b_b   [H]     b[H:2*H]       = -1.5
  const  beta          0.666666666666667

  a = leak(W @ x[t] + b_a, beta) * dt[t]
    = where(W @ x[t] + b_a > 0, W @ x[t] + b_a, beta * (W @ x[t] + b_a)) * dt[t]
  h[t] = V @ (U_a @ h[t-1] + U_b @ g[t-1] - U_c @ a) + b_b
  g[t] = -(a + k) ** 2 - -h[t]
  n[t] = beta * n[t-1]
  output (r @ (g[t] * n[t])) * s_a + q_i * q_j * s_b
"""


def test_everything_a_cell_declares() -> None:
    assert equations_text(cell_of(ALL)) == SHOWN


@pytest.mark.parametrize("name", zoo.cell_names())
def test_equations_are_as_the_author_wrote_them(name: str) -> None:
    spec = zoo.read(name)
    program = Compilation(Source(zoo.path(name).name, spec), None).program
    cell = next(cell for cell in program.cells if cell.name == name)
    text = equations_text(cell)
    written = spec.partition(f"cell {name}(")[2]
    for equation in own_equations(cell):
        assert f"  {equation.text}\n" in text
        assert f"    {equation.text}\n" in written
