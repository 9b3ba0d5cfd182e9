"""Specs of models with convolutions."""

from __future__ import annotations

VIDEO = """from zoo import GRU

model Video(C, K):
    input frames: [C, 6, 13]
    map conv(3, 3), relu, max_pool(2), conv(4, 5), tanh, mean_pool(3)
    map flatten, linear(6)
    layer GRU(5), bidirectional
    head linear(K)
    loss cross_entropy
"""

WAVE = """from zoo import GRU

model Wave(C, N, K):
    input x: [C, N]
    map conv(3, 5), softplus, sqrt, conv(K, 1), dropout(0.2, variational), flatten
    layer GRU(5)
    io many_to_one
    head linear(2)
    loss mse
"""

WHOLE = """from zoo import GRU

model Whole(C, Y, X):
    input pictures: [C, Y, X]
    map conv(4, 1), mean_pool
    layer GRU(5)
"""

PICTURE = """from zoo import GRU

model Picture(C):
    input picture: [C, 8, 8]
    map conv(4, 3), relu, max_pool(4), max_pool
    layer GRU(5)
    io one_to_one
    head linear(3)
    loss cross_entropy
"""

OVER_TIME = """from zoo import GRU

model Sound(I):
    input x: [I]
    map conv_time(6, 3), relu, conv_time(4, 2)
    layer GRU(5), bidirectional
    map conv_time(3, 4)
    head linear(2), conv_time(2, 1)
    loss mae
"""

CONVOLUTIONS = {
    "video": VIDEO,
    "wave": WAVE,
    "whole": WHOLE,
    "picture": PICTURE,
    "over_time": OVER_TIME,
}
