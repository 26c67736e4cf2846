"""A plan as a tree in text, with the settings that hold at each node."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from imgc.plan.graph.model import Box, Graph

_WIDTH = 110


def to_text(graph: Graph, color: bool = False) -> str:
    """Images first, then the tree: each leaf with its command and what holds for it."""
    paint = _paint if color else lambda _code, text: text
    lines: list[str] = []
    for image in graph.images.values():
        used = f"{image.nodes} node{'s' * (image.nodes != 1)}" if image.nodes else "no nodes"
        lines.append(f"image {paint('1', image.name)}  {image.reference}  ({used}, {image.place})")
    if not graph.of_images:
        lines += ["", *_node(graph.root, "", "", paint)] if lines else [*_node(graph.root, "", "", paint)]
    return "\n".join(_printable(line, color) for line in lines) + "\n"


def _node(root: Box, first: str, rest: str, paint: object) -> Iterator[str]:
    """Lines of a tree; a stack instead of recursion, for trees are as deep as the file is."""
    stack: list[tuple[Box, str, str]] = [(root, first, rest)]
    while stack:
        box, head, below = stack.pop()
        yield head + _title(box, paint)
        indent = below + ("│   " if box.children else "    ")
        yield from (indent + line for line in _settings(box, paint))
        inner: list[tuple[Box, str, str]] = []
        for number, child in enumerate(box.children):
            last = number == len(box.children) - 1
            inner.append((child, below + ("└── " if last else "├── "), below + ("    " if last else "│   ")))
        stack.extend(reversed(inner))


def _title(box: Box, paint: object) -> str:
    assert callable(paint)
    name = paint("1", box.name)
    skipped = " (skipped)" if box.skip else ""
    if not box.leaf:
        return f"{name} ({box.kind}){skipped}"
    text = box.text if len(box.text) <= _WIDTH else box.text[: _WIDTH - 1] + "…"
    kind = "" if box.kind == "run" else f"{box.kind} "
    return f"{name}{skipped}: {kind}{text}"


def _settings(box: Box, paint: object) -> Iterator[str]:
    assert callable(paint)
    parts = [f"image {box.image}"] if box.image else []
    parts += [f"{item.name} {item.value}" for item in box.items]
    if box.edges:
        parts.append(f"after {', '.join(box.edges)}")
    line = ""
    for part in parts:
        if line and len(line) + len(part) > _WIDTH - 2:
            yield paint("2", f"{line},")
            line = ""
        line = f"{line}, {part}" if line else part
    if line:
        yield paint("2", line)


def _paint(code: str, text: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m"


def _printable(text: str, color: bool) -> str:
    """The text with nothing in it that a terminal would obey, but for our own colors."""
    return "".join(
        character
        if unicodedata.category(character) not in ("Cc", "Cf", "Cs") or (color and character == "\x1b")
        else "\ufffd"
        for character in text
    )
