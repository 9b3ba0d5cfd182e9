"""The network around the cell, and its training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType

import torch
from data import Digits
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from torch import Tensor, nn

BATCH = 32
HIDDEN = 96


class Reader(nn.Module):
    """Reads the rows of images one after another, and then says which digits."""

    def __init__(self, cells: ModuleType) -> None:
        """Takes the layer Echo from the compiled module."""
        super().__init__()
        self.rows = cells.Echo(input_size=8, hidden_size=HIDDEN, batch_first=True)
        self.digit = nn.Linear(HIDDEN, 10)

    def forward(self, images: Tensor) -> Tensor:
        """From images (B, 8, 8) to scores (B, 10)."""
        output, _ = self.rows(images)
        scores: Tensor = self.digit(output[:, -1])
        return scores

    def read(self, images: Tensor) -> Tensor:
        """The likeliest digit of each image, (B,)."""
        with torch.no_grad():
            scores: Tensor = self(images)
        return scores.argmax(1)


@dataclass(frozen=True, slots=True)
class Epoch:
    """The mean training loss of an epoch, and the test accuracy after it."""

    loss: float
    accuracy: float


def train(
    reader: Reader, digits: Digits, epochs: int, console: Console
) -> tuple[Epoch, ...]:
    """Trains under a progress bar; returns how each epoch went."""
    images, labels = digits.train_images, digits.train_labels
    optimizer = torch.optim.AdamW(reader.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=0.01,
        epochs=epochs,
        steps_per_epoch=math.ceil(len(labels) / BATCH),
    )
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
    )
    history: list[Epoch] = []
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=epochs)
        for _ in range(epochs):
            total = 0.0
            for batch in torch.randperm(len(labels)).split(BATCH):
                loss = nn.functional.cross_entropy(reader(images[batch]), labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                total += loss.item() * len(batch)
            is_right = reader.read(digits.test_images) == digits.test_labels
            epoch = Epoch(total / len(labels), is_right.float().mean().item())
            history.append(epoch)
            shown = f"loss {epoch.loss:.3f}, test accuracy {epoch.accuracy:.1%}"
            progress.update(task, advance=1, description=shown)
    return tuple(history)
