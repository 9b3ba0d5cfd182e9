"""The handwritten digits of scikit-learn: 1797 images of 8 by 8 pixels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from sklearn import datasets
from sklearn.model_selection import train_test_split
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Digits:
    """Images (N, 8, 8) with ink from 0 to 1, and which digits they show (N,)."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def load_digits() -> Digits:
    """Three quarters to train on and a quarter to test with, the same every time."""
    bunch = datasets.load_digits()
    parts = train_test_split(
        bunch.images / 16,
        bunch.target,
        test_size=0.25,
        stratify=bunch.target,
        random_state=0,
    )
    train_images, test_images, train_labels, test_labels = parts
    return Digits(
        torch.tensor(train_images, dtype=torch.float32),
        torch.tensor(train_labels),
        torch.tensor(test_images, dtype=torch.float32),
        torch.tensor(test_labels),
    )
