"""Cycles in a graph, without recursion."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence

Graph = Sequence[Collection[int]]
"""For each node, the nodes it leads to."""


def components(graph: Graph) -> list[int]:
    """For each node the number of its strongly connected component (Tarjan)."""
    unseen = -1
    order = [unseen] * len(graph)
    lowest = [unseen] * len(graph)
    component = [unseen] * len(graph)
    path: list[int] = []
    count = 0
    seen = 0
    for root in range(len(graph)):
        if order[root] != unseen:
            continue
        order[root] = lowest[root] = seen
        seen += 1
        path.append(root)
        waiting = [(root, iter(graph[root]))]
        while waiting:
            node, following = waiting[-1]
            entered = False
            for other in following:
                if order[other] == unseen:
                    order[other] = lowest[other] = seen
                    seen += 1
                    path.append(other)
                    waiting.append((other, iter(graph[other])))
                    entered = True
                    break
                if component[other] == unseen:
                    lowest[node] = min(lowest[node], order[other])
            if entered:
                continue
            waiting.pop()
            if waiting:
                parent = waiting[-1][0]
                lowest[parent] = min(lowest[parent], lowest[node])
            if lowest[node] == order[node]:
                while True:
                    member = path.pop()
                    component[member] = count
                    if member == node:
                        break
                count += 1
    return component


def shortest_cycle(graph: Graph, start: int) -> list[int]:
    """The nodes of a shortest way from ``start`` back to it, beginning with it.

    Raises ValueError if there is none.
    """
    came_from: dict[int, int] = {}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for other in graph[node]:
            if other == start:
                cycle = [node]
                while cycle[-1] != start:
                    cycle.append(came_from[cycle[-1]])
                return cycle[::-1]
            if other not in came_from:
                came_from[other] = node
                waiting.append(other)
    raise ValueError(f"no cycle leads through node {start}")
