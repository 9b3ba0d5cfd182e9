"""Specs of models that go through what others leave out, to be verified."""

from __future__ import annotations

RESET = """from zoo import GRU, LSTM

model Documents(V):
    input words: tokens(V)
    embed 5
    reset
    layer LSTM(4), bidirectional
    layer GRU(4), state learned
    head linear(V)
    loss cross_entropy
"""

EPISODES = """from zoo import LSTM

model Episodes(I):
    input x: [I]
    reset
    layer LSTM(4), zoneout(0.1), recurrent_dropout(0.2)
    layer LSTM(4) x 2, residual
    truncate 2
    head linear(2)
    loss mse
"""

EMITTED = """from zoo import GRU, LSTM

model Watched(I):
    input x: [I]
    layer LSTM(4), emit(c, f), bidirectional
    layer parallel(LSTM(3), GRU(3)), emit(h), zoneout(0.1)
    layer GRU(4), emit(z), bidirectional(sum, LSTM(4))
    io many_to_one(mean)
"""

EMITTED_ONCE = """from zoo import Elman, LSTM

model Looked(I):
    input x: [I]
    layer LSTM(4), emit(c, f)
    layer parallel(LSTM(3), Elman(2)), emit(h)
    io one_to_one
    head linear(2)
    loss mse
"""

EMITTED_SETTLED = """from zoo import Elman

model Settled(I):
    input x: [I]
    layer Elman(3), emit(h)
    io one_to_one(settle = 3, tolerance = 0.1)
"""

DROPPED = """from zoo import GRU, LSTM

model Regularised(I, H):
    input x: [I]
    layer LSTM(H), zoneout(h = 0.1, c = 0.5), recurrent_dropout(0.2)
    layer LSTM(H) x 2, weight_drop(0.5), dropout(0.3)
    layer parallel(LSTM(4), GRU(5)), zoneout(0.1), bidirectional
    io many_to_many(mask = hold)
"""

STRUCTURED = """cell Structured(I, H):
    input x: [I]
    state h: [H]
    param W: [H, I] frozen, V: [H, H] sparse(0.4), U: [H, H] orthogonal

    h[t] = tanh(W @ x[t] + U @ h[t-1] + V @ h[t-1])
    output h[t]

model Rotating(I, H):
    input x: [I]
    layer Structured(H), bidirectional
    layer Structured(2)
"""

EMITTED_APART = """from zoo import GRU, LSTM

model Apart(I):
    input x: [I]
    layer parallel(LSTM(3), GRU(3)), bidirectional(separate), emit(h)
    head linear(2)
    loss mse
"""

KEPT_BEST = """from zoo import GRU

model Best(I):
    input x: [I]
    layer GRU(4)
    io many_to_one(max)
    stateful
    truncate 2
    head linear(1)
    loss binary
"""

KEPT_STEP = """from zoo import GRU

model Controller(I):
    input x: [I]
    layer GRU(4), state learned, skip
    io one_to_one
    stateful
    loss mse
"""

CUT_TRANSLATOR = """from zoo import GRU, LSTM

model Translator(S, T):
    encoder:
        input source: tokens(S)
        embed 4
        layer LSTM(4)
    decoder:
        input target: tokens(T)
        embed 4
        layer LSTM(4), state from encoder
        layer GRU(3)
        attend encoder, general
        feed
        head linear(T)
    truncate 2
    loss cross_entropy
"""

VERIFIED = {
    "reset": RESET,
    "episodes": EPISODES,
    "emitted": EMITTED,
    "emitted once": EMITTED_ONCE,
    "emitted settled": EMITTED_SETTLED,
    "emitted apart": EMITTED_APART,
    "kept best": KEPT_BEST,
    "kept step": KEPT_STEP,
    "cut translator": CUT_TRANSLATOR,
    "dropped": DROPPED,
    "structured": STRUCTURED,
}
