"""Compiles a language model, and trains it on a text in the Penn Treebank's format."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from corpus import END, Corpus, read_corpus, write_corpus
from training import perplexity, train_epoch, unigram_perplexity

import rnndsl
from rnndsl.compiler import open_spec
from rnndsl.verify import verify_program

HERE = Path(__file__).parent
SPEC = HERE / "language_model.rnn"
FACTOR = 1.1


def compile_model(output: Path) -> ModuleType:
    """Writes the Python module of the spec into a folder, imports and verifies it."""
    written = rnndsl.compile_file(SPEC, output / "language_model.py")
    print(f"compiled {SPEC.name} to {written.name}")
    sys.path.insert(0, str(output))
    module = import_module(written.stem)
    if not verify_program(open_spec(SPEC).program, module, seed=0).passed:
        raise SystemExit("the module and its references do not agree: rnndsl verify")
    print("verified")
    return module


@torch.no_grad()
def written_by(model: Any, corpus: Corpus, words: int) -> str:
    """A text that the model draws word by word, one step at a time."""
    model.eval()
    model.reset_state()
    word, text = torch.tensor([corpus.words.index(END)]), []
    for _ in range(words):
        output, _ = model.step(word)  # goes on from the state it has kept
        word = model.predict(output).multinomial(1)[:, 0]
        text.append(corpus.words[int(word)])
    return " ".join(text).replace(END, "|")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the example. Returns 0 if the model comes close to the grammar's own
    perplexity, or if the text is not that of the grammar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", type=Path, help="a folder with ptb.train.txt, ...")
    parser.add_argument(
        "--output", type=Path, default=HERE / "build", help="a folder, made if absent"
    )
    options = parser.parse_args(arguments)
    output: Path = options.output
    output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # steps as small as these gain nothing from more

    module = compile_model(output)
    best = 0.0
    if options.corpus is None:
        best = write_corpus(output, random.Random(options.seed))
    corpus = read_corpus(options.corpus or output)
    size = len(corpus.words)
    torch.manual_seed(options.seed)
    model = module.LanguageModel(v_size=size)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.75)
    text, tests = corpus.parts["train"], corpus.parts["test"]
    for epoch in range(options.epochs):
        train_epoch(model, text, optimizer)
        schedule.step()
        valid = perplexity(model, corpus.parts["valid"])
        print(f"epoch {epoch + 1}: validation perplexity {valid:.2f}")
    print(f"the model writes: {written_by(model, corpus, 30)}")
    frequent = unigram_perplexity(text, tests, size)
    print(f"test perplexity of word frequencies {frequent:.2f}")
    found = perplexity(model, tests)
    print(f"test perplexity {found:.2f}")
    if options.corpus is not None:
        return 0
    print(f"test perplexity of the grammar {best:.2f}")
    return 0 if found <= FACTOR * best else 1


if __name__ == "__main__":
    sys.exit(main())
