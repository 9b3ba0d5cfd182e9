"""What the tests of the command line share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from click.testing import Result

Run: TypeAlias = Callable[..., Result]

ELMAN = '''\
"""A simple recurrent network."""

cell Elman(I, H):
    input x: [I]
    state h: [H]
    param W: [H, I]
    param U: [H, H]
    bias b: [H]

    h[t] = tanh(W @ x[t] + U @ h[t-1] + b)
    output h[t]
'''
