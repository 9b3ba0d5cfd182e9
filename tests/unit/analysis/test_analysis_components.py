"""Strongly connected components, against the definition."""

from __future__ import annotations

import random

import pytest

from rnndsl.analysis.components import components, shortest_cycle


def reachable(graph: list[list[int]], start: int) -> set[int]:
    reached: set[int] = set()
    waiting = list(graph[start])
    while waiting:
        node = waiting.pop()
        if node not in reached:
            reached.add(node)
            waiting.extend(graph[node])
    return reached


@pytest.mark.parametrize("seed", range(40))
def test_components_are_what_reaches_one_another(seed: int) -> None:
    rng = random.Random(seed)
    count = rng.randint(1, 12)
    graph = [
        rng.sample(range(count), rng.randint(0, min(3, count))) for _ in range(count)
    ]
    component = components(graph)
    reach = [reachable(graph, node) for node in range(count)]
    for a in range(count):
        for b in range(count):
            together = a == b or (b in reach[a] and a in reach[b])
            assert (component[a] == component[b]) is together
        if a in reach[a]:
            cycle = shortest_cycle(graph, a)
            assert cycle[0] == a
            assert len(set(cycle)) == len(cycle)
            following = [*cycle[1:], a]
            assert all(n in graph[m] for m, n in zip(cycle, following, strict=True))
        else:
            with pytest.raises(ValueError, match="no cycle"):
                shortest_cycle(graph, a)


def test_long_path_does_not_exhaust_the_stack() -> None:
    count = 20_000
    graph = [[i + 1] for i in range(count - 1)]
    assert len(set(components([*graph, []]))) == count
    assert len(set(components([*graph, [0]]))) == 1
