"""A plan as a drawing. It stands alone, and is the heart of the page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from imgc.plan.graph.layout import Arrow, Layout, Place, layout
from imgc.plan.graph.model import Box, Graph

_LIGHT = (
    "--paper: #ffffff; --ink: #1c2430; --soft: #5d6b7e; --line: #b9c3d0; --fill: #ffffff; --group: #f3f6fa; "
    "--accent: #1f6feb; --arrow: #7a8ba0;"
)
_DARK = (
    "--paper: #12161c; --ink: #e6ebf2; --soft: #9aa7b8; --line: #3b4757; --fill: #1d2430; --group: #181e27; "
    "--accent: #58a6ff; --arrow: #8b9bb0;"
)
COLORS = f":root {{ {_LIGHT} }}\n  :root.dark {{ {_DARK} }}"
"""Of the page, which says itself which of the two holds."""
STYLE = """
  .graph text { font: 13px system-ui, sans-serif; fill: var(--ink); }
  .graph .text { font: 11px ui-monospace, monospace; fill: var(--soft); }
  .graph .image { font: 11px system-ui, sans-serif; fill: var(--accent); }
  .graph .name { font-weight: 600; }
  .graph .kind { font-size: 11px; fill: var(--soft); }
  .graph .leaf > rect { fill: var(--fill); stroke: var(--line); }
  .graph .group > rect { fill: var(--group); stroke: var(--line); }
  .graph .parallel > rect { stroke-dasharray: 5 3; }
  .graph .skip { opacity: .45; }
  .graph .arrow { fill: none; stroke: var(--arrow); stroke-width: 1.5; }
  .graph .extra { stroke: var(--accent); stroke-dasharray: 4 3; }
  .graph #head path { fill: var(--arrow); }
  .graph #extra path { fill: var(--accent); }
"""
_MARGIN = 12.0


def to_svg(graph: Graph) -> str:
    """A file of its own, light or dark as the viewer is."""
    placed = layout(graph)
    style = f".graph {{ {_LIGHT} }}\n@media (prefers-color-scheme: dark) {{ .graph {{ {_DARK} }} }}{STYLE}"
    width, height = placed.width + 2 * _MARGIN, placed.height + 2 * _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-_MARGIN:.0f} {-_MARGIN:.0f} {width:.0f} {height:.0f}" role="img" '
        f'aria-label="{_attribute(f"pipeline {graph.name}")}">\n<style>{style}</style>\n'
        f'<rect x="{-_MARGIN:.0f}" y="{-_MARGIN:.0f}" width="100%" height="100%" style="fill: var(--paper)"/>\n'
        f"{drawing(placed)}</svg>\n"
    )


def drawing(placed: Layout) -> str:
    """The inside of the picture: groups in tree order, so that a child lies over its parent, then arrows, then
    leaves: an arrow that passes one goes behind it, and no text is struck through."""
    head = "".join(
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L8 4L0 8z"/></marker>'
        for name in ("head", "extra")
    )
    groups = (_node(place) for place in placed.places.values() if not place.box.leaf)
    arrows = (_arrow(arrow, placed.places) for arrow in placed.arrows)
    leaves = (_node(place) for place in placed.places.values() if place.box.leaf)
    return f"<defs>{head}</defs>\n" + "".join(f"{part}\n" for part in (*groups, *arrows, *leaves))


def _node(place: Place) -> str:
    box = place.box
    kinds = ["node", "leaf" if box.leaf else "group", box.kind, *(["skip"] if box.skip else [])]
    label = _attribute(f"{box.kind} {box.path or box.name}{f': {box.text}' if box.text else ''}")
    inside = "".join(_leaf(place) if box.leaf else _title(place))
    return (
        f'<g class="{" ".join(kinds)}" data-path="{_attribute(box.path)}" aria-label="{label}" '
        f'transform="translate({place.x:.1f} {place.y:.1f})"><title>{_text(box.text or box.name)}</title>'
        f'<rect width="{place.width:.1f}" height="{place.height:.1f}" rx="6"/>{inside}</g>'
    )


def _leaf(place: Place) -> Iterator[str]:
    box = place.box
    room = place.width - 20
    kind = "" if box.kind == "run" else box.kind
    yield f'<text class="name" x="10" y="19">{_cut(_short_name(box), room - 7 * len(kind), 8.6)}</text>'
    if kind:
        yield f'<text class="kind" x="{place.width - 10:.0f}" y="19" text-anchor="end">{kind}</text>'
    yield f'<text class="text" x="10" y="35">{_cut(box.text, room, 6.7)}</text>'
    yield f'<text class="image" x="10" y="50">{_cut(box.image, room, 6.2)}</text>'


def _short_name(box: Box) -> str:
    """A combination of a matrix by its values alone: its group, around it, has the name."""
    group, bracket, rest = box.name.partition("[")
    parent = box.path.removesuffix(f"/{box.name}").rsplit("/", 1)[-1]
    return f"[{rest}" if bracket and group == parent else box.name


def _title(place: Place) -> Iterator[str]:
    box = place.box
    room = place.width - 28 - 6.5 * len(box.kind)
    yield f'<text class="name" x="12" y="19">{_cut(box.name, room, 8.6)}</text>'
    yield f'<text class="kind" x="{place.width - 12:.0f}" y="19" text-anchor="end">{box.kind}</text>'


def _arrow(arrow: Arrow, places: dict[str, Place]) -> str:
    start, end = places[arrow.start], places[arrow.end]
    x1, y1 = start.x + start.width, start.y + start.height / 2
    x2, y2 = end.x, end.y + end.height / 2
    bend = max(24.0, abs(x2 - x1) / 2)
    name = "arrow extra" if arrow.extra else "arrow"
    line = f"M{x1:.1f} {y1:.1f}"
    line += f"L{x2:.1f} {y2:.1f}" if abs(y1 - y2) < 1 and x2 > x1 else (
        f"C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    )  # fmt: skip
    return f'<path class="{name}" d="{line}" marker-end="url(#{"extra" if arrow.extra else "head"})"/>'


def _cut(text: str, room: float, wide: float) -> str:
    """As much of a text as there is room for, by the usual width of a character."""
    from unicodedata import east_asian_width

    used = 0.0
    for number, character in enumerate(text):
        used += wide * (1.7 if east_asian_width(character) in "WF" else 1)
        if used > room:
            return _text(text[: max(number - 1, 0)]) + "…"
    return _text(text)


def _text(text: str) -> str:
    """Text that XML can hold."""
    return escape("".join(character if character.isprintable() else " " for character in text))


def _attribute(text: str) -> str:
    return _text(text)
