"""What holds at a node, and where each of it is written: at the node, at one above it, or nowhere."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from imgc.document.nodes import Entry, Mapping, Node, Scalar, plain
from imgc.plan.explain.view import View
from imgc.records import dataclass
from imgc.resolve.tree import ResolvedNode


@dataclass(frozen=True, slots=True)
class Holds:
    """A setting in force: its name and value for people; `line` (0: not written) and whose it is.

    `by` is the path of the node above that says it, None for the node's own and for what is not written.
    """

    name: str
    value: str
    line: int = 0
    by: str | None = None
    note: str = ""


def explain_node(view: View, path: str) -> Iterator[Holds]:
    """All that holds at a node, inherited settings first where they are written above."""
    node = view.resolved.nodes[path]
    if node.leaf:
        yield from _image(view, node)
        yield from _command(view, path)
        for name, setting in node.settings.items():
            if name == "env" and isinstance(setting.node, Mapping):
                for entry in setting.node.entries:
                    yield _written(view, node, f"env {entry.name}", entry.value, entry)
            elif name != "image":
                entry = Entry(Scalar(name, name, setting.span), setting.node)
                yield _written(view, node, name, setting.node, entry)
    for entry in node.own.entries:
        if entry.name not in ("run", "call", "lazy"):
            yield Holds(entry.name, _short(entry.value), entry.key.span.place.line)
    for name, text in node.matrix.items():
        yield Holds(f"matrix {name}", text)
    if node.children:
        names = [view.resolved.nodes[child].name for child in node.children]
        yield Holds(
            "children", ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
        )
    yield from _order(view, node)


def _image(view: View, node: ResolvedNode) -> Iterator[Holds]:
    if not node.image:
        return
    reference = view.images[node.image]["reference"]
    setting = node.settings.get("image")
    value = f"{node.image} ({reference})"
    if setting is None:
        yield Holds("image", value, note="none is written here or above, so it is the default")
    else:
        yield _written(
            view, node, "image", value, Entry(Scalar("image", "image", setting.span), setting.node)
        )


def _command(view: View, path: str) -> Iterator[Holds]:
    data = next(data for data in view.compiled.plan["nodes"] if data["path"] == path)
    node = view.resolved.nodes[path]
    if data["command"]:
        entry = node.own.entry(node.kind)
        line = (entry.key.span if entry else node.span).place.line
        yield Holds("command", shlex.join(data["command"]), line, note=_COMMANDS.get(node.kind, ""))
    if data["workdir"] and "workdir" not in node.settings:
        yield Holds("workdir", data["workdir"], note=f"of the image '{node.image}'")


_COMMANDS = {
    "lazy": "prints the subtree that then runs in its place",
    "build": "what the builder of the image has built",
    "call": "calls the function with its arguments",
}


def _written(view: View, node: ResolvedNode, name: str, value: Node | str, entry: Entry) -> Holds:
    """A setting with the node that says it: the nearest one above whose keys hold the entry's key."""
    span = entry.key.span
    by: ResolvedNode | None = node
    while by is not None and not _says(by, entry):
        by = view.resolved.nodes[by.parent] if by.parent is not None else None
    shown = value if isinstance(value, str) else _short(value)
    above = None if by is None or by.path == node.path else by.path
    return Holds(name, shown, span.place.line, above)


def _says(node: ResolvedNode, entry: Entry) -> bool:
    spans = set()
    for own in node.tree.settings.entries:
        spans.add(own.key.span.start)
        if own.name == "env" and isinstance(own.value, Mapping):
            spans |= {inner.key.span.start for inner in own.value.entries}
    return entry.key.span.start in spans


def _order(view: View, node: ResolvedNode) -> Iterator[Holds]:
    needs = {target for target, _ in node.needs}
    reads = {target for target, _ in node.reads}
    for path in node.after:
        why = (
            "needs says so"
            if path in needs
            else "its input reads it"
            if path in reads
            else "it stands before it"
        )
        yield Holds("after", path or view.resolved.pipeline.name, note=why)
    if node.group == "pool":
        yield Holds("container", "one that a compatible leaf has left behind, where there is one")
    elif node.group:
        name = "the pipeline" if node.group == "." else f"'{node.group}'"
        yield Holds("container", f"shared with everything below {name}", note="container_reuse: new")
    if node.skip:
        yield Holds("skip", "left out")


def _short(node: Node) -> str:
    """A value on one line."""
    value = plain(node)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    line = " ".join(text.split())
    return line if len(line) <= 100 else line[:97] + "..."
