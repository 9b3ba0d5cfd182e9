"""Models of all kinds on a GPU: sequences and steps in one capture each."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from gpu_cases import close
from torch import Tensor, nn

import rnndsl

pytestmark = pytest.mark.gpu
T, B = 9, 5
S, V, F, K = 11, 8, 6, 3


@cache
def compiled() -> Any:
    return rnndsl.load(Path(__file__).with_name("kinds.rnn"), name="kinds_on_a_gpu")


def tokens(count: int, steps: int = T) -> Tensor:
    return torch.randint(count, (steps, B), device="cuda")


def lengths() -> Tensor:
    """On the CPU, as torch.nn.utils.rnn wants them; no two calls the same."""
    return torch.randint(1, T + 1, (B,))


def translate(model: Any) -> Tensor:
    output, _ = model(tokens(S, T + 2), tokens(V), source_lengths=lengths())
    return output


def mark(model: Any) -> Tensor:
    marks = torch.rand(T, B, device="cuda") < 0.3
    x = torch.randn(T, B, F, device="cuda")
    output, _, emitted = model(x, reset=marks, lengths=lengths())
    return torch.cat((output.flatten(), *(v.flatten() for v in emitted.values())))


def go_on(model: Any) -> Tensor:
    return model(torch.randn(T, B, F, device="cuda"))[0]


def repeat(model: Any) -> Tensor:
    return model(torch.randn(B, F, device="cuda"), steps=T)[0]


def see(model: Any) -> Tensor:
    return model(torch.randn(T, B, F, 6, 13, device="cuda"), lengths=lengths())[0]


def spell(model: Any) -> Tensor:
    return model(tokens(V), lengths=lengths())[0]


KINDS: dict[str, tuple[tuple[int, ...], Callable[[Any], Tensor]]] = {
    "Translator": ((S, V), translate),
    "Marked": ((F, K), mark),
    "Going": ((F,), go_on),
    "Repeating": ((F,), repeat),
    "Video": ((F, K), see),
    "Letters": ((V,), spell),
}


def pair(name: str) -> tuple[Any, Any]:
    """A model that replays, and one like it that runs plainly."""
    sizes, _ = KINDS[name]
    ours = getattr(compiled(), name)(*sizes).cuda()
    plain = copy.deepcopy(ours)
    ours.engine, plain.engine = "graph", "fused"
    return ours.eval(), plain.eval()


def sequences(model: Any) -> list[str]:
    """What a model says of the captures of its sequences."""
    lines = model.explain().splitlines()
    return [line for line in lines if "graphs of sequences" in line]


def gradients(model: nn.Module) -> list[Tensor | None]:
    return [p.grad for p in model.parameters()]


@pytest.mark.parametrize("name", KINDS)
def test_training_is_that_of_the_plain_loop(name: str) -> None:
    ours, plain = pair(name)
    _, run = KINDS[name]
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.01) for m in (ours, plain)]
    for turn in range(20):
        for model, optimizer in zip((ours, plain), optimizers, strict=True):
            torch.manual_seed(turn)
            optimizer.zero_grad()
            run(model).square().mean().backward()
            optimizer.step()
        close(gradients(ours), gradients(plain))
    close(list(ours.parameters()), list(plain.parameters()))
    assert [line.endswith("the last call replayed") for line in sequences(ours)] == [
        True
    ], sequences(ours)


@pytest.mark.parametrize("name", KINDS)
def test_training_mode_can_be_captured(name: str) -> None:
    ours, _ = pair(name)
    ours.train()
    _, run = KINDS[name]
    for _ in range(4):
        value = run(ours)
        value.square().mean().backward()
        assert torch.isfinite(value).all()
    assert sequences(ours)[0].endswith("the last call replayed"), sequences(ours)


@pytest.mark.parametrize("name", KINDS)
def test_inference_in_half_precision(name: str) -> None:
    ours, plain = pair(name)
    _, run = KINDS[name]
    for turn in range(4):
        values = []
        for model in (ours, plain):
            torch.manual_seed(turn)
            with torch.no_grad(), torch.autocast("cuda", torch.bfloat16):
                values.append(run(model).float())
        torch.testing.assert_close(values[0], values[1], rtol=3e-2, atol=3e-2)
    assert sequences(ours)[0].endswith("the last call replayed"), sequences(ours)


def test_an_encoder_is_a_capture_of_its_own() -> None:
    ours, _ = pair("Translator")
    for _ in range(3):
        translate(ours).sum().backward()
    assert sequences(ours.encoder)[0].endswith("the last call replayed")


def test_translation_word_by_word() -> None:
    ours, plain = pair("Translator")
    source = tokens(S)
    with torch.no_grad():
        state, expected = ours.start(source), plain.start(source)
        for _ in range(6):
            word = tokens(V, 1)[0]
            output, state = ours.step(word, state=state)
            wanted, expected = plain.step(word, state=expected)
            close(output, wanted)
    (line,) = [x for x in ours.explain().splitlines() if "graphs of steps" in x]
    assert line.endswith("the last call replayed"), line


def test_running_means_go_on_while_passes_wait() -> None:
    ours, _ = pair("Repeating")
    ours.head = nn.Sequential(nn.BatchNorm1d(B), nn.Linear(4, F)).cuda()
    plain = copy.deepcopy(ours.train())
    plain.engine = "fused"
    for _ in range(5):
        given = torch.randn(2, B, F, device="cuda")
        for model in (ours, plain):
            model.zero_grad()
            total = sum(model(x, steps=T)[0].square().mean() for x in given)
            total.backward()
        close(gradients(ours), gradients(plain))
        close(list(ours.buffers()), list(plain.buffers()))
    assert sequences(ours)[0].endswith("the last call replayed")


def test_parts_that_are_replaced_or_set() -> None:
    ours, plain = pair("Repeating")
    head = nn.Sequential(nn.Linear(4, F), nn.LeakyReLU(0.3)).cuda()
    ours.head, plain.head = head, head
    x = torch.randn(B, F, device="cuda")
    for activation in (nn.LeakyReLU(0.3), nn.Tanh(), nn.LeakyReLU(0.3)):
        head[1] = activation
        for slope in (0.3, 0.01):
            activation.negative_slope = slope
            for _ in range(3):
                close(ours(x, steps=T)[0], plain(x, steps=T)[0])
            assert sequences(ours)[0].endswith("the last call replayed")
