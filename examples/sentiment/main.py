"""Compiles a model of reviews, and trains it to say whether they are favourable."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
from data import Vocabulary, review
from training import accuracy, bag_of_words_accuracy, train

import rnndsl
from rnndsl.compiler import open_spec
from rnndsl.verify import verify_program

HERE = Path(__file__).parent
SPEC = HERE / "sentiment.rnn"
TRAINED, TESTED = 2000, 1000
NEEDED = 0.97
EXAMPLES = (
    "the plot was not good",
    "the plot was dull but the music was never boring",
    "the music was never boring but the plot was dull",
    "although the acting was brilliant , people say the film was silly",
)


def compile_model(output: Path) -> ModuleType:
    """Writes the Python module of the spec into a folder, imports and verifies it."""
    written = rnndsl.compile_file(SPEC, output / "sentiment.py")
    print(f"compiled {SPEC.name} to {written.name}")
    sys.path.insert(0, str(output))
    module = import_module(written.stem)
    if not verify_program(open_spec(SPEC).program, module, seed=0).passed:
        raise SystemExit("the module and its references do not agree: rnndsl verify")
    print("verified")
    return module


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the example. Returns 0 if enough of the test reviews were understood."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output", type=Path, default=HERE / "build", help="a folder, made if absent"
    )
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # steps as small as these gain nothing from more

    module = compile_model(options.output)
    rng = random.Random(options.seed)
    torch.manual_seed(options.seed)
    vocabulary = Vocabulary()
    reviews = vocabulary.batch([review(rng) for _ in range(TRAINED)])
    tests = vocabulary.batch([review(rng) for _ in range(TESTED)])
    model = module.Sentiment(v_size=len(vocabulary))
    train(model, reviews, options.epochs)
    for text in EXAMPLES:
        words = vocabulary.words(text)
        output, _ = model(words)  # a single review, without a batch
        print(f"{model.predict(output).item():4.0%}  {text}")
    counted = bag_of_words_accuracy(reviews, tests, len(vocabulary))
    print(f"test accuracy of counting words {counted:.1%}")
    read = accuracy(model, tests)
    print(f"test accuracy {read:.1%}")
    return 0 if read >= NEEDED else 1


if __name__ == "__main__":
    sys.exit(main())
