"""The standard cells that the models are made of, compiled once."""

from __future__ import annotations

from rnndsl import load, zoo

LSTM = load(zoo.path("LSTM"), name="zoo_lstm").LSTM
GRU = load(zoo.path("GRU"), name="zoo_gru").GRU
