"""The open documents of a client: their buffers, their snapshots, and the whole analyses behind them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from imgc.diagnostics import Diagnostic, Origin, Severity, Span, in_order
from imgc.document.document import Document, load
from imgc.document.text import split_lines
from imgc_lsp.buffer import Buffer, Change
from imgc_lsp.claims import claims
from imgc_lsp.incremental import StructureCheck
from imgc_lsp.positions import Encoding
from imgc_lsp.progress import Shown
from imgc_lsp.schedule import Analyst
from imgc_lsp.snapshot import Names, Settings, Snapshot, read_names

log = logging.getLogger(__name__)
_LONGEST_WAIT = 0.4
"""Seconds of quiet before a long analysis begins; a short one begins at once."""


@dataclass(slots=True)
class OpenDocument:
    """One document. `snapshot` is None when the text has changed since it was made."""

    uri: str
    path: Path
    language: str
    version: int
    buffer: Buffer
    claimed: bool = False
    structure: StructureCheck = field(default_factory=StructureCheck)
    document: Document | None = None
    names: Names | None = None
    snapshot: Snapshot | None = None
    last: Snapshot | None = None
    """The newest snapshot there was."""
    analysis: Any = None
    semantic: list[Diagnostic] = field(default_factory=list)
    """What the last whole analysis found beyond syntax and structure."""
    took: float = 0.0
    timer: asyncio.TimerHandle | None = None
    shown: Shown | None = None
    """The analysis that runs, for the client to show."""
    analysed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while the last analysis is of the current text."""
    published: dict[str, object] = field(default_factory=dict)
    outlined: object = None
    """The outline that the client has."""
    outlining: asyncio.TimerHandle | None = None


class Session:
    """`changed` is called with a document whenever what is known of it has: after an edit, after an
    analysis. `show` begins to show work of a title, where the client can."""

    def __init__(
        self,
        encoding: Encoding,
        settings: Settings,
        changed: Callable[[OpenDocument], None],
        show: Callable[[str], Shown | None],
    ) -> None:
        self.encoding = encoding
        self.settings = settings
        self.changed = changed
        self.show = show
        self.documents: dict[str, OpenDocument] = {}
        self.analyst = Analyst(asyncio.get_running_loop())

    def open(self, uri: str, path: Path, language: str, version: int, text: str) -> OpenDocument:
        self.close(uri)
        document = OpenDocument(uri, path, language, version, Buffer(text, self.encoding))
        self.documents[uri] = document
        self.touch(document)
        return document

    def change(self, uri: str, version: int, changes: Sequence[Change | str]) -> OpenDocument | None:
        """Applies the changes of one message, in order; a string is a whole new text."""
        document = self.documents.get(uri)
        if document is None:
            return None
        for change in changes:
            if isinstance(change, str):
                document.buffer.replace(change)
            else:
                document.buffer.apply(change)
        document.version = version
        self.touch(document)
        return document

    def close(self, uri: str) -> OpenDocument | None:
        document = self.documents.pop(uri, None)
        if document is not None:
            self.forget_analysis(document)
        return document

    def touch(self, document: OpenDocument) -> None:
        """Marks a document, or a file that it reads, as changed."""
        document.snapshot = None
        document.analysed.clear()
        self.forget_analysis(document)
        delay = 0.0 if document.took < 0.02 else min(2 * document.took, _LONGEST_WAIT)
        document.timer = asyncio.get_running_loop().call_later(delay, self.analyse, document)

    def forget_analysis(self, document: OpenDocument) -> None:
        self.analyst.cancel(document.uri)
        if document.timer is not None:
            document.timer.cancel()
            document.timer = None
        _end(document)

    # Snapshots

    def snapshot(self, uri: str) -> Snapshot | None:
        """The document as it is now; None when it is not open, or not ours."""
        document = self.documents.get(uri)
        if document is None:
            return None
        self.read(document)
        return document.snapshot

    def draft(self, uri: str) -> Snapshot | None:
        """The document for completion: with the text as it is now, and what was known before the last change.

        A letter typed changes no names, and the cursor is found in the text: nothing has to be parsed first.
        """
        document = self.documents.get(uri)
        if document is None or document.snapshot is not None or document.last is None:
            return self.snapshot(uri)
        lines = split_lines(document.buffer.text.removeprefix("\ufeff"))
        return replace(document.last, lines=lines, version=document.version)

    def read(self, document: OpenDocument, pause: Callable[[], None] | None = None) -> None:
        """Makes the snapshot of a document. `pause` is called now and then, and may raise to give up."""
        if document.snapshot is None:
            read_document(document, self.settings, self.encoding, pause)

    # Whole analyses

    def analyse(self, document: OpenDocument) -> None:
        document.timer = None
        snapshot = self.snapshot(document.uri)
        if snapshot is None:
            return
        started = time.monotonic()
        _end(document)
        document.shown = self.show(f"Checking {document.path.name}")

        def done(analysis: Any) -> None:
            _end(document)
            document.took = time.monotonic() - started
            self.take(document, snapshot, analysis)

        self.analyst.submit(document.uri, lambda: _analyse(snapshot), done)

    def take(self, document: OpenDocument, snapshot: Snapshot, analysis: Any) -> None:
        """Takes in the analysis of a snapshot, unless the text has changed since."""
        if document.snapshot is not snapshot:
            return
        document.analysed.set()
        if analysis is None:
            return
        known = {_key(found) for found in snapshot.diagnostics} - {_key(found) for found in document.semantic}
        document.analysis = snapshot.analysis = analysis
        snapshot.current = True
        snapshot.diagnostics = list(analysis.diagnostics)
        document.semantic = [found for found in analysis.diagnostics if _key(found) not in known]
        self.changed(document)


