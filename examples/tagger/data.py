"""Sentences with names in them, made by a small grammar.

The tags are those of named entities: B-PER is the first word of a person's name, I-PER
each further one, and so on for places and organisations; O is everything else. The same
words name different things (Lincoln is a president, a town and a car maker), and a name
has one to four words, so a tag depends on the tags around it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from torch import Tensor

NAMES = ("lincoln", "jackson", "austin", "houston", "madison", "warren", "clinton")
FIRST = ("anna", "george", "victoria", "florence", "sydney", "charlotte", "chester")
TITLES = ("senator", "doctor", "judge")
PLACES = ("lake", "mount", "port", "fort", "new")
FIRMS = ("brothers", "bank", "motors", "press", "college")
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")
UNKNOWN = 1
RARE = 0.4
"""The share of the words of names that are not in the vocabulary."""

PATTERNS = (
    "PER met PER in LOC",
    "PER left ORG for ORG",
    "ORG opened a branch in LOC",
    "ORG hired PER",
    "the mayor of LOC thanked ORG",
    "PER flew from LOC to LOC",
    "LOC is where PER founded ORG",
    "PER , ORG and PER went to court",
    "after a year in LOC , PER sold ORG",
    "PER LOC to ORG PER",
    "seen : PER , LOC , ORG",
    "seen : ORG , PER , LOC",
    "seen : LOC ORG PER",
)


@dataclass(frozen=True, slots=True)
class Sentence:
    words: tuple[str, ...]
    tags: tuple[str, ...]


def sentence(rng: random.Random) -> Sentence:
    """A random one."""
    words: list[str] = []
    tags: list[str] = []
    for word in rng.choice(PATTERNS).split():
        if word not in ("PER", "LOC", "ORG"):
            words.append(word)
            tags.append("O")
            continue
        name = _name(word, rng)
        words += [w if rng.random() > RARE else "?" for w in name]
        tags += [f"B-{word}", *[f"I-{word}"] * (len(name) - 1)]
    return Sentence(tuple(words), tuple(tags))


def _name(kind: str, rng: random.Random) -> list[str]:
    name, other = rng.choice(NAMES), rng.choice(NAMES)
    first, place = rng.choice(FIRST), rng.choice(PLACES)
    match kind:
        case "PER":
            title = rng.choice(TITLES)
            return rng.choice(
                ([first], [first, name], [first, first, name], [title, name])
            )
        case "LOC":
            return rng.choice(([name], [first], [place, name], [place, first, name]))
        case _:
            firm = rng.choice(FIRMS)
            return rng.choice(
                ([name, firm], [first, name, firm], [name, "and", other, firm], [name])
            )


@dataclass(frozen=True, slots=True)
class Batch:
    """Words and tags (T, B), 0 behind the end of a sentence; lengths (B,)."""

    words: Tensor
    tags: Tensor
    lengths: Tensor

    def __getitem__(self, rows: Tensor) -> Batch:
        lengths = self.lengths[rows]
        longest = int(lengths.max())
        return Batch(self.words[:longest, rows], self.tags[:longest, rows], lengths)


class Vocabulary:
    """Numbers the words from 2; 0 is padding, 1 a word that is not known."""

    def __init__(self) -> None:
        lists = (NAMES, FIRST, TITLES, PLACES, FIRMS, *(p.split() for p in PATTERNS))
        words = dict.fromkeys(word for listed in lists for word in listed)
        self._numbers = {word: n for n, word in enumerate(words, 2)}

    def __len__(self) -> int:
        return len(self._numbers) + 2

    def batch(self, sentences: list[Sentence]) -> Batch:
        rows = [
            torch.tensor([self._numbers.get(word, UNKNOWN) for word in item.words])
            for item in sentences
        ]
        tags = [
            torch.tensor([TAGS.index(tag) for tag in item.tags]) for item in sentences
        ]
        return Batch(
            words=torch.nn.utils.rnn.pad_sequence(rows),
            tags=torch.nn.utils.rnn.pad_sequence(tags),
            lengths=torch.tensor([len(row) for row in rows]),
        )
