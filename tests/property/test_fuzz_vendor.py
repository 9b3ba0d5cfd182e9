"""Whatever is taken for one of torch's cells computes what that cell does.

Random specs, random spellings of torch's cells, and these with a mistake in them.
"""

from __future__ import annotations

import os
import re
from random import Random
from types import ModuleType
from typing import Any

import pytest
import torch
from spec_generator import generate
from torch import Tensor
from torch.testing import assert_close

from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source, SpecError
from rnndsl.runtime.specification import resolve_shape
from rnndsl.symbolic.vendor import vendor_form

SEEDS = int(os.environ.get("RNNDSL_FUZZ_SEEDS", "240"))
CHUNK = 20
GATES = {"lstm": "ifgo", "gru": "rzn"}
_FUNCTIONS = ("sigmoid", "tanh", "relu")
_WORD = re.compile(r"[A-Za-z]\w*(?:\[t(?:-1)?\])?|[-+](?!1)")


def spelling(kind: str, rng: Random) -> str:
    """A spec of torch's LSTM or GRU with sums, products and equations in a random
    order, and locals for some parts."""
    lines: list[str] = []

    def named(expression: str) -> str:
        """The expression, or a local that is it."""
        if rng.random() < 0.6:
            return f"({expression})"
        lines.append(f"q{len(lines)} = {expression}")
        return f"q{len(lines) - 1}"

    def added(*terms: str) -> str:
        order = rng.sample(terms, len(terms))
        if len(order) > 2 and rng.random() < 0.5:
            cut = rng.randrange(1, len(order))
            return f"{named(added(*order[:cut]))} + {named(added(*order[cut:]))}"
        return " + ".join(order)

    def times(*factors: str) -> str:
        return " * ".join(rng.sample(factors, len(factors)))

    def gate(name: str, function: str, *terms: str) -> None:
        lines.append(f"{name} = {function}({added(*terms)})")

    def of_input(g: str) -> tuple[str, str]:
        return f"W_{g} @ x[t]", f"b_{g}"

    def of_state(g: str) -> tuple[str, str]:
        return f"U_{g} @ h[t-1]", f"d_{g}"

    if kind == "lstm":
        for g in rng.sample("ifgo", 4):
            gate(g, "tanh" if g == "g" else "sigmoid", *of_input(g), *of_state(g))
        lines.append(f"c[t] = {added(times('f', 'c[t-1]'), times('i', 'g'))}")
        lines.append(f"h[t] = {times('o', named('tanh(c[t])'))}")
    else:
        for g in rng.sample("rz", 2):
            gate(g, "sigmoid", *of_input(g), *of_state(g))
        gate("n", "tanh", *of_input("n"), times("r", named(added(*of_state("n")))))
        lines.append(f"h[t] = {rng.choice(_interpolations(times))}")
    states = rng.sample(
        ["h: [H]", "c: [H]"][: 2 if kind == "lstm" else 1], 2 - (kind == "gru")
    )
    groups = [",".join(rng.sample(GATES[kind], len(GATES[kind]))) for _ in range(4)]
    declared = [
        "input x: [I]",
        f"state {', '.join(states)}",
        f"param W_{{{groups[0]}}}: [H, I], U_{{{groups[1]}}}: [H, H]",
        f"param b_{{{groups[2]}}}: [H], d_{{{groups[3]}}}: [H]",
    ]
    body = "".join(f"    {line}\n" for line in (*declared, *lines, "output h[t]"))
    return f"cell A(I, H):\n{body}"


def _interpolations(times: Any) -> tuple[str, ...]:
    return (
        f"{times('(1 - z)', 'n')} + {times('z', 'h[t-1]')}",
        f"n + {times('z', '(h[t-1] - n)')}",
        f"h[t-1] - {times('(1 - z)', '(h[t-1] - n)')}",
        f"{times('z', 'h[t-1]')} - {times('n', 'z')} + n",
    )


