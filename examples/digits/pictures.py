"""The pictures of a training run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data import Digits
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor
from training import Epoch

BLUE, GREEN, RED, GREY = "#2563a8", "#1a7f4b", "#c0392b", "#8a8a8a"
ROWS, COLUMNS = 4, 10


def save_learning_curve(path: Path, history: Sequence[Epoch], needed: float) -> None:
    """Loss and test accuracy over the epochs, one above the other."""
    epochs = range(1, len(history) + 1)
    accuracies = [epoch.accuracy for epoch in history]
    figure = Figure(figsize=(7, 5.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(epochs, [epoch.loss for epoch in history], color=BLUE)
    above.set(yscale="log", ylabel="training loss")
    below.plot(epochs, accuracies, color=GREEN)
    below.axhline(needed, color=GREY, linestyle="--", linewidth=1)
    below.annotate(
        f"{needed:.0%}",
        (1, needed),
        xycoords=("axes fraction", "data"),
        xytext=(4, 0),
        textcoords="offset points",
        color=GREY,
        verticalalignment="center",
    )
    below.set(xlabel="epoch", ylabel="test accuracy")
    below.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axes in (above, below):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"Test accuracy {accuracies[-1]:.1%} after {len(history)} epochs")
    figure.savefig(path, dpi=150)


def save_predictions(path: Path, digits: Digits, predicted: Tensor) -> None:
    """Test images under what was read: the misses first, framed, then others."""
    is_miss = predicted != digits.test_labels
    misses = int(is_miss.sum())
    order = is_miss.int().argsort(descending=True, stable=True)
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    grid = figure.subplots(ROWS, COLUMNS)
    for axes, index in zip(grid.flat, order.tolist(), strict=False):
        axes.imshow(digits.test_images[index], cmap="gray_r", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
        read, true = int(predicted[index]), int(digits.test_labels[index])
        missed = read != true
        title = f"{read}, is {true}" if missed else f"{read}"
        axes.set_title(title, color=RED if missed else GREEN, fontsize=10, pad=3)
        axes.spines[:].set(
            color=RED if missed else GREY, linewidth=2 if missed else 0.5
        )
    shown = min(misses, ROWS * COLUMNS)
    figure.suptitle(
        f"{misses} of {len(predicted)} test images misread"
        f"{f' ({shown} shown)' if shown < misses else ''}, "
        "framed in red; what was read stands above each"
    )
    figure.savefig(path, dpi=150)
