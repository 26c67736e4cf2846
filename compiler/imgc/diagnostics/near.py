"""Near names, for "did you mean"."""

from __future__ import annotations

from collections.abc import Iterable


def near(name: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The names that a typing mistake or two away from `name`, nearest first."""
    limit = max(min(1, len(name) - 1), min(3, len(name) // 3))  # every letter is near every other
    wanted = _folded(name)
    ranked = []
    for other in names:
        if abs(len(other) - len(name)) > limit + 2:
            continue
        away = distance(name, other, limit)
        if away > limit and wanted == _folded(other):
            away = limit
        if away <= limit:
            ranked.append((away, other[:1] != name[:1], -len(other), other))
    return [other for *_, other in sorted(ranked)[:most]]


def _folded(name: str) -> str:
    """Case, separators and a plural do not make another name."""
    return name.lower().replace("-", "").replace("_", "").removesuffix("s")


def distance(first: str, second: str, limit: int) -> int:
    """Optimal string alignment distance (insert, delete, replace, swap of neighbours); `limit + 1` when it is more."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        above, before = before, row
        row = [i]
        for j, b in enumerate(second, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == second[j - 2] and first[i - 2] == b:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
        if min(row) > limit and (not before or min(before) > limit):
            return limit + 1
    return row[-1]
