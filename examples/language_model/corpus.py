"""Texts in the format of the Penn Treebank: a sentence a line, words between spaces."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

END = "<eos>"
PARTS = ("train", "valid", "test")

NOUNS = (
    "dog", "bank", "senator", "doctor", "river", "company", "judge", "bird", "student",
    "machine",
)  # fmt: skip
VERBS = ("chases", "sees", "likes", "finds", "follows", "knows")
ADJECTIVES = ("old", "small", "quiet", "famous")


@dataclass(frozen=True, slots=True)
class Corpus:
    """The numbers of the words of each part, (N,), and the words by their numbers."""

    parts: dict[str, Tensor]
    words: tuple[str, ...]


def read_corpus(folder: Path) -> Corpus:
    """Reads ``ptb.train.txt``, ``ptb.valid.txt`` and ``ptb.test.txt``. The words are
    those of the first, the frequent ones in front."""
    texts = {part: _words(folder / f"ptb.{part}.txt") for part in PARTS}
    counts = Counter(texts["train"])
    words = tuple(sorted(counts, key=lambda word: (-counts[word], word)))
    numbers = {word: number for number, word in enumerate(words)}
    parts = {
        part: torch.tensor([numbers[word] for word in text if word in numbers])
        for part, text in texts.items()
    }
    return Corpus(parts, words)


def _words(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [word for line in lines for word in (*line.split(), END)]


def write_corpus(folder: Path, rng: random.Random) -> float:
    """Writes the three files, made by a small grammar. Returns the perplexity of the
    test text to who knows the grammar: no model can do better, but by chance."""
    perplexity = math.inf
    for part, sentences in zip(PARTS, (4000, 300, 600), strict=True):
        writer = _Writer(rng)
        lines = [writer.sentence() for _ in range(sentences)]
        text = "".join(f" {line} \n" for line in lines)
        (folder / f"ptb.{part}.txt").write_text(text, encoding="utf-8")
        words = sum(len(line.split()) + 1 for line in lines)
        perplexity = math.exp(writer.surprise / words)
    return perplexity


class _Writer:
    """Writes sentences, and adds up how surprising its choices are.

    A verb agrees with its subject, over a relative clause if there is one, and a
    pronoun with the subject of the sentence before.
    """

    def __init__(self, rng: random.Random) -> None:
        self.surprise = 0.0
        self._rng = rng
        self._is_plural = False

    def sentence(self) -> str:
        if self._happens(0.4):
            words = ["they" if self._is_plural else "it"]
        else:
            words, self._is_plural = self._noun_phrase()
            if self._happens(0.3):
                others, are_plural = self._noun_phrase()
                words += ["that", *others, self._verb(are_plural)]
        words.append(self._verb(self._is_plural))
        return " ".join([*words, *self._noun_phrase()[0]])

    def _noun_phrase(self) -> tuple[list[str], bool]:
        is_plural = self._happens(0.5)
        determiner = self._one_of(("these", "many") if is_plural else ("a", "this"))
        adjectives = [self._one_of(ADJECTIVES)] if self._happens(0.3) else []
        noun = self._one_of(NOUNS)
        if is_plural:
            noun = f"{noun[:-1]}ies" if noun.endswith("ny") else f"{noun}s"
        return [determiner, *adjectives, noun], is_plural

    def _verb(self, is_plural: bool) -> str:
        verb = self._one_of(VERBS)
        return verb.removesuffix("s") if is_plural else verb

    def _happens(self, probability: float) -> bool:
        happens = self._rng.random() < probability
        self.surprise -= math.log(probability if happens else 1 - probability)
        return happens

    def _one_of(self, words: tuple[str, ...]) -> str:
        self.surprise += math.log(len(words))
        return self._rng.choice(words)
