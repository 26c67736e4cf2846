"""Where each node of a plan stands in a drawing: groups around their children, time from left to right."""

from __future__ import annotations

import math

from imgc.plan.graph.model import Box, Graph
from imgc.records import dataclass

LEAF_WIDTH, LEAF_HEIGHT = 220.0, 58.0
_TITLE, _PAD = 28.0, 16.0
_BESIDE, _BELOW = 44.0, 14.0
_TALL = 8
"""Children of a parallel group in one column; more of them stand in several."""


@dataclass(slots=True)
class Place:
    """A box with its corner and size."""

    box: Box
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one node to the next; `extra` for those that the tree does not imply."""

    start: str
    end: str
    extra: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """All places by path, in tree order; the arrows; the size of the whole."""

    places: dict[str, Place]
    arrows: list[Arrow]
    width: float
    height: float


def layout(graph: Graph) -> Layout:
    """Places the nodes of a graph."""
    boxes = list(graph.root.walk())
    places = {box.path: Place(box, LEAF_WIDTH, LEAF_HEIGHT) for box in boxes}
    arrows: list[Arrow] = []
    for box in reversed(boxes):  # children before the groups around them
        if not box.leaf:
            _group(box, places)
    for box in boxes:  # and from the outside in, from relative to absolute
        around = places[box.path]
        for child in box.children:
            places[child.path].x += around.x
            places[child.path].y += around.y
        if box.kind == "serial":
            pairs = zip(box.children, box.children[1:], strict=False)
            arrows += [Arrow(first.path, second.path, False) for first, second in pairs]
        arrows += [Arrow(path, box.path, True) for path in box.edges]
    whole = places[graph.root.path]
    return Layout(places, arrows, whole.width, whole.height)


def _group(box: Box, places: dict[str, Place]) -> None:
    """Places the children within their group, and sizes it."""
    columns = _columns(box)
    sizes = [_column_size([places[child.path] for child in column]) for column in columns]
    inner = max((height for _, height in sizes), default=0.0)
    x = _PAD
    gap = _BESIDE if box.kind == "serial" or any(child.edges for child in box.children) else _BELOW
    for column, (width, height) in zip(columns, sizes, strict=True):
        y = _TITLE + (inner - height) / 2
        for child in column:
            place = places[child.path]
            place.x, place.y = x + (width - place.width) / 2, y
            y += place.height + _BELOW
        x += width + gap
    own = places[box.path]
    title = 90.0 + 8.6 * len(box.name)
    own.width = max(x - gap + _PAD if columns else 0.0, min(title, LEAF_WIDTH), 120.0)
    own.height = _TITLE + inner + _PAD if columns else LEAF_HEIGHT
    spare = (own.width - (x - gap + _PAD)) / 2 if columns else 0.0
    for child in box.children:
        places[child.path].x += spare


def _column_size(column: list[Place]) -> tuple[float, float]:
    height = sum(place.height for place in column) + _BELOW * (len(column) - 1)
    return max(place.width for place in column), height


def _columns(box: Box) -> list[list[Box]]:
    """One column a child of a serial group; of a parallel one, what waits stands behind what it waits for."""
    if box.kind == "serial":
        return [[child] for child in box.children]
    ranks = _ranks(box)
    columns: list[list[Box]] = []
    for rank in range(max(ranks.values(), default=-1) + 1):
        members = [child for child in box.children if ranks[child.path] == rank]
        count = math.ceil(len(members) / max(_TALL, math.ceil(math.sqrt(2 * len(members)))))
        tall = math.ceil(len(members) / count)
        columns += [members[start : start + tall] for start in range(0, len(members), tall)]
    return columns


def _ranks(box: Box) -> dict[str, int]:
    """How many siblings deep each child waits."""
    waits = {child.path: {_sibling(path, box) for path in child.edges} - {None} for child in box.children}
    ranks: dict[str, int] = {}
    stack = [child.path for child in reversed(box.children)]
    while stack:
        path = stack[-1]
        open_ = [other for other in waits[path] if other is not None and other not in ranks and other != path]
        if path not in ranks and open_:
            stack += open_
            continue
        stack.pop()
        known = (ranks[other] + 1 for other in waits[path] if other in ranks and other != path)
        ranks[path] = max(known, default=0)
    return ranks


def _sibling(path: str, box: Box) -> str | None:
    """The child of a group that a path lies in."""
    for child in box.children:
        if path == child.path or path.startswith(f"{child.path}/"):
            return child.path
    return None
