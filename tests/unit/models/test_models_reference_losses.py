"""The losses that generated ones are compared with, against torch and by counting."""

from __future__ import annotations

from itertools import pairwise, product

import torch
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close

from rnndsl.analysis.model import Loss, LossKind, Reduction
from rnndsl.diagnostics import Source, Span
from rnndsl.verify.models.losses import loss_value, predicted
from rnndsl.verify.models.parameters import Parameters
from rnndsl.verify.models.sequence_losses import (
    best_alignment,
    best_tags,
    surprise_of_symbols,
    surprise_of_tags,
)

SPAN = Span(Source("spec.rnn", "loss"), 0, 4)


def parameters() -> Parameters:
    return Parameters({}, generator=torch.Generator().manual_seed(3))


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def loss(
    kind: LossKind,
    output: Tensor,
    target: Tensor,
    ignore: int | None = None,
    smoothing: float = 0.0,
    reduction: Reduction = Reduction.MEAN,
) -> Tensor:
    """Of one row."""
    own = Loss(
        kind=kind, ignore=ignore, smoothing=smoothing, reduction=reduction, span=SPAN
    )
    return loss_value(own, [list(output)], [list(target)], {}, parameters())


def test_pointwise_losses_are_those_of_torch() -> None:
    output, real = drawn(7, 6), drawn(7, 6)
    classes, labels = torch.tensor([1, 0, 5, 2, 1, 3, 4]), drawn(7, 6).sigmoid().round()
    assert_close(
        loss(LossKind.CROSS_ENTROPY, output, classes, ignore=1, smoothing=0.2),
        functional.cross_entropy(output, classes, ignore_index=1, label_smoothing=0.2),
    )
    assert_close(
        loss(LossKind.CROSS_ENTROPY, output, classes, reduction=Reduction.SUM),
        functional.cross_entropy(output, classes, reduction="sum"),
    )
    assert_close(
        loss(LossKind.BINARY, output, labels),
        functional.binary_cross_entropy_with_logits(output, labels),
    )
    assert_close(
        loss(LossKind.SQUARED_ERROR, output, real), functional.mse_loss(output, real)
    )
    assert_close(
        loss(LossKind.ABSOLUTE_ERROR, output, real), functional.l1_loss(output, real)
    )


def test_the_adaptive_softmax_is_that_of_torch() -> None:
    own = parameters()
    adaptive = Loss(
        kind=LossKind.ADAPTIVE_SOFTMAX,
        ignore=None,
        smoothing=0.0,
        classes="V",
        cutoffs=(3, 5),
        span=SPAN,
    )
    output, target = drawn(6, 17), torch.tensor([0, 4, 8, 2, 6, 3])
    found = loss_value(adaptive, [list(output)], [list(target)], {"V": 9}, own)
    (row,) = predicted(adaptive, [list(output)], {"V": 9}, own)
    other = torch.nn.AdaptiveLogSoftmaxWithLoss(17, 9, [3, 5], dtype=torch.float64)
    prefix = "adaptive_softmax."
    other.load_state_dict({n.removeprefix(prefix): v for n, v in own.values.items()})
    assert_close(found, other(output, target).loss)
    assert_close(torch.stack(row), other.log_prob(output).exp())
    assert_close(torch.stack(row).sum(1), torch.ones(6, dtype=torch.float64))


def test_tags_are_compared_with_all_paths() -> None:
    own, scores = parameters(), drawn(4, 3)
    value = surprise_of_tags(list(scores), [2, 0, 0, 1], own)
    transitions, start, end = (
        own.values[f"crf.{name}"] for name in ("transitions", "start", "end")
    )

    def score(path: tuple[int, ...]) -> Tensor:
        steps = sum(scores[t, tag] for t, tag in enumerate(path))
        pairs = sum(transitions[a, b] for a, b in pairwise(path))
        return torch.as_tensor(start[path[0]] + steps + pairs + end[path[-1]])

    paths = list(product(range(3), repeat=4))
    every = torch.stack([score(path) for path in paths])
    assert_close(value, every.logsumexp(0) - score((2, 0, 0, 1)))
    assert best_tags(list(scores), own) == list(paths[int(every.argmax())])


def test_symbols_are_compared_with_all_alignments() -> None:
    scores, blank = drawn(5, 3), 1
    probabilities = scores.softmax(1)
    sums: dict[tuple[int, ...], float] = {}
    for path in product(range(3), repeat=5):
        share = float(
            torch.stack([probabilities[t, s] for t, s in enumerate(path)]).prod()
        )
        merged = [s for t, s in enumerate(path) if t == 0 or s != path[t - 1]]
        read = tuple(s for s in merged if s != blank)
        sums[read] = sums.get(read, 0.0) + share
    for read in [(), (0,), (2, 2), (0, 2, 0), (2, 2, 0), (0, 0, 0)]:
        value = surprise_of_symbols(list(scores), read, blank, scores)
        assert abs(float((-value).exp()) - sums[read]) < 1e-14
    path = scores.argmax(1).tolist()
    merged = [s for t, s in enumerate(path) if t == 0 or s != path[t - 1]]
    assert best_alignment(list(scores), blank) == [s for s in merged if s != blank]


def test_a_row_of_no_steps_is_no_surprise() -> None:
    assert surprise_of_tags([], [], parameters()) == 0
    assert surprise_of_symbols([], [], 0, drawn(1)) == 0
