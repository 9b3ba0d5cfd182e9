"""The reserved names are those that PyTorch, Python and the runtime really have."""

from __future__ import annotations

import inspect
import keyword

import pytest
import torch
from analysis_specs import cell, found

import rnndsl.runtime
from rnndsl.analysis.reserved import (
    ARGUMENTS,
    CELL_NAMES,
    MODULE_ATTRIBUTES,
    PYTHON_KEYWORDS,
    STORED_NAMES,
)

DUNDER = "__"


def test_keywords_are_those_of_python() -> None:
    assert set(PYTHON_KEYWORDS) >= set(keyword.kwlist)


def test_module_attributes_are_those_of_torch() -> None:
    names = {*dir(torch.nn.Module()), *torch.nn.Module.__annotations__}
    assert {n for n in names if not n.startswith(DUNDER)} <= set(MODULE_ATTRIBUTES)


@pytest.mark.parametrize("listed", [MODULE_ATTRIBUTES, CELL_NAMES, STORED_NAMES])
def test_lists_are_sorted(listed: tuple[str, ...]) -> None:
    assert list(listed) == sorted(set(listed))


def test_stored_names_avoid_what_the_runtime_defines() -> None:
    modules = (rnndsl.runtime.RecurrentLayer, rnndsl.runtime.RecurrentCell)
    names = {name for module in modules for name in dir(module)}
    own = {n for n in names if not n.startswith("_")} - set(MODULE_ATTRIBUTES)
    assert own <= set(STORED_NAMES)


def test_arguments_are_those_of_a_layer() -> None:
    layer = inspect.signature(rnndsl.runtime.RecurrentLayer.__init__).parameters
    step = inspect.signature(rnndsl.runtime.RecurrentCell.__init__).parameters
    assert {*layer, *step} - {"self", "sizes"} <= set(ARGUMENTS)


def test_names_of_the_runtime_cannot_be_cells() -> None:
    offered = set(rnndsl.runtime.__all__)
    assert {n for n in offered if n[0].isupper()} <= set(CELL_NAMES)


@pytest.mark.parametrize(
    "name",
    ["lambda", "None", "forward", "to", "type", "half", "training", "self", "t", "pi"],
)
def test_refused_as_cell_input_state_parameter_and_local(name: str) -> None:
    reserved = [f"RNN023 {name}"]
    assert found(cell("", head=f"{name}(I, H)")) == reserved
    assert found(cell(f"h[t] = used + {name}[t]", f"input {name}: [H]")) == reserved
    assert found(cell(f"h[t] = used + {name}", f"param {name}: [H]")) == reserved
    assert found(cell(f"{name} = used\nh[t] = {name}")) == reserved
    updates = f"{name}[t] = used\nh[t] = {name}[t-1]"
    assert found(cell(updates, f"state {name}: [H]")) == reserved


@pytest.mark.parametrize("name", ["beta", "S", "N", "E", "Q", "gamma", "T", "x0", "e"])
def test_ordinary_names(name: str) -> None:
    assert found(cell(f"h[t] = used + {name}", f"param {name}: [H]")) == []
