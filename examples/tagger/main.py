"""Compiles two taggers, one with a conditional random field, and trains both."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
from data import TAGS, Vocabulary, sentence
from training import Score, score, tagged, train

import rnndsl
from rnndsl.compiler import open_spec
from rnndsl.verify import verify_program

HERE = Path(__file__).parent
SPEC = HERE / "tagger.rnn"
TRAINED, TESTED = 500, 1000
NEEDED = 0.85


def compile_models(output: Path) -> ModuleType:
    """Writes the Python module of the spec into a folder, imports and verifies it."""
    written = rnndsl.compile_file(SPEC, output / "tagger.py")
    print(f"compiled {SPEC.name} to {written.name}")
    sys.path.insert(0, str(output))
    module = import_module(written.stem)
    if not verify_program(open_spec(SPEC).program, module, seed=0).passed:
        raise SystemExit("the module and its references do not agree: rnndsl verify")
    print("verified")
    return module


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the example. Returns 0 if enough whole sentences were tagged rightly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output", type=Path, default=HERE / "build", help="a folder, made if absent"
    )
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # steps as small as these gain nothing from more

    module = compile_models(options.output)
    rng = random.Random(options.seed)
    vocabulary = Vocabulary()
    sentences = vocabulary.batch([sentence(rng) for _ in range(TRAINED)])
    tests = [sentence(rng) for _ in range(TESTED)]
    batch = vocabulary.batch(tests)
    scores: dict[str, Score] = {}
    for name in ("WordTagger", "Tagger"):
        torch.manual_seed(options.seed)
        model = getattr(module, name)(v_size=len(vocabulary), k_size=len(TAGS))
        train(model, sentences, options.epochs)
        given = tagged(model, batch)
        found = scores[name] = score(given, tests)
        print(
            f"{name:10}  right words {found.words:.1%}, sentences "
            f"{found.sentences:.1%}; impossible {found.impossible:.1%}"
        )
    # From the model trained last, with the field: which tag hardly follows which.
    transitions = model.crf.transitions
    after = transitions[TAGS.index("B-PER")] - transitions[TAGS.index("B-PER")].max()
    shown = ", ".join(
        f"{tag} {score:.1f}" for tag, score in zip(TAGS, after.tolist(), strict=True)
    )
    print(f"after B-PER: {shown}")
    for word, tag in zip(tests[0].words, given[0], strict=True):
        print(f"  {word:10} {tag}")
    return 0 if scores["Tagger"].sentences >= NEEDED else 1


if __name__ == "__main__":
    sys.exit(main())
