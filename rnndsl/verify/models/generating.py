"""What a model writes when it reads its own outputs, against the interpreter.

The interpreter runs the whole sequence anew for each symbol. A beam that is as wide as
there are sequences is compared with all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from rnndsl.analysis.model import Generation, TokenInput
from rnndsl.verify.case import BATCH
from rnndsl.verify.comparison import INTERPRETER, Comparison
from rnndsl.verify.models.interpreter import run_model
from rnndsl.verify.models.parameters import Parameters
from rnndsl.verify.models.setting import ModelSetting
from rnndsl.verify.models.subject import build_model
from rnndsl.verify.oracle import Outcome
from rnndsl.verify.report import Result
from rnndsl.verify.subject import BrokenModuleError, attempt

_PRIME = 2
_LENGTH = 5
_SEARCHED = 2
"""So many symbols behind the prime a beam finds; all sequences of them are compared."""
_SEARCHABLE = 40
"""Vocabularies up to this size are small enough for that."""
_NOTHING = -1


def generated_against_interpreter(
    module: ModuleType, setting: ModelSetting, engine: str
) -> Iterator[Result]:
    """``generate``, greedily and with a beam that sees everything, or of vectors."""
    generation = setting.model.generation
    if generation is None:
        return
    check = Comparison(setting, "generate", INTERPRETER, engine, torch.float64)
    with torch.no_grad():
        writer = _Writer(setting, generation)
        try:
            model = build_model(module, setting, engine, torch.float64)
            with attempt("fails to generate"):
                found = writer.generated(model)
        except BrokenModuleError as broken:
            yield check.broken(broken)
        else:
            expected = writer.expected()
            yield from check.compared(_outcome(found), _outcome(expected))


def _outcome(values: dict[str, Tensor]) -> Outcome:
    return Outcome(forward=values, gradients={})


class _Writer:
    """What is generated from the first steps of a setting, its contexts, and what its
    encoder reads."""

    def __init__(self, setting: ModelSetting, generation: Generation) -> None:
        self._setting = setting
        self._generation = generation
        model, draw = setting.model, setting.draw
        sources = () if model.encoder is None else model.encoder.inputs
        given_once = (*model.contexts, *sources)
        self._contexts = [draw.inputs[item.name] for item in given_once]
        self._name = model.inputs[0].name
        self._is_text = isinstance(model.inputs[0], TokenInput)
        given = draw.inputs[self._name][:_PRIME]
        needs_prime = not self._is_text or generation.start is None
        self._prime = given if needs_prime else given[:0]

    def generated(self, model: Any) -> dict[str, Tensor]:
        """By the generated model."""
        if not self._is_text:
            series = model.generate(*self._contexts, self._prime, steps=_LENGTH)
            return {"series": series}
        options: dict[str, Any] = {}
        if len(self._prime):
            options["prime"] = self._prime
        elif not self._contexts:
            options["batch"] = BATCH
        greedy = model.generate(*self._contexts, max_length=_LENGTH, **options)
        found = {
            "greedy symbols": _cut(greedy.tokens, greedy.lengths, _LENGTH),
            "greedy log-probabilities": greedy.log_probabilities,
        }
        if self._vocabulary() > _SEARCHABLE:
            return found
        beam = model.generate(
            *self._contexts,
            max_length=len(self._prime) + _SEARCHED,
            strategy="beam",
            width=self._vocabulary() ** _SEARCHED,
            **options,
        )
        return found | {
            "best symbols": _cut(
                beam.tokens[:, :, 0], beam.lengths[:, 0], len(self._prime) + _SEARCHED
            ),
            "best log-probabilities": beam.log_probabilities[:, 0],
        }

    def expected(self) -> dict[str, Tensor]:
        """By the interpreter."""
        if not self._is_text:
            series = self._prime
            for _ in range(_LENGTH):
                series = torch.cat((series, self._outputs(series)[-1:]))
            return {"series": series[_PRIME:]}
        greedy, log_p = self._greedy()
        found = {"greedy symbols": greedy, "greedy log-probabilities": log_p}
        if self._vocabulary() > _SEARCHABLE:
            return found
        best, best_log_p = self._best()
        return found | {"best symbols": best, "best log-probabilities": best_log_p}

    def _greedy(self) -> tuple[Tensor, Tensor]:
        """The most probable symbol at every step, (L, B), and the log-probabilities."""
        tokens, total = self._prime, torch.zeros(BATCH, dtype=torch.float64)
        while len(tokens) < _LENGTH:
            log_p = self._next(tokens)
            chosen = log_p.argmax(1)
            for row in range(BATCH):
                if not self._has_ended(tokens[:, row]):
                    total[row] += log_p[row, chosen[row]]
            tokens = torch.cat((tokens, chosen.unsqueeze(0)))
        return self._until_stop(tokens), total

    def _best(self) -> tuple[Tensor, Tensor]:
        """The most probable sequence of all, (L, B), and its log-probability."""
        steps = len(self._prime) + _SEARCHED
        tokens = torch.full((steps, BATCH), _NOTHING)
        total = torch.full((BATCH,), -torch.inf, dtype=torch.float64)
        first = self._next(self._prime)
        for one in range(self._vocabulary()):
            chosen = torch.full((1, BATCH), one)
            second = self._next(torch.cat((self._prime, chosen)))
            for row in range(BATCH):
                written = [*self._prime[:, row].tolist()]
                if self._has_ended(self._prime[:, row]):
                    values = [(0.0, written)]
                elif one == self._generation.stop:
                    values = [(float(first[row, one]), [*written, one])]
                else:
                    values = [
                        (float(first[row, one] + log_p), [*written, one, two])
                        for two, log_p in enumerate(second[row])
                    ]
                best, found = max(values)
                if best > total[row]:
                    total[row] = best
                    tokens[:, row] = _NOTHING
                    tokens[: len(found), row] = torch.tensor(found)
        return self._until_stop(tokens), total

    def _next(self, tokens: Tensor) -> Tensor:
        """Log-probabilities (B, V) of what follows tokens (L, B)."""
        if self._generation.start is not None:
            start = torch.full((1, BATCH), self._generation.start)
            tokens = torch.cat((start, tokens))
        scores = self._outputs(tokens)[-1]
        return scores - torch.logsumexp(scores, 1, keepdim=True)

    def _outputs(self, series: Tensor) -> Tensor:
        """The interpreter's outputs for the first input (T, B, ...)."""
        setting = self._setting
        inputs = {**setting.draw.inputs, self._name: series}
        parameters = Parameters(setting.draw.parameters, patterns=setting.draw.patterns)
        values = run_model(setting.model, setting.sizes, parameters, inputs, None, None)
        return values.output

    def _has_ended(self, tokens: Tensor) -> bool:
        stop = self._generation.stop
        return stop is not None and bool((tokens == stop).any())

    def _until_stop(self, tokens: Tensor) -> Tensor:
        """Tokens (L, B) with nothing behind the stop symbol of a row."""
        if self._generation.stop is None:
            return tokens
        ended = (tokens == self._generation.stop).cumsum(0)
        behind = torch.cat((torch.zeros_like(ended[:1]), ended[:-1])) > 0
        return torch.where(behind, _NOTHING, tokens)

    def _vocabulary(self) -> int:
        return self._setting.model.output_width.value(self._setting.sizes)


def _cut(tokens: Tensor, lengths: Tensor, steps: int) -> Tensor:
    """Tokens (L, B) as (steps, B) with nothing behind the length of each row."""
    result = torch.full((steps, tokens.shape[1]), _NOTHING)
    for row, length in enumerate(lengths.tolist()):
        result[:length, row] = tokens[:length, row]
    return result
