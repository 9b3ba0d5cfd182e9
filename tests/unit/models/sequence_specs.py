"""Specs of models with contexts, and of models that read their own outputs."""

from __future__ import annotations

CAPTION = '''from zoo import LSTM

model Caption(F, V):
    """Says what an image shows."""
    context image: [F]
    input words: tokens(V)
    embed 6
    map join(image)
    layer LSTM(5), state from image(tanh)
    io one_to_many
    head linear(V)
    loss cross_entropy
    generate start(1), stop(2)
'''

# Every way to use a context, among them that of a cell.
SONG = """from zoo import GRU, TimeAwareLSTM

model Song(G, V):
    context mood: [3], genre: tokens(G), dt: [], width: [2]
    input notes: tokens(V), loudness: [], pitch: [2]
    embed 4
    map join(genre, 3), join(loudness), join(pitch)
    layer TimeAwareLSTM(5), state from genre
    layer parallel(GRU(4), GRU(3)), state from mood
    layer GRU(4), bidirectional(sum), state from dt(relu)
    layer GRU(3), reverse, state learned, emit(z)
    map join(mood), tanh
    head mlp(6, relu, V), join(width), join(dt)
    loss cross_entropy
"""

PATIENT = """from zoo import TimeAwareLSTM

model Patient(I):
    context dt: [], age: [2]
    input x: [I]
    layer TimeAwareLSTM(4), reverse
    io many_to_one(mean)
    head join(age), linear(2)
    loss cross_entropy
"""

SINGLE = """from zoo import GRU

model Single(I):
    context z: [3]
    input x: [I]
    layer GRU(4), state from z
    io one_to_one
    head join(z), linear(2)
"""

LETTERS = """from zoo import GRU

model Chatter(V):
    input letters: tokens(V)
    embed 3
    layer GRU(5), state learned
    layer GRU(4)
    head linear(V)
    loss cross_entropy
    generate stop(0)
"""

SERIES = """from zoo import LSTM

model Series(I):
    input x: [I]
    layer LSTM(4)
    head linear(I)
    loss mse
    generate
"""

SEQUENCES = {
    "caption": CAPTION,
    "song": SONG,
    "patient": PATIENT,
    "single": SINGLE,
    "chatter": LETTERS,
    "chatter_kept": LETTERS.replace("    generate", "    stateful\n    generate"),
    "series": SERIES,
}
