"""Images and nodes with their places and how they last ended: what an editor draws trees, gutters and graphs of."""

from __future__ import annotations

from typing import Any

from imgc.diagnostics import Span
from imgc.model.pipeline import text as text_of
from imgc_lsp import convert
from imgc_lsp.journal import Results
from imgc_lsp.snapshot import Snapshot

_BUILD_STATES = {"failed": "failed", "omitted": "omitted"}
"""Of images, in the words for nodes; every other end of a build is a success."""
_LONGEST = 200


def outline(snapshot: Snapshot, results: Results) -> dict[str, Any]:
    """`images` and `nodes` in the order of the file, places 0-based, states as `imgc run` has them ("" for what
    was not run). Nodes that only a run knows, from a matrix or a `lazy` command, follow the node they come from."""
    return {
        "uri": snapshot.uri,
        "name": text_of(snapshot.root.get("name")) or snapshot.directory.name,
        "images": [
            _image(snapshot, name, key.span, results) for name, key in snapshot.names.of("images").items()
        ],
        "nodes": _nodes(snapshot, results),
    }


def _image(snapshot: Snapshot, name: str, span: Span, results: Results) -> dict[str, Any]:
    image = snapshot.analysis.images.get(name) if snapshot.analysis is not None else None
    word, message = results.images.get(name, ("", ""))
    state = _BUILD_STATES.get(word, "succeeded") if word else ""
    return {
        "name": name, **_place(snapshot, span), "detail": image.base if image is not None else "", "state": state,
        "message": message or word,
    }  # fmt: skip


def _nodes(snapshot: Snapshot, results: Results) -> list[dict[str, Any]]:
    made: dict[str, list[str]] = {}
    for path in results.nodes:
        if path not in snapshot.nodes and (origin := _origin(snapshot, path)) is not None:
            made.setdefault(origin, []).append(path)
    found: list[dict[str, Any]] = []
    for path, node in snapshot.nodes.items():
        command = " ".join(text_of(node.get("run")).split())[:_LONGEST]
        name = node.name if path else "pipeline"
        found.append(_node(snapshot, path, name, node.kind, node.span, results, command))
        for below in made.get(path, ()):
            found.append(_node(snapshot, below, below.removeprefix(f"{path}/"), "run", node.span, results))
            found[-1]["parent"] = path
    return found


def _node(
    snapshot: Snapshot, path: str, name: str, kind: str, span: Span, results: Results, command: str = ""
) -> dict[str, Any]:
    known = snapshot.analysis.nodes.get(path) if snapshot.analysis is not None else None
    state, message = results.nodes.get(path, ("", ""))
    return {
        "path": path, "parent": path.rpartition("/")[0] if path else None, "name": name, "kind": kind,
        **_place(snapshot, span), "image": (known.image if known is not None else "") or "", "command": command,
        "state": state, "message": message,
    }  # fmt: skip


def _origin(snapshot: Snapshot, path: str) -> str | None:
    """The node whose matrix or `lazy` command made a path of a run; None for a node that is gone from the file."""
    while path:
        plain = path.partition("[")[0]
        path = plain if plain in snapshot.nodes else plain.rpartition("/")[0]
        node = snapshot.nodes.get(path)
        if node is not None:
            return path if node.kind == "lazy" or node.entry("matrix") else None
    return None


def _place(snapshot: Snapshot, span: Span) -> dict[str, int]:
    start = convert.to_range(snapshot, span).start
    return {"line": start.line, "character": start.character}
