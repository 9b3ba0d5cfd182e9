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

TRANSLATOR = """from zoo import LSTM

model Translator(S, T):
    encoder:
        input source: tokens(S)
        embed 6
        layer LSTM(5) x 2, bidirectional(sum)
    decoder:
        input target: tokens(T)
        embed 4
        layer LSTM(5) x 2, state from encoder
        attend encoder, additive(7)
        map linear(3), tanh
        feed
        head linear(T)
    io many_to_many(unequal)
    loss cross_entropy
    generate start(1), stop(2)
"""

# Everything else that a decoder can take of its encoder.
SPEECH = """from zoo import Elman, GRU, LSTM

model Speech(F, V):
    context speaker: tokens(3), gain: [2]
    encoder:
        input frames: [F], energy: []
        map join(energy), join(speaker, 2), linear(4), tanh
        layer GRU(5), bidirectional
        layer parallel(GRU(5), LSTM(3)), skip
        layer GRU(4), bidirectional(product, Elman(4))
        layer GRU(6), reverse
    decoder:
        input words: tokens(V), pitch: [2]
        embed 4
        map join(pitch)
        layer GRU(10), state from encoder
        layer parallel(GRU(5), LSTM(3)), state from encoder
        layer GRU(4), state from encoder
        layer LSTM(7), state from encoder(tanh)
        attend encoder, general
        map linear(6)
        attend encoder, dot
        layer GRU(5), state from gain
        map join(gain)
        head linear(V)
    loss cross_entropy
"""

# A loop that reads inputs and contexts at each step, without an encoder.
ECHO = """from zoo import GRU, TimeAwareLSTM

model Echo(I):
    context z: [2]
    input x: [I], dt: [], u: [2]
    map linear(3)
    layer TimeAwareLSTM(4), state learned
    map join(u), join(z), tanh
    layer GRU(3), dropout(0.5), project(8), residual
    map linear(5)
    feed
    layer GRU(4), bidirectional
    head linear(2), join(z)
    loss mse
"""

JORDAN = """from zoo import GRU

model Fed(I):
    input x: [I]
    layer GRU(4) x 2, state learned
    map linear(I)
    feed
    loss mse
    generate
"""

# What is fed back is cut as states are, in rows that end early too.
RECALL = """from zoo import GRU, LSTM

model Recall(I):
    input x: [I]
    dropout 0.2, variational
    layer LSTM(4), zoneout(0.1)
    map linear(3), tanh
    feed
    layer GRU(5), recurrent_dropout(0.2), emit(h)
    truncate 2
    loss mse
"""

TURNER = """from zoo import GRU

model Turner(V):
    encoder:
        input source: tokens(V)
        embed 12
        layer GRU(24), bidirectional(sum)
    decoder:
        input target: tokens(V)
        embed 12
        layer GRU(24), state from encoder(tanh)
        attend encoder, general
        head linear(V)
    loss cross_entropy
    generate start(1), stop(2)
"""

# The encoder reads a context, whose size it has; its states are read by nothing.
GUIDED = """from zoo import GRU, LSTM

model Guided(S, T, F):
    context guide: [F]
    encoder:
        input source: tokens(S)
        embed 4, padding(0)
        map join(guide)
        layer LSTM(4)
    decoder:
        input target: tokens(T)
        embed 4
        layer GRU(5), state from guide
        attend encoder, additive
        head linear(T)
    loss cross_entropy
"""

# The states of the encoder are read, its outputs by nothing.
CONTINUER = """from zoo import GRU

model Continuer(I, K):
    encoder:
        input x: [I]
        layer GRU(4)
    decoder:
        input y: [K]
        layer GRU(5), state from encoder(linear)
        head linear(K)
    loss mse
    generate
"""

MELODY = """from zoo import GRU

model Melody(I, K):
    context mood: [2]
    input z: [I]
    map linear(4), tanh
    layer GRU(5), state from mood
    layer GRU(3), bidirectional
    io one_to_many(repeat)
    head linear(K)
    loss mse
"""

CHIME = """from zoo import GRU

model Chime(V):
    input bell: tokens(V)
    embed 4
    layer GRU(5)
    io one_to_many(repeat)
"""

SEQUENCES = {
    "caption": CAPTION,
    "song": SONG,
    "patient": PATIENT,
    "single": SINGLE,
    "chatter": LETTERS,
    "chatter_kept": LETTERS.replace("    generate", "    stateful\n    generate"),
    "series": SERIES,
    "translator": TRANSLATOR,
    "speech": SPEECH,
    "turner": TURNER,
    "guided": GUIDED,
    "continuer": CONTINUER,
    "echo": ECHO,
    "jordan": JORDAN,
    "recall": RECALL,
}

# Called with a number of steps.
REPEATED = {"melody": MELODY, "chime": CHIME}
