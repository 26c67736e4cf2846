"""A client for tests: documents written with a `|` where the cursor is, waits on notifications and never
sleeps."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pytest_lsp import LanguageClient, client_capabilities, make_test_lsp_client

from imgc_lsp.buffer import Buffer
from imgc_lsp.convert import path_of
from imgc_lsp.session import OpenDocument, read_document
from imgc_lsp.snapshot import Settings, Snapshot

SERVER = [sys.executable, "-m", "imgc_lsp"]
_NUMBER = itertools.count()


@dataclass
class Editor:
    """An editor with a running server. `changed` is set at each notification of diagnostics."""

    client: LanguageClient
    folder: Path
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    versions: dict[str, int] = field(default_factory=dict)
    initialized: lsp.InitializeResult | None = None

    def open(
        self, text: str, name: str = "pipeline.yaml", *, language: str = "yaml"
    ) -> tuple[str, lsp.Position]:
        """Opens a document in a folder of its own; `‸` (or the only `|`) in it is the cursor. Returns URI
        and position."""
        folder = self.folder / f"d{next(_NUMBER)}"
        folder.mkdir()
        return self.open_at(folder / name, text, language=language)

    def open_at(self, path: Path, text: str, *, language: str = "yaml") -> tuple[str, lsp.Position]:
        text, place = cut(text)
        uri = path.as_uri()
        self.versions[uri] = 1
        self.client.text_document_did_open(
            lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(uri, language, 1, text))
        )
        return uri, place

    def replace(self, uri: str, text: str) -> None:
        self.change(uri, lsp.TextDocumentContentChangeWholeDocument(text))

    def edit(self, uri: str, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
        place = lsp.Range(lsp.Position(*start), lsp.Position(*end))
        self.change(uri, lsp.TextDocumentContentChangePartial(range=place, text=text))

    def change(self, uri: str, *changes: lsp.TextDocumentContentChangeEvent) -> None:
        self.versions[uri] += 1
        self.client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(
                lsp.VersionedTextDocumentIdentifier(self.versions[uri], uri), list(changes)
            )
        )

    async def until(self, uri: str, condition: Any, seconds: float = 10.0) -> list[lsp.Diagnostic]:
        """The diagnostics of a document as soon as they fulfil a condition."""
        async with asyncio.timeout(seconds):
            while True:
                found = self.client.diagnostics.get(uri)
                if found is not None and condition(found):
                    return list(found)
                self.changed.clear()
                await self.changed.wait()

    async def codes(self, uri: str, *codes: str) -> list[lsp.Diagnostic]:
        """Waits until the document has diagnostics of these codes."""
        return await self.until(uri, lambda found: set(codes) <= {item.code for item in found})

    async def pulled(self, uri: str) -> list[lsp.Diagnostic]:
        report = await self.client.text_document_diagnostic_async(
            lsp.DocumentDiagnosticParams(lsp.TextDocumentIdentifier(uri))
        )
        assert isinstance(report, lsp.RelatedFullDocumentDiagnosticReport)
        return list(report.items)

    async def complete(self, uri: str, place: lsp.Position) -> lsp.CompletionList:
        found = await self.client.text_document_completion_async(
            lsp.CompletionParams(lsp.TextDocumentIdentifier(uri), place)
        )
        assert isinstance(found, lsp.CompletionList)
        return found

    async def hover(self, uri: str, place: lsp.Position) -> str:
        found = await self.client.text_document_hover_async(
            lsp.HoverParams(lsp.TextDocumentIdentifier(uri), place)
        )
        return (
            found.contents.value
            if found is not None and isinstance(found.contents, lsp.MarkupContent)
            else ""
        )

    async def settled(self, uri: str) -> None:
        """Waits until the whole analysis of a document is done: the preview command waits for it."""
        await self.command("imgc.preview", uri, {"kind": "plan"})

    async def command(self, name: str, *arguments: Any) -> Any:
        return await self.ask(lsp.WORKSPACE_EXECUTE_COMMAND, lsp.ExecuteCommandParams(name, list(arguments)))

    def path(self, uri: str) -> Path:
        return path_of(uri)

    async def ask(self, method: str, params: Any) -> Any:
        """The result of any request."""
        return await self.client.protocol.send_request_async(method, params)

    def close(self, uri: str) -> None:
        self.client.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(uri)))


def cut(text: str) -> tuple[str, lsp.Position]:
    """The text without its cursor mark, and the place of the mark (UTF-16); the start when there is none."""
    mark = "‸" if "‸" in text else "|"
    before, found, after = text.partition(mark)
    if not found or (mark == "|" and "|" in after):
        return text, lsp.Position(0, 0)
    line = len(re.findall("\r\n|\n|\r", before))
    last = re.split("\r\n|\n|\r", before)[-1]
    return before + after, lsp.Position(line, len(last.encode("utf-16-le")) // 2)


@contextlib.asynccontextmanager
async def editor(
    folder: Path,
    spec: str = "neovim@v0.9.1",
    *,
    encodings: list[lsp.PositionEncodingKind] | None = None,
    options: Any = None,
    folders: list[Path] | None = None,
    change: Any = None,
    settings: dict[str, Any] | None = None,
) -> AsyncIterator[Editor]:
    """A started and initialized editor with the capabilities of a real one; `settings` are what it answers
    when it is asked for those of `imgc`."""
    client = make_test_lsp_client()
    if settings is not None:
        client.set_configuration({"imgc": settings})
    running = Editor(client, folder)

    client.protocol.fm.features.pop(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)

    @client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def published(params: lsp.PublishDiagnosticsParams) -> None:
        client.diagnostics[params.uri] = params.diagnostics
        running.changed.set()

    await client.start_io(*SERVER)
    capabilities = client_capabilities(spec)
    general = capabilities.general or lsp.GeneralClientCapabilities()
    general.position_encodings = encodings
    capabilities.general = general
    if change is not None:
        change(capabilities)
    roots = [lsp.WorkspaceFolder(path.as_uri(), path.name) for path in (folders or [folder])]
    running.initialized = await client.initialize_session(
        lsp.InitializeParams(
            capabilities, process_id=None, workspace_folders=roots, initialization_options=options
        )
    )
    try:
        yield running
    finally:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(client.shutdown_session(), 5)
        await client.stop()


def read(path: Path, text: str, before: str | None = None, *, analysed: bool = False) -> Snapshot:
    """What the session makes of a text (after an earlier one), without a server or a loop."""
    document = OpenDocument(
        path.as_uri(), path, "imgc", 1, Buffer(before if before is not None else text, "utf-16")
    )
    read_document(document, Settings(), "utf-16")
    if before is not None:
        document.buffer.replace(text)
        read_document(document, Settings(), "utf-16")
    snapshot = document.snapshot
    assert snapshot is not None
    if analysed:
        from imgc.analysis.analysis import analyse_document

        snapshot.analysis = analyse_document(snapshot.document, snapshot.directory)
        snapshot.diagnostics = snapshot.analysis.diagnostics
        snapshot.current = True
    return snapshot


def document(uri: str) -> lsp.TextDocumentIdentifier:
    return lsp.TextDocumentIdentifier(uri)


def place_of(text: str, word: str, nth: int = 0) -> lsp.Position:
    """The position in the middle of the nth occurrence of a word."""
    start = -1
    for _ in range(nth + 1):
        start = text.index(word, start + 1)
    start += len(word) // 2
    return lsp.Position(text.count("\n", 0, start), start - (text.rfind("\n", 0, start) + 1))


def applied(text: str, edits: Iterable[lsp.TextEdit]) -> str:
    """A text (of ASCII) after edits, as an editor applies them."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)

    def offset(place: lsp.Position) -> int:
        return min(starts[min(place.line, len(lines))] + place.character, len(text))

    for edit in sorted(
        edits, key=lambda edit: (edit.range.start.line, edit.range.start.character), reverse=True
    ):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text


def labels(found: lsp.CompletionList) -> list[str]:
    return [item.label for item in found.items]