def _end(document: OpenDocument) -> None:
    if document.shown is not None:
        document.shown.end()
        document.shown = None


def read_document(
    document: OpenDocument, settings: Settings, encoding: Encoding, pause: Callable[[], None] | None = None
) -> None:
    """Makes the snapshot of a document from its buffer; none when the file is not ours."""
    text = document.buffer.text
    lines = split_lines(text)
    document.claimed = claims(document.path, lines, document.language, settings.claim)
    if not document.claimed:
        document.document = document.snapshot = document.last = None
        return
    document.document = parsed = load(document.path.name, text, document.document, pause)
    checked = document.structure.check(parsed.root)
    broken = any(diagnostic.code.startswith("yaml-") for diagnostic in parsed.diagnostics)
    document.names = read_names(parsed.root, broken, document.names)
    first = in_order([*parsed.diagnostics, *checked.diagnostics])
    bom = text.startswith("\ufeff")
    if bom:
        lines[0] = lines[0][1:]
    document.snapshot = document.last = Snapshot(
        document.uri, document.path, document.version, encoding, bom, lines, parsed, document.names,
        list(checked.uses), [*first, *_kept(document, parsed)], document.analysis, settings=settings,
    )  # fmt: skip


def _kept(document: OpenDocument, parsed: Document) -> list[Diagnostic]:
    """Findings of the last analysis that stand in entries which have not changed since."""
    if not document.semantic:
        return []
    living: set[Origin] = {island.origin for group in parsed.islands.values() for island in group}
    return [found for found in document.semantic if found.span.origin in living]


def _key(found: Diagnostic) -> tuple[Origin, int, int, str, str]:
    return found.span.origin, found.span.line, found.span.column, found.code, found.message


def _analyse(snapshot: Snapshot) -> Any:
    from imgc.analysis.analysis import analyse_document

    return analyse_document(snapshot.document, snapshot.directory)


def too_many(found: list[Diagnostic], most: int) -> list[Diagnostic]:
    """At most so many findings; the worst first to stay, and a last one that says how many are left out."""
    if len(found) <= most:
        return found
    worst = sorted(found, key=lambda diagnostic: diagnostic.severity)[:most]
    span = Span(found[0].span.origin, 0, 0, 0, 0)
    note = Diagnostic("too-many", Severity.HINT, f"{len(found) - most} more problems are not shown", span)
    return [*worst, note]
