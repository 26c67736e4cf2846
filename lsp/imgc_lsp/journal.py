"""What the last build and the last run left in `.imgc`: failures as diagnostics, results for code lenses.

Read are the lines of `.imgc/runs/ID/journal.jsonl` (`imgc_engine.run.store`): `{"e": "node", "path", "state",
"message"}`, and those of `.imgc/builds/last.jsonl` (`imgc_engine.build.record`): `{"e": "image", "image", "state",
"message", "path", "text"}`. Others are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path as File

from imgc.diagnostics import Diagnostic, Severity, Span
from imgc.document.cursor import Path
from imgc.document.paths import span_at
from imgc_lsp.snapshot import Snapshot

_FAILED = frozenset({"failed", "error"})
_UNDER_WAY = frozenset({"pending", "running"})
"""States of a run that no process works on any more, where it was killed: what they say is no longer so."""
_LARGEST = 8_000_000
_TAIL = 2_000_000


@dataclass(frozen=True, slots=True)
class Results:
    """States and messages of the newest run, by node path and by image."""

    nodes: dict[str, tuple[str, str]] = field(default_factory=dict)
    images: dict[str, tuple[str, str]] = field(default_factory=dict)
    places: dict[str, tuple[Path, str]] = field(default_factory=dict)
    """Where a build failed, by image: keys and numbers of items from the top, and the item's text."""

    under_way: bool = False
    """A process works on the newest run."""

    @property
    def runs(self) -> dict[str, str]:
        return {path: state for path, (state, _) in self.nodes.items()}

    @property
    def builds(self) -> dict[str, str]:
        return {name: state for name, (state, _) in self.images.items()}


def read(directory: File) -> Results:
    """The results of the newest journals of a project; empty where there are none."""
    results = Results()
    under_way = False
    for file in _newest(directory / ".imgc"):
        run = file.name == "journal.jsonl"
        under_way = run and _under_way(file.parent)
        for event in _events(file):
            state, message = str(event.get("state", "")), str(event.get("message", ""))
            state = "interrupted" if run and not under_way and state in _UNDER_WAY else state
            name = event.get("path" if event.get("e") == "node" else "image")
            if isinstance(name, str) and event.get("e") in ("node", "image"):
                (results.nodes if event["e"] == "node" else results.images)[name] = state, message
                if event["e"] == "image":
                    results.places[name] = _path(event.get("path")), str(event.get("text", ""))
    return replace(results, under_way=under_way)


def mark(directory: File) -> object:
    """Something that is another one once there is more to read, or the run is over."""
    try:
        return [(file, file.stat().st_size, _under_way(file.parent)) for file in _newest(directory / ".imgc")]
    except OSError:  # the run was just removed
        return None


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
        place = _place(snapshot, name, *results.places.get(name, ((), ""))) if state in _FAILED else None
        if place is not None:
            yield _failure("build-failed", f"the last build of this image failed: {message or state}", place)


def _place(snapshot: Snapshot, name: str, path: Path, text: str) -> Span | None:
    """Where a build failed, wherever that stands now; what is left of the way there, as long as that is in
    the image. Else the image's name; None where there is no such image any more."""
    steps, span = span_at(snapshot.root, path, text)
    image = path.index("image") + 1 if path[:1] == ("pipeline",) and "image" in path else 2
    if steps >= image:
        return span
    key = snapshot.names.of("images").get(name)
    return key.span if key is not None else None


def _path(value: object) -> Path:
    if not isinstance(value, list) or not all(isinstance(step, (str, int)) for step in value):
        return ()
    return tuple(value)


def _failure(code: str, message: str, span: Span) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, span)


def _newest(state: File) -> list[File]:
    try:
        runs = sorted((state / "runs").glob("*/journal.jsonl"), key=lambda file: file.stat().st_mtime)
        build = [file for file in (state / "builds" / "last.jsonl",) if file.is_file()]
    except OSError:
        return []
    return [*build, *runs[-1:]]


def _under_way(run: File) -> bool:
    """Whether a process works on a run; taken for granted where locks cannot be asked (Windows)."""
    try:
        from imgc_engine.run.store import holder
    except ImportError:
        return True
    return holder(run) is not None


def _events(file: File) -> Iterator[dict[str, object]]:
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
