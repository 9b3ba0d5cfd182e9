"""Specs of models whose end is what is tested: heads and losses."""

from __future__ import annotations

CRF = """from zoo import GRU

model Tags(V, K):
    input words: tokens(V)
    embed 4
    layer GRU(3), bidirectional
    head linear(K)
    loss crf
"""

CTC = """from zoo import GRU

model Letters(I):
    input x: [I]
    layer GRU(4)
    head linear(5)
    loss ctc(blank = 2)
"""

ADAPTIVE = """from zoo import GRU

model Words(V):
    input words: tokens(V)
    embed 4
    layer GRU(16)
    loss adaptive_softmax(V, 4, 7, ignore = -1)
"""

ADAPTIVE_ONCE = """from zoo import GRU

model Topic(I, V):
    input x: [I]
    layer GRU(16)
    io many_to_one(mean)
    loss adaptive_softmax(V, 4, 7, reduction = sum)
"""

SOFTMAX = """from zoo import GRU

model Shares(I):
    input x: [I]
    map linear(4), softmax
    layer GRU(5)
    head linear(3), log_softmax
"""

TIED = """from zoo import GRU

model Tied(V):
    input words: tokens(V)
    embed 4
    layer GRU(7)
    head linear(4), tanh, tied
    loss cross_entropy
"""

GIVEN = """from zoo import GRU

model Given(V):
    input words: tokens(V)
    embed 4, given, frozen, padding(2)
    layer GRU(3)
"""

PADDED = """from zoo import GRU

model Padded(V):
    input words: tokens(V)
    embed 4, padding(0)
    layer GRU(3), reverse
    io many_to_one(mean)
"""


def summed(loss: str) -> str:
    """A model whose losses are added up."""
    return f"""from zoo import GRU

model Summed(I, K):
    input x: [I]
    layer GRU(5)
    head linear(K)
    loss {loss}
"""


SUMMED = (
    "cross_entropy(ignore = 1, smoothing = 0.1, reduction = sum)",
    "binary(reduction = sum)",
    "mse(reduction = sum)",
    "mae(reduction = sum)",
    "crf(reduction = sum)",
    "ctc(zero_infinity, reduction = sum)",
)

HEADS = {
    "crf": CRF,
    "ctc": CTC,
    "adaptive": ADAPTIVE,
    "adaptive_once": ADAPTIVE_ONCE,
    "softmax": SOFTMAX,
    "tied": TIED,
    "given": GIVEN,
    "padded": PADDED,
    **{f"summed_{text.partition('(')[0]}": summed(text) for text in SUMMED},
}
