"""Compiles three models that read images, and trains them on handwritten digits."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor

import rnndsl
from rnndsl.compiler import open_spec
from rnndsl.verify import verify_program

HERE = Path(__file__).parent
SPEC = HERE / "images.rnn"
BATCH, TESTED = 32, 450
NEEDED = 0.95


def compile_models(output: Path) -> ModuleType:
    """Writes the Python module of the spec into a folder, imports and verifies it."""
    written = rnndsl.compile_file(SPEC, output / "images.py")
    print(f"compiled {SPEC.name} to {written.name}")
    sys.path.insert(0, str(output))
    module = import_module(written.stem)
    if not verify_program(open_spec(SPEC).program, module, seed=0).passed:
        raise SystemExit("the module and its references do not agree: rnndsl verify")
    print("verified")
    return module


def stripes(images: Tensor) -> Tensor:
    """Each row with the one above and the one below: (B, 8, 8) to (B, 8, 1, 3, 8)."""
    padded = torch.nn.functional.pad(images, (0, 0, 1, 1))
    return padded.unfold(1, 3, 1).transpose(2, 3).unsqueeze(2)


def train(model: Any, images: Tensor, labels: Tensor, epochs: int) -> None:
    """Trains a compiled model."""
    optimizer = torch.optim.AdamW(model.parameters())
    batches = math.ceil(len(labels) / BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.01, epochs=epochs, steps_per_epoch=batches
    )
    for _ in range(epochs):
        for rows in torch.randperm(len(labels)).split(BATCH):
            output, _ = model(images[rows])
            loss = model.loss(output, labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


@torch.no_grad()
def accuracy(model: Any, images: Tensor, labels: Tensor) -> float:
    """The share of images that are read rightly."""
    output, _ = model(images)
    return (model.predict(output).argmax(1) == labels).float().mean().item()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the example. Returns 0 if the last model read enough of the test images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output", type=Path, default=HERE / "build", help="a folder, made if absent"
    )
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # steps as small as these gain nothing from more

    module = compile_models(options.output)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32) / 16
    labels = torch.tensor(digits.target)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    tests, trained = order[:TESTED], order[TESTED:]
    read = 0.0
    for name in ("Mean", "Both", "Convolved"):
        torch.manual_seed(options.seed)
        model = getattr(module, name)(k_size=10, batch_first=True)
        given = stripes(images) if name == "Convolved" else images
        train(model, given[trained], labels[trained], options.epochs)
        read = accuracy(model, given[tests], labels[tests])
        print(f"{name:10} test accuracy {read:.1%}")
    return 0 if read >= NEEDED else 1


if __name__ == "__main__":
    sys.exit(main())
