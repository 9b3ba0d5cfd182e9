"""Compiles a cell of one's own, verifies it, and trains it to read digits."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
from data import load_digits
from pictures import save_learning_curve, save_predictions
from rich.console import Console
from training import Reader, train

import rnndsl
from rnndsl.compiler import open_spec
from rnndsl.verify import verify_program

HERE = Path(__file__).parent
SPEC = HERE / "digits.rnn"
NEEDED = 0.96


def compile_cell(output: Path, console: Console) -> ModuleType:
    """Writes the Python module of the spec into a folder, and imports it."""
    written = rnndsl.compile_file(SPEC, output / "echo_cell.py")
    console.print(f"compiled {SPEC.name} to {written.name}")
    sys.path.insert(0, str(output))
    return import_module(written.stem)


def verify_cell(cells: ModuleType, console: Console) -> None:
    """Compares values and gradients with references; exits if they do not agree."""
    with console.status("verifying"):
        report = verify_program(open_spec(SPEC).program, cells, seed=0)
    if not report.passed:
        raise SystemExit("the module and its references do not agree: rnndsl verify")
    console.print(f"verified in {len(report.results)} comparisons")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the example. Returns 0 if enough of the test images were read, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output", type=Path, default=HERE / "build", help="a folder, made if absent"
    )
    options = parser.parse_args(arguments)
    output: Path = options.output
    output.mkdir(parents=True, exist_ok=True)
    console = Console(soft_wrap=True, highlight=False)
    torch.set_num_threads(1)  # steps as small as these gain nothing from more

    cells = compile_cell(output, console)
    verify_cell(cells, console)
    digits = load_digits()
    torch.manual_seed(options.seed)
    reader = Reader(cells)
    history = train(reader, digits, options.epochs, console)

    save_learning_curve(output / "learning_curve.png", history, NEEDED)
    read = reader.read(digits.test_images)
    save_predictions(output / "predictions.png", digits, read)
    console.print(f"saved learning_curve.png and predictions.png; all is in {output}")
    accuracy = history[-1].accuracy
    console.print(f"test accuracy {accuracy:.2%}")
    return 0 if accuracy >= NEEDED else 1


if __name__ == "__main__":
    sys.exit(main())