def with_a_mistake(text: str, rng: Random) -> str:
    """The spec with two words of its equations exchanged, an operator or a function in
    place of another, or a factor that does not belong there."""
    lines = text.splitlines()
    places = [
        (index, found.start(), found.group())
        for index, line in enumerate(lines)
        if " = " in line
        for found in _WORD.finditer(line, line.index(" = ") + 3)
    ]
    one, start, word = rng.choice(places)
    instead = word
    if word in ("+", "-"):
        instead = "-" if word == "+" else "+"
    elif word in _FUNCTIONS and rng.random() < 0.5:
        instead = rng.choice([name for name in _FUNCTIONS if name != word])
    elif rng.random() < 0.2:
        instead = f"2 * {word}"
    else:
        other, at, kin = rng.choice([p for p in places if _kind(p[2]) == _kind(word)])
        if (other, at) > (one, start):  # the later one first, which moves no place
            lines[other] = _exchanged(lines[other], at, kin, word)
        lines[one] = _exchanged(lines[one], start, word, kin)
        if (other, at) < (one, start):
            lines[other] = _exchanged(lines[other], at, kin, word)
        return "".join(f"{line}\n" for line in lines)
    lines[one] = _exchanged(lines[one], start, word, instead)
    return "".join(f"{line}\n" for line in lines)


def _exchanged(line: str, start: int, word: str, instead: str) -> str:
    return line[:start] + instead + line[start + len(word) :]


def _kind(word: str) -> str:
    """What may stand in its place: another function, matrix, vector or value."""
    if word in _FUNCTIONS:
        return "function"
    if word[:2] in ("W_", "U_"):
        return word[0]
    return "operator" if word in "+-" else "vector"


def is_taken(text: str, seed: int) -> bool:
    """Whether the spec's cell is taken for one of torch's, which is then checked. False
    for a spec that is rejected."""
    compilation = Compilation(Source("fuzz.rnn", text), None)
    try:
        graphs = compilation.graphs
    except SpecError:
        return False
    found = False
    for graph in graphs:
        if vendor_form(graph) is None:
            continue
        found = True
        module = ModuleType("fuzz_vendor")
        exec(compile(compilation.module_text, "fuzz.py", "exec"), module.__dict__)
        check(getattr(module, graph.cell.name), seed)
    return found


def check(layer_class: Any, seed: int) -> None:
    """Values and all gradients of torch's kernel against those of the step."""
    torch.manual_seed(seed)
    specification = layer_class.specification
    sizes = {name: 3 + i for i, (name, _) in enumerate(specification.dimensions)}
    layer = layer_class(*sizes.values(), dtype=torch.float64)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    shape = resolve_shape(specification.inputs[0].shape, sizes)
    x = torch.randn(4, 2, *shape, dtype=torch.float64)
    x.requires_grad_()
    results: list[list[Tensor]] = []
    for engine in ("vendor", "reference"):
        layer.engine = engine
        output, state = layer(x)
        values = [output, *(state if isinstance(state, tuple) else (state,))]
        total = torch.stack([(v * v.cos()).sum() for v in values]).sum()
        wanted = (x, *layer.parameters())
        results.append([*values, *torch.autograd.grad(total, wanted)])
    assert_close(*results, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("first", range(0, SEEDS // 4, CHUNK))
def test_every_spelling_is_taken(kind: str, first: int) -> None:
    for seed in range(first, min(first + CHUNK, SEEDS // 4)):
        text = spelling(kind, Random(seed))
        assert is_taken(text, seed), text


@pytest.mark.parametrize("kind", GATES)
def test_what_has_a_mistake_is_not_taken_for_something_else(kind: str) -> None:
    taken = left = 0
    for seed in range(SEEDS):
        rng = Random(seed)
        if is_taken(with_a_mistake(spelling(kind, rng), rng), seed):
            taken += 1
        else:
            left += 1
    # Some exchanges leave one of torch's cells: of matrices of two gates, for instance.
    assert SEEDS // 24 < taken < left


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_random_specs_are_not_mistaken(first: int) -> None:
    for seed in range(first, min(first + CHUNK, SEEDS)):
        is_taken(generate(seed), seed)
