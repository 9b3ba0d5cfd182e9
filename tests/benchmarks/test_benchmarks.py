"""The benchmarks compare like with like, and their report says what was measured."""

from __future__ import annotations

import pytest
import torch

from benchmarks.cpu import check_agreement, compete, main
from benchmarks.machine import Machine
from benchmarks.peers import CONTESTS, Contest, contestants
from benchmarks.report import Entry, Results, Shape, ratios, render
from benchmarks.timing import (
    MODES,
    Effort,
    Mode,
    Ratio,
    Timing,
    call,
    geometric_mean,
    measure,
)

EACH = pytest.mark.parametrize("contest", CONTESTS, ids=lambda contest: contest.cell)
MACHINE = Machine(
    processor="A processor",
    cores=2,
    threads=1,
    capability="AVX2",
    python="3.11.0",
    torch="2.13.0",
)


@EACH
def test_the_contestants_compute_the_same(contest: Contest) -> None:
    torch.manual_seed(3)
    layers = contestants(contest, input_size=5, hidden_size=7)
    assert (layers.vendor is not None) == (contest.cell in ("LSTM", "GRU", "Elman"))
    x = torch.randn(4, 3, 5)
    check_agreement(layers, x)
    for layer in layers.named().values():
        call(layer, x, "training")()
    ours = list(layers.fused.parameters())
    theirs = list(layers.eager.parameters())
    assert len(ours) == len(theirs) >= 3
    for own, other in zip(ours, theirs, strict=True):
        assert own.grad is not None
        torch.testing.assert_close(own.grad, other.grad, rtol=1e-5, atol=1e-5)


@EACH
def test_a_contestant_that_computes_something_else_is_caught(contest: Contest) -> None:
    torch.manual_seed(4)
    layers = contestants(contest, input_size=5, hidden_size=7)
    with torch.no_grad():
        next(layers.eager.parameters())[0, 0] += 0.1
    with pytest.raises(AssertionError, match="eager and fused do not agree"):
        check_agreement(layers, torch.randn(4, 3, 5))


def test_each_round_times_every_contestant_and_the_order_turns() -> None:
    order: list[str] = []
    names = ("first", "second", "third")
    calls = {name: lambda name=name: order.append(name) for name in names}
    effort = Effort(rounds=3, seconds=0.0, sample_seconds=0.0)
    timing = measure(calls, effort)
    assert timing.rounds == 3
    assert order[-9:] == [*names, "second", "third", "first", "third", *names[:2]]


def test_ratios_are_paired() -> None:
    timing = Timing({"fused": (1.0, 10.0, 2.0), "eager": (2.0, 30.0, 8.0)})
    assert timing.ratios("eager", "fused") == (2.0, 3.0, 4.0)
    assert Ratio.of(timing.ratios("eager", "fused")) == Ratio(2.5, 3.0, 3.5)
    assert geometric_mean([0.5, 2.0, 8.0]) == pytest.approx(2.0)


def entry(cell: str, mode: Mode, **seconds: float) -> Entry:
    names = {name.replace("_", "."): (value,) * 2 for name, value in seconds.items()}
    return Entry(cell, Shape(2, 3, 5, 7), mode, Timing(names))


def test_the_report_says_what_was_measured() -> None:
    entries = (
        entry("GRU", "training", fused=0.002, eager=0.003, torch_nn=0.001),
        entry("GRU", "inference", fused=0.002, eager=0.001, torch_nn=0.001),
        entry("Mine", "training", fused=0.002, eager=0.008),
        entry("Mine", "inference", fused=0.002, eager=0.002),
    )
    report = render(
        Results(
            date="2001-02-03",
            machine=MACHINE,
            load_before=0.25,
            load_after=1.75,
            entries=entries,
        )
    )
    lines = report.splitlines()
    assert lines[0] == "# CPU, 2001-02-03"
    assert "- A processor, 2 cores, AVX2; 1 thread" in lines
    assert "- PyTorch 2.13.0, Python 3.11.0" in lines
    assert "- load average 0.2 at the start, 1.8 at the end; 2 or more rounds" in lines
    assert (
        "| against the eager loop | GRU | **0.50**, 0.50 to 0.50, slower in 1 of 1 "
        "| **1.50**, 1.50 to 1.50, slower in 0 of 1 |"
    ) in lines
    assert (
        "| against the eager loop | Mine | **1.00**, 1.00 to 1.00, slower in 0 of 1 "
        "| **4.00**, 4.00 to 4.00, slower in 0 of 1 |"
    ) in lines
    training = lines[lines.index("## Training") :]
    assert (
        "| GRU | 2, 3, 5, 7 | 2.000 | 3.000 | 1.000 "
        "| **1.50** (1.50 to 1.50) | **0.50** (0.50 to 0.50) |"
    ) in training
    assert (
        "| Mine | 2, 3, 5, 7 | 2.000 | 8.000 |  | **4.00** (4.00 to 4.00) |  |"
        in training
    )
    assert ratios(entries, "training", "torch.nn") == [0.5]


def test_a_competition_times_both_modes() -> None:
    effort = Effort(rounds=2, seconds=0.0, sample_seconds=0.0)
    entries = list(compete(CONTESTS[0], Shape(3, 2, 5, 4), effort))
    assert [entry.mode for entry in entries] == list(MODES)
    for entry in entries:
        assert set(entry.timing.seconds) == {"fused", "eager", "torch.nn"}
        assert entry.timing.rounds == 2


def test_an_unknown_cell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--cell", "Nothing"])
    assert "invalid choice: 'Nothing'" in capsys.readouterr().err
