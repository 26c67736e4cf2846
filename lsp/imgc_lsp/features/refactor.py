"""Refactorings as edits of the text, comments kept: pin a base, name an inline image, move a setting up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lsprotocol import types as lsp

from imgc.diagnostics import Edit, Origin, Span
from imgc.document.lines import blank, indent
from imgc.document.nodes import Entry, Mapping, Scalar, plain
from imgc.model.tree import TreeNode
from imgc_lsp.occurrences import inner
from imgc_lsp.snapshot import Snapshot

Refactoring = tuple[str, lsp.CodeActionKind, list[Edit]]
INHERITED = (
    "image", "env", "secrets", "workdir", "user", "cpu", "mem", "gpu", "shm_size", "network", "mounts",
    "requires_docker", "docker_run_args",
)  # fmt: skip


def refactorings(snapshot: Snapshot, start: tuple[int, int], end: tuple[int, int]) -> Iterator[Refactoring]:
    yield from _pin(snapshot, start, end)
    for node in snapshot.nodes.values():
        reach = max(node.span.end, node.value.span.end)
        if not (node.span.start <= start and end <= reach):
            continue
        image = node.entry("image")
        if image is not None and isinstance(image.value, Mapping) and _around(image, start):
            yield from _name_image(snapshot, node, image)
        if node.kind in ("serial", "parallel"):
            yield from _extract(snapshot, node, start)


def _around(entry: Entry, place: tuple[int, int]) -> bool:
    return entry.key.span.start <= place <= max(entry.key.span.end, entry.value.span.end)


def _pin(snapshot: Snapshot, start: tuple[int, int], end: tuple[int, int]) -> Iterator[Refactoring]:
    """`base: x:1` to `x:1@sha256:…`, where the lock knows the digest."""
    locked = snapshot.analysis.lock.images if snapshot.analysis is not None else {}
    for use in snapshot.uses:
        known = locked.get(use.node.text)
        if use.kind not in ("image-ref", "image-name") or known is None or not known.digest:
            continue
        if "@" not in use.node.text and use.node.span.start <= end and start <= use.node.span.end:
            text = f"{use.node.text}@{known.digest}"
            yield (
                f"Pin to {known.digest[:19]}…",
                lsp.CodeActionKind.RefactorRewrite,
                [Edit(inner(use.node), text)],
            )


def _lines(snapshot: Snapshot, first: int, last: int) -> Span:
    """Whole lines [first, last), with their ends."""
    return Span(Origin(snapshot.document.file), first, 0, last, 0)


def _name_image(snapshot: Snapshot, node: TreeNode, entry: Entry) -> Iterator[Refactoring]:
    """Moves an image that stands in a node to `images`, under the node's name."""
    name = _free_name(snapshot, node.name)
    images = snapshot.root.entry("images")
    value = entry.value
    if images is not None and (
        not isinstance(images.value, Mapping) or images.value.flow or images.value.broken
    ):
        return
    depth = indent(snapshot.line(images.value.span.start[0])) if images is not None else 2
    if isinstance(value, Mapping) and value.flow:
        if value.span.start[0] != value.span.end[0]:
            return
        text = snapshot.line(value.span.start[0])[value.span.column : value.span.end_column]
        moved = [" " * depth + f"{name}: {text}"]
        edits = [Edit(value.span, name)]
    else:
        first, last = value.span.start[0], _last_line(snapshot, entry)
        shift = depth + 2 - indent(snapshot.line(first))
        moved = [" " * depth + f"{name}:", *(_shifted(line, shift) for line in snapshot.lines[first:last])]
        key = entry.key.span
        tail = Span(
            Origin(snapshot.document.file), key.end[0], key.end[1], last - 1, len(snapshot.line(last - 1))
        )
        edits = [Edit(tail, f": {name}")]
    if images is not None:
        at = _last_line(snapshot, images)
        edits.append(Edit(_lines(snapshot, at, at), _block(snapshot, moved, at)))
    else:
        pipeline = snapshot.root.entry("pipeline")
        at = pipeline.key.span.start[0] if pipeline is not None else 0
        edits.append(Edit(_lines(snapshot, at, at), "images:\n" + "\n".join(moved) + "\n"))
    yield f"Move the image to 'images' as '{name}'", lsp.CodeActionKind.RefactorExtract, edits


def _block(snapshot: Snapshot, lines: list[str], at: int) -> str:
    """Lines as text to insert at the start of line `at`, also behind a last line without an end."""
    text = "\n".join(lines)
    return f"\n{text}" if at >= len(snapshot.lines) else f"{text}\n"


def _free_name(snapshot: Snapshot, wanted: str) -> str:
    name = "".join(
        letter if letter.isascii() and letter.isalnum() else "-" for letter in wanted.lower()
    ).strip("-")
    name = "-".join(part for part in name.split("-") if part) or "image"
    taken = snapshot.names.of("images")
    return next(
        each for each in (name, *(f"{name}-{n}" for n in range(2, len(taken) + 3))) if each not in taken
    )


def _last_line(snapshot: Snapshot, entry: Entry) -> int:
    """The line behind the last one of an entry's block, without the blank lines and comments that follow
    it."""
    first, depth = entry.key.span.start[0], entry.key.span.column
    last = first + 1
    for number in range(first + 1, len(snapshot.lines)):
        line = snapshot.lines[number]
        if blank(line):
            continue
        if indent(line) <= depth and not (indent(line) == depth and line.startswith("-", depth)):
            break
        last = number + 1
    return last


def _shifted(line: str, by: int) -> str:
    if not line.strip():
        return line
    return " " * by + line if by >= 0 else line[min(-by, indent(line)) :]


def _extract(snapshot: Snapshot, node: TreeNode, place: tuple[int, int]) -> Iterator[Refactoring]:
    """A setting that all children have alike goes to their parent."""
    if len(node.children) < 2 or node.settings.flow:
        return
    group = node.entry(node.kind)
    if group is None:
        return
    for key in INHERITED:
        held = [child.entry(key) for child in node.children]
        if any(entry is None for entry in held) or node.entry(key) is not None:
            continue
        found = [entry for entry in held if entry is not None]
        first = plain(found[0].value)
        if any(plain(entry.value) != first for entry in found[1:]):
            continue
        on_group = group.key.span.start[0] == place[0] or node.span.start[0] == place[0]
        if not on_group and not any(_around(entry, place) for entry in found):
            continue
        edits = list(_moved_up(snapshot, group, found))
        if edits:
            yield f"Move '{key}' up to all of '{node.name}'", lsp.CodeActionKind.RefactorExtract, edits


def _moved_up(snapshot: Snapshot, group: Entry, found: Iterable[Entry]) -> Iterator[Edit]:
    found = list(found)
    depth, at = group.key.span.column, group.key.span.start[0]
    for entry in found:
        line = snapshot.line(entry.key.span.start[0])
        if line[: entry.key.span.column].strip() or (
            isinstance(entry.value, Scalar) and entry.value.style in ("|", ">")
        ):
            return  # in braces, or text whose indentation would have to be known
    source = found[0]
    first, last = source.key.span.start[0], _last_line(snapshot, source)
    shift = depth - source.key.span.column
    moved = [_shifted(line, shift) for line in snapshot.lines[first:last]]
    yield Edit(_lines(snapshot, at, at), "\n".join(moved) + "\n")
    for entry in found:
        yield Edit(_lines(snapshot, entry.key.span.start[0], _last_line(snapshot, entry)), "")
