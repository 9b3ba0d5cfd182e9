from __future__ import annotations

import pytest
from step_values import graph_of, zoo_graph

from rnndsl.symbolic.recurrence import Recurrence, RecurrenceClass, recurrence
from rnndsl.symbolic.recurrence_text import recurrence_lines

HEAD = """
cell A(I, H):
    input x: [I]
    state h: [H], s: [H]
    param W: [H, I], U: [H, H], u: [H], k: []
"""


def recurrence_of(*equations: str) -> Recurrence:
    body = "".join(f"    {line}\n" for line in equations)
    return recurrence(graph_of(f"{HEAD}{body}    output h[t] + s[t]\n"))


@pytest.mark.parametrize(
    ("cell", "kind", "through"),
    [
        ("Elman", RecurrenceClass.DENSE, "U"),
        ("LSTM", RecurrenceClass.DENSE, "U_i U_f U_g U_o"),
        ("GRU", RecurrenceClass.DENSE, "U_r U_z U_n"),
        ("LSTMP", RecurrenceClass.DENSE, "U_i U_f U_g U_o R"),
        ("Jordan", RecurrenceClass.DENSE, "U V"),
        ("PlusRNN", RecurrenceClass.DENSE, "U_h U_q"),
        ("CoRNN", RecurrenceClass.DENSE, "W V"),
        ("MinGRU", RecurrenceClass.DIAGONAL_LINEAR, ""),
        ("MinLSTM", RecurrenceClass.DIAGONAL_LINEAR, ""),
        ("HGRN", RecurrenceClass.DIAGONAL_LINEAR, ""),
        ("RGLRU", RecurrenceClass.DIAGONAL_LINEAR, ""),
        ("QRNN", RecurrenceClass.DIAGONAL_LINEAR, ""),
        ("IndRNN", RecurrenceClass.DIAGONAL_NONLINEAR, ""),
        ("SRU", RecurrenceClass.DIAGONAL_NONLINEAR, ""),
        ("BRC", RecurrenceClass.DIAGONAL_NONLINEAR, ""),
        ("RWKV", RecurrenceClass.DIAGONAL_NONLINEAR, ""),
    ],
)
def test_classes_of_the_zoo(cell: str, kind: RecurrenceClass, through: str) -> None:
    found = recurrence(zoo_graph(cell))
    assert (found.kind, found.through) == (kind, tuple(through.split()))


def test_no_recurrence() -> None:
    found = recurrence_of("h[t] = tanh(W @ x[t])", "s[t] = h[t] * u")
    assert found.kind is RecurrenceClass.NONE
    assert found.known == ("h", "s")


def test_linear_through_a_matrix() -> None:
    found = recurrence_of("h[t] = U @ h[t-1] + W @ x[t]", "s[t] = k * h[t] - s[t-1]")
    assert (found.kind, found.through) == (RecurrenceClass.MATRIX_LINEAR, ("U",))


def test_linear_unit_by_unit() -> None:
    found = recurrence_of(
        "f = sigmoid(W @ x[t])",
        "h[t] = f * h[t-1] + (1 - f) * s[t-1] / k",
        "s[t] = u * h[t]",
    )
    assert found.kind is RecurrenceClass.DIAGONAL_LINEAR


@pytest.mark.parametrize(
    "equation",
    [
        "h[t] = h[t-1] * s[t-1]",
        "h[t] = h[t-1] ** 2",
        "h[t] = u / (2 + h[t-1])",
        "h[t] = where(h[t-1] > 0, u, k)",
        "h[t] = abs(h[t-1])",
    ],
)
def test_not_linear(equation: str) -> None:
    found = recurrence_of(equation, "s[t] = 0.5 * s[t-1] + W @ x[t]")
    assert found.kind is RecurrenceClass.DIAGONAL_NONLINEAR


def test_what_the_output_does_with_states_does_not_count() -> None:
    graph = graph_of(
        f"{HEAD}    h[t] = u * h[t-1] + W @ x[t]\n    s[t] = s[t-1]\n"
        "    output tanh(U @ h[t]) * s[t]\n"
    )
    assert recurrence(graph).kind is RecurrenceClass.DIAGONAL_LINEAR


def test_a_delay_is_known_beforehand() -> None:
    """A state that holds an earlier input is no recurrence, however it is used."""
    found = recurrence_of(
        "h[t] = u * h[t-1] + tanh(U @ s[t-1])", "s[t] = tanh(W @ x[t])"
    )
    assert found == Recurrence(
        kind=RecurrenceClass.DIAGONAL_LINEAR, through=(), known=("s",)
    )


def test_a_delay_of_a_delay() -> None:
    found = recurrence_of("h[t] = tanh(U @ s[t-1])", "s[t] = W @ x[t]")
    assert found.kind is RecurrenceClass.NONE
    swapped = recurrence_of("h[t] = s[t-1]", "s[t] = u * h[t-1]")
    assert swapped.kind is RecurrenceClass.DIAGONAL_LINEAR
    assert swapped.known == ()


def test_in_words() -> None:
    assert recurrence_lines(recurrence(zoo_graph("QRNN"))) == (
        "recurrence: diagonal linear",
        "Each unit is a linear function of its own old value: a scan can compute all "
        "steps at once.",
        "Not counting x_1: known for all steps beforehand.",
    )
    first, meaning = recurrence_lines(recurrence(zoo_graph("Elman")))
    assert first == "recurrence: dense, through U"
    assert "wait" in meaning
