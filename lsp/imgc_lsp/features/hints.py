"""Inlay hints: what the file leaves to the lock, to the base, and to the nodes above."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types as lsp

from imgc.diagnostics import Span
from imgc.document.nodes import Mapping, Scalar
from imgc_lsp import convert
from imgc_lsp.snapshot import Snapshot


def hints(snapshot: Snapshot, only: lsp.Range) -> list[lsp.InlayHint]:
    """Hints of the lines in a range; none until the document has been analysed as a whole."""
    if snapshot.analysis is None or not snapshot.settings.inlay_hints:
        return []
    found: list[lsp.InlayHint] = []
    for span, label, tooltip in [*_of_images(snapshot), *_of_nodes(snapshot)]:
        line, column = span.end if label.startswith("@") else _line_end(snapshot, span)
        if only.start.line <= line <= only.end.line and line < len(snapshot.lines):
            place = convert.position(snapshot, line, column)
            found.append(
                lsp.InlayHint(place, label, kind=lsp.InlayHintKind.Type, tooltip=tooltip, padding_left=True)
            )
    return found


def _line_end(snapshot: Snapshot, key: Span) -> tuple[int, int]:
    """Behind all that stands in a line: a hint behind the key would part that from its colon."""
    line = key.start[0]
    return line, len(snapshot.line(line).rstrip())


def _of_images(snapshot: Snapshot) -> Iterator[tuple[Span, str, str]]:
    analysis = snapshot.analysis
    assert analysis is not None
    for image in analysis.images.values():
        node = snapshot.root.get("images")
        written = node.get(image.name) if isinstance(node, Mapping) else None
        if image.inline or written is None:
            continue
        locked = analysis.lock.images.get(image.base)
        base = written.get("base") if isinstance(written, Mapping) else written
        if isinstance(base, Scalar) and locked is not None and locked.digest and "@" not in base.text:
            yield base.span, f"@{locked.digest[:14]}…", f"the lock has `{locked.digest}`"
        if not isinstance(written, Mapping):
            continue
        if not any(
            written.entry(key) for key in ("base", "dockerfile", "uv_script", "ref", "extends", "builder")
        ):
            yield image.span, f"from {image.base}", "the base of an image that names none"
        packages = written.entry("system_packages")
        if packages is not None:
            manager = image.facts.manager or "apt, apk or dnf"
            yield (
                packages.key.span,
                manager,
                "the package manager of the base"
                + (
                    f", known from {image.facts.source}"
                    if image.facts.source
                    else ": found out while it is built"
                ),
            )


def _of_nodes(snapshot: Snapshot) -> Iterator[tuple[Span, str, str]]:
    analysis = snapshot.analysis
    assert analysis is not None
    seen: set[tuple[int, int]] = set()
    for node in analysis.nodes.values():
        setting = node.settings.get("image")
        if not node.leaf or setting is None or node.tree.entry("image") is not None or not node.image:
            continue
        if node.span.start in seen or node.path == "":
            continue
        seen.add(node.span.start)
        line = setting.span.start[0] + 1
        yield node.span, f"in {node.image}", f"the image is inherited from line {line}"
