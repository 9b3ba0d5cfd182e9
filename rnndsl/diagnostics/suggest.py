"""Did-you-mean: the name that was most likely meant."""

from __future__ import annotations

from collections.abc import Iterable

_EDIT = 100
_SLIGHT = 20
_PREFIX = 4
_LONGEST = 64


def suggest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate nearest to ``name``, or None if none is near.

    Near means one edit for every three characters, at least one. An edit inserts,
    deletes, replaces or swaps neighbours; a change of case, and an underscore left out,
    count less. Of two equally near, the one with the longer common beginning wins,
    then the first given.
    """
    if len(name) > _LONGEST:
        return None
    allowed = max(1, len(name) // 3) * _EDIT
    best: tuple[int, str] | None = None
    for candidate in candidates:
        if candidate == name or abs(len(candidate) - len(name)) * _EDIT > allowed:
            continue
        distance = _distance(name, candidate)
        if distance > allowed or distance >= max(len(name), len(candidate)) * _EDIT:
            continue
        score = distance * _LONGEST - _PREFIX * _common_prefix(name, candidate)
        if best is None or score < best[0]:
            best = (score, candidate)
    return None if best is None else best[1]


def _common_prefix(one: str, other: str) -> int:
    count = 0
    for a, b in zip(one.lower(), other.lower(), strict=False):
        if a != b:
            break
        count += 1
    return count


def _replacement(a: str, b: str) -> int:
    if a == b:
        return 0
    return _SLIGHT if a.lower() == b.lower() else _EDIT


def _distance(one: str, other: str) -> int:
    """Edits from one to the other (optimal string alignment), in hundredths."""
    before: list[int] = []
    row = [i * _EDIT for i in range(len(other) + 1)]
    for i, a in enumerate(one, start=1):
        two_before, before, row = before, row, [i * _EDIT]
        for j, b in enumerate(other, start=1):
            cost = min(
                before[j] + _EDIT,
                row[j - 1] + (_SLIGHT if b == "_" else _EDIT),
                before[j - 1] + _replacement(a, b),
            )
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, two_before[j - 2] + _EDIT)
            row.append(cost)
    return row[-1]
