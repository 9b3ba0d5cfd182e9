"""Whole models and single steps: replayed, run plainly, and by torch's own cell."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

import rnndsl
from benchmarks.gpu_peers import Loop, set_loop
from benchmarks.timing import MODES, Effort, Mode, Timing, measure
from rnndsl import zoo

SPEC = Path(__file__).with_name("models.rnn")
WORDS, TAGS, WIDTH = 10_000, 50, 256
T, B = 100, 32
# From a module and a device to a call of the module, which gives its output.
Caller: TypeAlias = Callable[[Any, str], Callable[[], Tensor]]


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that is called: ``build`` makes it, ``caller`` prepares its calls, and
    ``vendor`` makes what torch has of the kind."""

    what: str
    modes: tuple[Mode, ...]
    build: Callable[[], Any]
    caller: Caller
    vendor: Callable[[], nn.Module] | None = None


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A subject in a mode; ``timing`` None where there was no time, or it failed."""

    what: str
    dtype: str
    mode: Mode
    timing: Timing | None


def subjects() -> tuple[Subject, ...]:
    """A model of parallel and stacked layers, a decoder that feeds back, and steps."""
    cell: Any = rnndsl.load(zoo.path("LSTM"))
    half = T // 2
    return (
        Subject(
            "LSTMCell, 1 row",
            MODES[:1],
            lambda: cell.LSTMCell(WIDTH, WIDTH),
            steps,
            lambda: nn.LSTMCell(WIDTH, WIDTH),
        ),
        Subject("Tagger, a step of 1 row", MODES[:1], tagger, tag_steps),
        Subject(f"Tagger, {T} steps of {B} rows", MODES, tagger, tag),
        Subject(f"Translator, {half} steps of {B} rows", MODES, translator, translate),
    )


@cache
def _models() -> Any:
    return rnndsl.load(SPEC, name="models_of_the_benchmark")


def tagger() -> Any:
    """LSTM and GRU side by side, two more layers of LSTM."""
    return _models().Tagger(WORDS, TAGS)


def translator() -> Any:
    """An encoder of both directions, a decoder with attention that feeds back."""
    return _models().Translator(WORDS, WORDS)


def steps(cell: Any, device: str) -> Callable[[], Tensor]:
    """Steps of a cell, each from the state behind the one before."""
    dtype = next(cell.parameters()).dtype
    x = torch.randn(1, WIDTH, device=device, dtype=dtype)
    state: Any = None

    def run() -> Tensor:
        nonlocal state
        state = cell(x, state)
        found: Tensor = state[0]
        return found

    return run


def tag_steps(model: Any, device: str) -> Callable[[], Tensor]:
    """Steps of a model, each from the state behind the one before."""
    word = torch.randint(WORDS, (1,), device=device)
    state: Any = None

    def run() -> Tensor:
        nonlocal state
        output: Tensor
        output, state = model.step(word, state=state)
        return output

    return run


def tag(model: Any, device: str) -> Callable[[], Tensor]:
    """Whole sequences."""
    words = torch.randint(WORDS, (T, B), device=device)
    return lambda: model(words)[0]


def translate(model: Any, device: str) -> Callable[[], Tensor]:
    """Sequences to sequences."""
    source, target = torch.randint(WORDS, (2, T // 2, B), device=device)
    return lambda: model(source, target)[0]


def compete(
    subject: Subject,
    name: str,
    dtype: torch.dtype,
    effort: Effort,
    *,
    device: str,
    loop: Loop = "cuda",
    finish: Callable[[], None] = torch.cuda.synchronize,
) -> Iterator[ModelEntry]:
    """Times a subject in its modes. Raises AssertionError unless all contestants
    compute the same, also by replay."""
    torch.manual_seed(0)
    graph = subject.build().to(device=device, dtype=dtype)
    plain = copy.deepcopy(graph)
    plain.engine = "fused"
    set_loop(graph, loop)
    contestants = {"graph": graph, "plain": plain}
    if subject.vendor is not None:
        vendor = subject.vendor().to(device=device, dtype=dtype)
        vendor.load_state_dict(graph.state_dict())
        contestants["torch.nn"] = vendor
    for mode in subject.modes:
        calls: dict[str, Callable[[], None]] = {}
        outputs: list[Tensor] = []
        for title, module in contestants.items():
            torch.manual_seed(1)
            run = subject.caller(module, device)
            calls[title] = _call(module, run, mode)
            for _ in range(3):
                calls[title]()
            with torch.no_grad():
                outputs.append(run().float())
        allowed = 1e-3 if dtype == torch.float32 else 0.1
        for output in outputs[1:]:
            torch.testing.assert_close(output, outputs[0], rtol=allowed, atol=allowed)
        timing = measure(calls, effort, finish=finish)
        yield ModelEntry(subject.what, name, mode, timing)


def _call(
    module: nn.Module, run: Callable[[], Tensor], mode: Mode
) -> Callable[[], None]:
    def inference() -> None:
        with torch.no_grad():
            run()

    def training() -> None:
        module.zero_grad(set_to_none=True)
        run().sum().backward()

    return inference if mode == "inference" else training
