"""Cells that are one of torch.nn's: recognised by what they compute, not by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from rnndsl.analysis.program import Cell
from rnndsl.verify.case import Case
from rnndsl.verify.compare import largest_difference
from rnndsl.verify.oracle import Outcome
from rnndsl.verify.setting import Setting
from rnndsl.verify.subject import run_layer

# Only equal equations agree this closely on random numbers.
_RECOGNISED = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchModule:
    """A recurrent module of torch.nn, with the options that make it this cell."""

    name: str
    build: Callable[..., nn.Module]
    options: Mapping[str, Any]
    states: int
    arguments: frozenset[str] = frozenset({"input_size", "hidden_size"})

    def module(
        self, cell: Cell, sizes: Mapping[str, int], case: Case, dtype: torch.dtype
    ) -> nn.Module:
        """torch's module of the same sizes and layout."""
        by_argument = {d.argument: sizes[d.name] for d in cell.dimensions}
        return self.build(
            **by_argument,
            **self.options,
            num_layers=case.num_layers,
            bidirectional=case.bidirectional,
            bias=case.bias,
            dtype=dtype,
        )


_CANDIDATES = (
    TorchModule(name="torch.nn.RNN", build=nn.RNN, options={}, states=1),
    TorchModule(
        name="torch.nn.RNN, relu",
        build=nn.RNN,
        options={"nonlinearity": "relu"},
        states=1,
    ),
    TorchModule(name="torch.nn.GRU", build=nn.GRU, options={}, states=1),
    TorchModule(name="torch.nn.LSTM", build=nn.LSTM, options={}, states=2),
    TorchModule(
        name="torch.nn.LSTM, proj_size",
        build=nn.LSTM,
        options={},
        states=2,
        arguments=frozenset({"input_size", "hidden_size", "proj_size"}),
    ),
)


def run_reference(module: nn.Module, setting: Setting, dtype: torch.dtype) -> Outcome:
    """A setting's case by a module of torch.nn that holds its parameters."""
    with warnings.catch_warnings():
        # torch warns once that projections run without oneDNN: that is no finding.
        warnings.simplefilter("ignore")
        return run_layer(module, setting, dtype)


def recognise(setting: Setting) -> TorchModule | None:
    """The module of torch.nn that a cell is, if it is one.

    It has one input and nothing beside its output, takes the same sizes, stores the
    same parameters, and computes on the setting's draw what the interpreter does. The
    module under verification has no say in it.
    """
    cell, draw = setting.cell, setting.draw
    if cell.inputs[0].one_hot:
        return None
    if len(cell.inputs) > 1 or cell.emitted:
        return None
    arguments = {dimension.argument for dimension in cell.dimensions}
    wanted = {name: value.shape for name, value in draw.stored.items()}
    for candidate in _CANDIDATES:
        if arguments != candidate.arguments or len(cell.states) != candidate.states:
            continue
        module = candidate.module(cell, setting.sizes, setting.case, torch.float64)
        if {n: value.shape for n, value in module.state_dict().items()} != wanted:
            continue
        module.load_state_dict(draw.parameters)
        found = run_reference(module, setting, torch.float64)
        difference = largest_difference(found.forward, setting.expected.forward)
        if difference.error <= _RECOGNISED:
            return candidate
    return None
