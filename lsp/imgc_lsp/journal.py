"""What the last build and the last run left in `.imgc`: failures as diagnostics, results for code lenses.

Read are the lines of `.imgc/runs/ID/journal.jsonl` (`imgc_engine.run.store`): `{"e": "node", "path", "state",
"message"}`, and those of `.imgc/builds/last.jsonl` (`imgc_engine.build.record`): `{"e": "image", "image", "state",
"message", "place", "source"}`. Others are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgc.diagnostics import Diagnostic, Severity, Span
from imgc.document.nodes import Mapping
from imgc_lsp.snapshot import Snapshot

_FAILED = frozenset({"failed", "error"})
_LARGEST = 8_000_000
_TAIL = 2_000_000


@dataclass(frozen=True, slots=True)
class Results:
    """States and messages of the newest run, by node path and by image."""

    nodes: dict[str, tuple[str, str]] = field(default_factory=dict)
    images: dict[str, tuple[str, str]] = field(default_factory=dict)
    below: dict[str, int] = field(default_factory=dict)
    """How many lines below its image's name a build failed, by image."""

    @property
    def words(self) -> dict[str, str]:
        return {path: state for path, (state, _) in self.nodes.items()}


def read(directory: Path) -> Results:
    """The results of the newest journals of a project; empty where there are none."""
    results = Results()
    for file in _newest(directory / ".imgc"):
        for event in _events(file):
            state, message = str(event.get("state", "")), str(event.get("message", ""))
            name = event.get("path" if event.get("e") == "node" else "image")
            if isinstance(name, str) and event.get("e") in ("node", "image"):
                (results.nodes if event["e"] == "node" else results.images)[name] = state, message
                if event["e"] == "image":
                    results.below[name] = _line(event, "place") - _line(event, "source")
    return results


def diagnostics(snapshot: Snapshot, results: Results) -> Iterator[Diagnostic]:
    """Failures at the nodes and images they belong to, wherever those stand now."""
    failed = [path for path, (state, _) in results.nodes.items() if state in _FAILED]
    for path in failed:
        node = snapshot.nodes.get(path) or snapshot.nodes.get(path.split("[")[0])
        below = f"{path}/" if path else ""
        if node is None or any(other != path and other.startswith(below) for other in failed):
            continue  # a group fails because of what is in it, which says so itself
        state, message = results.nodes[path]
        entry = node.entry("run") or node.entry("call")
        span = entry.key.span if entry else node.span
        yield _failure("step-failed", f"the last run failed here: {message or state}", span)
    for name, (state, message) in results.images.items():
        key = snapshot.names.of("images").get(name)
        if key is not None and state in _FAILED:
            span = _below(snapshot, name, key.span, results.below.get(name, 0))
            yield _failure("build-failed", f"the last build of this image failed: {message or state}", span)


def _below(snapshot: Snapshot, name: str, key: Span, lines: int) -> Span:
    """The key of an image that stands so many lines below its name; the name itself when none does."""
    images = snapshot.root.get("images")
    body = images.get(name) if isinstance(images, Mapping) else None
    line = key.start[0] + lines
    found = key
    for entry in body.entries if isinstance(body, Mapping) else ():
        first = entry.key.span.start[0]
        if key.start[0] < first <= line <= max(first, entry.value.span.end[0]):
            found = entry.key.span
    return found


def _line(event: dict[str, Any], name: str) -> int:
    place = event.get(name)
    line = place.get("line") if isinstance(place, dict) else None
    return line if isinstance(line, int) else 0


def _failure(code: str, message: str, span: Span) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, span)


def _newest(state: Path) -> list[Path]:
    try:
        runs = sorted((state / "runs").glob("*/journal.jsonl"), key=lambda file: file.stat().st_mtime)
        build = [file for file in (state / "builds" / "last.jsonl",) if file.is_file()]
    except OSError:
        return []
    return [*build, *runs[-1:]]


def _events(file: Path) -> Iterator[dict[str, Any]]:
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            if size > _LARGEST:
                stream.seek(size - _TAIL)
                stream.readline()
            lines = stream.read(_LARGEST).decode("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event
