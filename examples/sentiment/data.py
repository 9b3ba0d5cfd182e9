"""Reviews made by a small grammar.

A review is one clause or two. Its last word on the matter counts: of "the plot was dull
but the songs were never boring" the second clause, which denies something bad. So the
same words, in another order, can say the opposite.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from torch import Tensor

GOOD = ("good", "brilliant", "moving", "funny", "clever", "charming", "gripping")
BAD = ("bad", "dull", "boring", "clumsy", "silly", "tedious", "annoying")
SUBJECTS = ("plot", "acting", "music", "ending", "film", "dialogue", "camera")
VERBS = ("was", "seemed", "felt")
DENIALS = ("not", "never", "hardly", "far from")
DEGREES = ("very", "rather", "really", "so")
OPENINGS = ("", "i thought", "we all found", "people say")


@dataclass(frozen=True, slots=True)
class Review:
    text: str
    is_good: bool


def review(rng: random.Random) -> Review:
    """A random one."""
    first, is_first_good = _clause(rng)
    kind = rng.choice(("single", "but", "although", "and"))
    if kind == "single":
        return Review(first, is_first_good)
    second, is_good = _clause(rng)
    if kind == "and":  # both clauses agree
        while is_good != is_first_good:
            second, is_good = _clause(rng)
        return Review(f"{first} and {second}", is_good)
    if kind == "but":
        return Review(f"{first} but {second}", is_good)
    # What stands behind "although" is conceded: the main clause counts.
    if rng.random() < 0.5:
        return Review(f"although {second} , {first}", is_first_good)
    return Review(f"{first} although {second}", is_first_good)


def _clause(rng: random.Random) -> tuple[str, bool]:
    is_good = rng.random() < 0.5
    words = [rng.choice(OPENINGS), "the", rng.choice(SUBJECTS), rng.choice(VERBS)]
    is_denied = rng.random() < 0.5
    if is_denied:
        words.append(rng.choice(DENIALS))
    if rng.random() < 0.4:
        words.append(rng.choice(DEGREES))
    words.append(rng.choice(GOOD if is_good else BAD))
    return " ".join(filter(None, words)), is_good != is_denied


@dataclass(frozen=True, slots=True)
class Batch:
    """Words (T, B), 0 behind the end of a review; lengths (B,); labels (B, 1)."""

    words: Tensor
    lengths: Tensor
    labels: Tensor

    def __getitem__(self, rows: Tensor) -> Batch:
        lengths = self.lengths[rows]
        words = self.words[: int(lengths.max()), rows]
        return Batch(words, lengths, self.labels[rows])


class Vocabulary:
    """Numbers the words from 1; 0 is what stands behind the end."""

    def __init__(self) -> None:
        texts = (*GOOD, *BAD, *SUBJECTS, *VERBS, *DENIALS, *DEGREES, *OPENINGS)
        others = ("the", "but", "although", "and", ",")
        words = [word for text in (*texts, *others) for word in text.split()]
        self._numbers = {word: n for n, word in enumerate(dict.fromkeys(words), 1)}

    def __len__(self) -> int:
        return len(self._numbers) + 1

    def words(self, text: str) -> Tensor:
        """The numbers of a review's words, (T,)."""
        return torch.tensor([self._numbers[word] for word in text.split()])

    def batch(self, reviews: list[Review]) -> Batch:
        rows = [self.words(item.text) for item in reviews]
        return Batch(
            words=torch.nn.utils.rnn.pad_sequence(rows),
            lengths=torch.tensor([len(row) for row in rows]),
            labels=torch.tensor([[float(item.is_good)] for item in reviews]),
        )
