from __future__ import annotations

from step_values import graph_of, zoo_graph

from rnndsl.ir.show import graph_text

ELMAN = """
cell Elman(I, H):
    input x: [I]
    state h: [H]
    param W: [H, I] as weight_ih, U: [H, H] as weight_hh
    bias b: [H]

    h[t] = tanh(W @ x[t] + U @ h[t-1] + b)
    output h[t]
"""
ELMAN_GRAPH = """\
cell Elman(I, H)

  x       [I]     input        x[t]
  h_prev  [H]     state        h[t-1]
  W       [H, I]  parameter    W, all of weight_ih
  U       [H, H]  parameter    U, all of weight_hh
  b       [H]     parameter    b, all of b

  # spec.rnn:8  h[t] = tanh(W @ x[t] + U @ h[t-1] + b)
  W_x     [H]     product      W @ x
  U_h     [H]     product      U @ h_prev
  h_pre   [H]     elementwise  W_x + U_h + b
  h       [H]     elementwise  tanh(h_pre)

  new h   h
  output  h
"""


def test_the_text_for_an_elman() -> None:
    assert graph_text(graph_of(ELMAN)) == ELMAN_GRAPH


def test_what_belongs_to_the_output() -> None:
    text = graph_text(zoo_graph("SCRN"))
    after = text.partition("# output U @ h[t] + V @ s[t]\n")[2]
    assert [" ".join(line.split()) for line in after.splitlines()] == [
        "U_h [O] product U @ h",
        "V_s [O] product V @ s",
        "output_value [O] elementwise U_h + V_s",
        "",
        "new h h",
        "new s s",
        "output output_value",
    ]


def test_blocks_sizes_and_rows() -> None:
    text = graph_text(
        graph_of(
            "cell A(H):\n    input dt: []\n    state h: [H]\n"
            "    param u_{a,b}: [H] as both, k: []\n"
            "    h[t] = u_b * k / sqrt(H) + u_a\n    output dt[t] * h[t]\n"
        )
    )
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "u_b [H] parameter u_b, block 1 of both" in lines
    assert "k [] parameter k, all of k" in lines
    assert "H [] size H" in lines
    assert "h_rows [H] expand h for each row" in lines
    assert "dt_wide [H] widen dt for each feature" in lines
    assert "# spec.rnn:5 h[t] = u_b * k / sqrt(H) + u_a" in lines
