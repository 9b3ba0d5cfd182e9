"""What a step costs on a GPU: everything that is launched in it, torch's part too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from kernel_cases import cells_with_kernels, draw, specification, written
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from rnndsl.runtime.kernels.protocol import Launch

VIEWS = (
    "detach",
    "expand",
    "narrow",
    "new_empty",
    "select",
    "slice",
    "split",
    "t",
    "unbind",
)
VIEWS = (*VIEWS, "unsafe_split", "unsqueeze", "view", "_unsafe_view", "transpose")


class Launches(TorchDispatchMode):
    """Counts operations of torch that launch something; is given to loops as kernels
    that do nothing but count."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = function.overloadpacket.__name__
        if name not in VIEWS:
            self.found[name] += 1
        if name == "addmm" and args[0].dim() == 2:
            self.found["copy"] += 1
        return function(*args, **(kwargs or {}))

    def bind(
        self,
        name: str,
        count: int,
        *,
        reads: Sequence[Tensor | None],
        writes: Sequence[Tensor],
        sizes: Sequence[int],
    ) -> Launch:
        def launch(step: int) -> None:
            self.found["kernel"] += 1

        return launch

    def bind_rows(
        self,
        name: str,
        rows: int,
        width: int,
        *,
        reads: Sequence[Tensor | None],
        writes: Sequence[Tensor],
        sizes: Sequence[int],
    ) -> Launch:
        return self.bind(name, rows * width, reads=reads, writes=writes, sizes=sizes)


def counted(run: Callable[[Launches], Any]) -> tuple[Any, Counter[str]]:
    launches = Launches()
    with launches:
        result = run(launches)
    return result, launches.found


def in_a_step(name: str) -> tuple[Counter[str], Counter[str]]:
    """What one more step launches, forward and backward."""
    cell, loops = specification(name), written(specification(name))
    totals: list[tuple[Counter[str], Counter[str]]] = []
    for steps in (3, 4):
        case = draw(cell, torch.float32, masked=True, steps=steps)
        arguments = (case.inputs, case.state, case.parameters, case.mask)
        (_, _, saved), forward = counted(
            lambda k, given=arguments: loops.forward(k, *given, True)  # type: ignore[misc]
        )
        given = (case.d_output, case.d_state, *arguments, saved, True)
        _, backward = counted(
            lambda k, given=given: loops.backward(k, *given)  # type: ignore[misc]
        )
        totals.append((forward, backward))
    (forward, backward), (forward_more, backward_more) = totals
    return forward_more - forward, backward_more - backward


MOST = {
    "CfC": (4, 4),
    "CoRNN": (3, 3),
    "GRUD": (6, 6),
    "GRUResetBefore": (4, 4),
    "Hopfield": (2, 1),
    "HopfieldAsynchronous": (2, 0),
    "Jordan": (4, 4),
    "LSTMP": (4, 4),
    "MGU": (4, 4),
    "MultiplicativeLSTM": (4, 4),
    "SCRN": (4, 4),
    "TimeAwareLSTM": (3, 3),
}
"""All others launch one product and one kernel in each step, or nothing."""


@pytest.mark.parametrize("name", cells_with_kernels())
def test_a_step_launches_no_more_than_it_has_to(name: str) -> None:
    found = [sum(part.values()) for part in in_a_step(name)]
    if name in MOST:
        assert found == list(MOST[name])
    else:
        assert found in ([0, 0], [2, 2])


@pytest.mark.parametrize("name", ["MGU", "GRUResetBefore", "LightRU", "SCRN", "GRUD"])
def test_no_product_copies_what_it_starts_from(name: str) -> None:
    forward, backward = in_a_step(name)
    assert forward["copy"] == backward["copy"] == 0
    assert forward["mm"] > 0
