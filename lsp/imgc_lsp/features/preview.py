"""The compiled Dockerfile, or the plan's tree, beside the document, with the source map both ways."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from imgc_lsp import compiled
from imgc_lsp.snapshot import Snapshot

SCHEME = "imgc-preview"


@dataclass(frozen=True, slots=True)
class Row:
    """Lines of a preview and the place in the document they come from; all 0-based, `end` included."""

    line: int
    end: int
    source_line: int
    source_column: int
    key: str


@dataclass(frozen=True, slots=True)
class Preview:
    uri: str
    language: str
    text: str
    rows: tuple[Row, ...]

    def data(self, source_line: int | None = None) -> dict[str, Any]:
        """As the command answers it. `line` is where the preview shows what stands in a line of the
        document."""
        return {
            "uri": self.uri,
            "languageId": self.language,
            "text": self.text,
            "map": [
                {"line": row.line, "endLine": row.end, "sourceLine": row.source_line,
                 "sourceColumn": row.source_column, "key": row.key}
                for row in self.rows
            ],
            "line": self.line_of(source_line) if source_line is not None else None,
        }  # fmt: skip

    def line_of(self, source_line: int) -> int | None:
        """The line for a line of the document: its own, else that of the nearest one above it."""
        before = [row for row in self.rows if row.source_line <= source_line]
        if not before:
            return None
        nearest = max(row.source_line for row in before)
        return min(row.line for row in before if row.source_line == nearest)


def preview(snapshot: Snapshot, kind: str, name: str | None, line: int | None) -> Preview | None:
    """`kind` is dockerfile or plan; without a name, the image of a line (or the first one)."""
    if snapshot.analysis is None:
        return None
    if kind == "plan":
        return _plan(snapshot)
    if name is None and line is not None:
        name = compiled.image_at(snapshot, line)
    if name is None:
        name = next(iter(snapshot.analysis.images), None)
    dockerfile = compiled.dockerfile_of(snapshot, name) if name is not None else None
    if dockerfile is None or name is None:
        return None
    rows = tuple(
        Row(each.line - 1, each.end_line - 1, each.span.start[0], each.span.start[1], each.key)
        for each in dockerfile.lines
        if each.span is not None and each.span.file == snapshot.document.file
    )
    return Preview(uri_of(snapshot.uri, "dockerfile", name), "dockerfile", dockerfile.text, rows)


def _plan(snapshot: Snapshot) -> Preview:
    """The tree of nodes as text, a line a node: name, kind, image, command, what it waits for."""
    analysis = snapshot.analysis
    assert analysis is not None
    lines: list[str] = []
    rows: list[Row] = []
    for path, node in analysis.nodes.items():
        depth = path.count("/") + 1 if path else 0
        words = [node.name, f"({node.kind})"]
        if node.leaf and node.image:
            words.append(f"in {node.image}")
        if node.after:
            words.append("after " + ", ".join(node.after))
        if node.skip:
            words.append("skipped")
        run = node.own.get("run")
        command = getattr(run, "text", "").strip().split("\n")[0] if run is not None else ""
        rows.append(Row(len(lines), len(lines), *node.span.start, path))
        lines.append("  " * depth + " ".join(words) + (f": {command}" if command else ""))
    return Preview(uri_of(snapshot.uri, "plan", None), "plaintext", "\n".join(lines) + "\n", tuple(rows))


def uri_of(document: str, kind: str, name: str | None) -> str:
    """The URI of a preview: it names the document it is of, so that its text can be asked for."""
    title = f"{name}/Dockerfile" if kind == "dockerfile" else "plan"
    query = json.dumps({"of": document, "kind": kind, "image": name}, separators=(",", ":"))
    return f"{SCHEME}:/{quote(title)}?{quote('q=' + quote(query))}"


def parse_uri(uri: str) -> tuple[str, str, str | None] | None:
    """Document, kind and image of a preview's URI."""
    parts = urlsplit(uri)
    if parts.scheme != SCHEME:
        return None
    try:
        from urllib.parse import unquote

        data = json.loads(unquote(parse_qs(unquote(parts.query))["q"][0]))
        return str(data["of"]), str(data["kind"]), data["image"]
    except (KeyError, ValueError, TypeError):
        return None
