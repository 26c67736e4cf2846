"""A plan in the language of Graphviz."""

from __future__ import annotations

from collections.abc import Iterator

from imgc.plan.graph.model import Box, Graph

_LONGEST = 60


def to_dot(graph: Graph) -> str:
    """Groups are clusters; an edge between groups goes from border to border."""
    lines = [
        f"digraph {_quoted(graph.name)} {{",
        '  rankdir=LR; compound=true; fontname="sans-serif";',
        '  node [shape=box, style=rounded, fontname="sans-serif", fontsize=11];',
        '  edge [fontname="sans-serif"];',
        *_box(graph.root, "  "),
        *_edges(graph.root),
    ]
    return "\n".join([*lines, "}"]) + "\n"


def _box(box: Box, indent: str) -> Iterator[str]:
    if box.leaf or not box.children:
        text = f"{box.name}\n{box.text}" if box.text else box.name
        yield f"{indent}{_quoted(box.path)} [label={_quoted(text)}];"
        return
    yield f"{indent}subgraph {_quoted(f'cluster_{box.path}')} {{"
    yield f"{indent}  label={_quoted(box.name)}; style=rounded;"
    for child in box.children:
        yield from _box(child, indent + "  ")
    yield f"{indent}}}"


def _edges(root: Box) -> Iterator[str]:
    boxes = {box.path: box for box in root.walk()}
    for box in boxes.values():
        if box.kind == "serial":
            for first, second in zip(box.children, box.children[1:], strict=False):
                yield _edge(first, second, ())
        for path in box.edges:
            yield _edge(boxes[path], box, ("style=dashed",))


def _edge(first: Box, second: Box, options: tuple[str, ...]) -> str:
    """Graphviz has edges between nodes only: a cluster is stood for by a leaf in it, and named for the border."""
    named = [*options]
    if first.children:
        named.append(f"ltail={_quoted(f'cluster_{first.path}')}")
    if second.children:
        named.append(f"lhead={_quoted(f'cluster_{second.path}')}")
    ends = f"{_quoted(_leaf(first, -1).path)} -> {_quoted(_leaf(second, 0).path)}"
    return f"  {ends}{f' [{chr(44).join(named)}]' if named else ''};"


def _leaf(box: Box, which: int) -> Box:
    while box.children:
        box = box.children[which]
    return box


def _quoted(text: str) -> str:
    lines = [line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…" for line in text.split("\n")]
    plain = ["".join(character for character in line if character.isprintable()) for line in lines]
    return '"' + "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in plain) + '"'
