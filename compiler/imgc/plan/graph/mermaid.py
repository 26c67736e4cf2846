"""A plan as a Mermaid flowchart, which GitHub and GitLab show in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from imgc.plan.graph.model import Box, Graph

_LONGEST = 60


def to_mermaid(graph: Graph) -> str:
    """The flowchart's text. Nodes are n0, n1, … in tree order: names may hold anything."""
    ids = {box.path: f"n{number}" for number, box in enumerate(graph.root.walk())}
    lines = ["flowchart LR", *_box(graph.root, ids, "  "), *_edges(graph.root, ids)]
    return "\n".join(lines) + "\n"


def _box(box: Box, ids: dict[str, str], indent: str) -> Iterator[str]:
    name = ids[box.path]
    if box.leaf or not box.children:
        text = _label(box.name) if not box.text else f"<b>{_label(box.name)}</b><br>{_label(box.text)}"
        yield f'{indent}{name}["{text}"]'
        return
    yield f'{indent}subgraph {name}["{_label(box.name)}"]'
    for child in box.children:
        yield from _box(child, ids, indent + "  ")
    yield f"{indent}end"


def _edges(root: Box, ids: dict[str, str]) -> Iterator[str]:
    for box in root.walk():
        if box.kind == "serial":
            for first, second in zip(box.children, box.children[1:], strict=False):
                yield f"  {ids[first.path]} --> {ids[second.path]}"
        for path in box.edges:
            yield f"  {ids[path]} -.-> {ids[box.path]}"


def _label(text: str) -> str:
    """Text within a quoted label: what Mermaid, Markdown and HTML would read is written by its number."""
    short = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return "".join(
        character if character.isalnum() or character in " -._/,=:+" or ord(character) > 127
        else f"#{ord(character)};"
        for character in short
        if character.isprintable()
    ) or " "  # fmt: skip
