"""The wiring: which method of the protocol is answered by which feature. No knowledge of pipelines here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from imgc import __version__
from lsprotocol import types as lsp

from imgc_lsp import convert
from imgc_lsp.buffer import Change
from imgc_lsp.features import completion, diagnostics
from imgc_lsp.features import hover as hovers
from imgc_lsp.positions import Encoding
from imgc_lsp.protocol import Protocol, Server
from imgc_lsp.session import OpenDocument, Session
from imgc_lsp.snapshot import Settings, Snapshot
from imgc_lsp.sources import Sources

log = logging.getLogger(__name__)
T = TypeVar("T")
_PULL_WAIT = 0.3
"""Seconds that a pull of diagnostics waits for the whole analysis, for clients that cannot be told to pull
again."""


class ImgcServer(Server):
    """The server of one client."""

    session: Session

    def __init__(self) -> None:
        super().__init__("imgc", __version__, protocol_cls=Protocol)
        self.settings = Settings()
        self.sources = Sources()
        self.client = completion.Client()
        self.pushes = True
        self.refreshes = False

    def begin(self, params: lsp.InitializeParams) -> None:
        """Takes in what the client can do."""
        document = params.capabilities.text_document or lsp.TextDocumentClientCapabilities()
        workspace = params.capabilities.workspace or lsp.WorkspaceClientCapabilities()
        item = document.completion.completion_item if document.completion else None
        self.client = completion.Client(snippets=bool(item and item.snippet_support))
        self.refreshes = bool(workspace.diagnostics and workspace.diagnostics.refresh_support)
        self.pushes = document.diagnostic is None or not self.refreshes
        encoding = self.workspace.position_encoding
        self.session = Session(_encoding(getattr(encoding, "value", encoding)), self.settings, self.publish)

    def publish(self, document: OpenDocument) -> None:
        """Tells the client what is known of a document now, unless it is what it knows already."""
        snapshot = self.session.snapshot(document.uri)
        report = diagnostics.report(snapshot) if snapshot is not None else {document.uri: []}
        if not self.pushes:
            self._refresh(document, report)
            return
        for uri in [*document.published.keys() - report.keys(), *report]:
            items = report.get(uri, [])
            result = diagnostics.result_id(items)
            if document.published.get(uri, "" if items else result) == result and uri in document.published:
                continue
            document.published[uri] = result
            self.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(uri, items, document.version if uri == document.uri else None)
            )

    def _refresh(self, document: OpenDocument, report: dict[str, list[lsp.Diagnostic]]) -> None:
        """Asks a client that pulls to pull again when it would get something else."""
        result = diagnostics.result_id([item for items in report.values() for item in items])
        if document.published.get(document.uri) not in (None, result):
            self.workspace_diagnostic_refresh(None)
        document.published[document.uri] = result

    async def answer(self, uri: str, feature: Callable[[Snapshot], T], default: T) -> T:
        """The answer of a feature for a document as it is now; a fault in the feature is logged and answers
        `default`.

        Yields to the loop once before it works, so that a request that was cancelled meanwhile is never
        begun.
        """
        await asyncio.sleep(0)
        try:
            snapshot = self.session.snapshot(uri)
            return default if snapshot is None else feature(snapshot)
        except Exception:
            log.exception("%s failed", getattr(feature, "__qualname__", feature))
            return default


def _encoding(name: object) -> Encoding:
    return "utf-8" if name == "utf-8" else "utf-32" if name == "utf-32" else "utf-16"


def create() -> ImgcServer:
    server = ImgcServer()
    _lifecycle(server)
    _features(server)
    return server


def _lifecycle(server: ImgcServer) -> None:
    @server.feature(lsp.INITIALIZE)
    def initialize(params: lsp.InitializeParams) -> None:
        server.begin(params)

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(params: lsp.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        document = server.session.open(
            item.uri, convert.path_of(item.uri), item.language_id, item.version, item.text
        )
        server.publish(document)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: lsp.DidChangeTextDocumentParams) -> None:
        changes = [_change(change) for change in params.content_changes]
        document = server.session.change(params.text_document.uri, params.text_document.version, changes)
        if document is not None:
            _publish_soon(server, document)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: lsp.DidCloseTextDocumentParams) -> None:
        document = server.session.close(params.text_document.uri)
        for uri in document.published if document is not None and server.pushes else ():
            server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    @server.feature(lsp.SHUTDOWN)
    def shutdown(*_: Any) -> None:
        server.session.analyst.close()


def _publish_soon(server: ImgcServer, document: OpenDocument) -> None:
    """Once the changes that are already waiting are in."""
    version = document.version

    def publish() -> None:
        if document.version == version and server.session.documents.get(document.uri) is document:
            server.publish(document)

    asyncio.get_running_loop().call_soon(publish)


def _change(change: lsp.TextDocumentContentChangeEvent) -> Change | str:
    if isinstance(change, lsp.TextDocumentContentChangeWholeDocument):
        return change.text
    start, end = change.range.start, change.range.end
    return Change((start.line, start.character), (end.line, end.character), change.text)


def _features(server: ImgcServer) -> None:
    @server.feature(
        lsp.TEXT_DOCUMENT_COMPLETION,
        lsp.CompletionOptions(trigger_characters=completion.TRIGGERS, resolve_provider=True),
    )
    async def complete(params: lsp.CompletionParams) -> lsp.CompletionList | None:
        return await server.answer(
            params.text_document.uri,
            lambda snapshot: completion.complete(snapshot, params.position, server.sources, server.client),
            None,
        )

    @server.feature(lsp.COMPLETION_ITEM_RESOLVE)
    async def resolve(item: lsp.CompletionItem) -> lsp.CompletionItem:
        await asyncio.sleep(0)
        return completion.resolve(item)

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        return await server.answer(
            params.text_document.uri, lambda snapshot: hovers.hover(snapshot, params.position), None
        )

    @server.feature(
        lsp.TEXT_DOCUMENT_DIAGNOSTIC,
        lsp.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=False, identifier="imgc"),
    )
    async def pull(params: lsp.DocumentDiagnosticParams) -> lsp.DocumentDiagnosticReport:
        document = server.session.documents.get(params.text_document.uri)
        if document is not None and not server.refreshes:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(document.analysed.wait(), _PULL_WAIT)
        empty: dict[str, list[lsp.Diagnostic]] = {}
        report = await server.answer(
            params.text_document.uri, lambda snapshot: diagnostics.report(snapshot), empty
        )
        items = report.get(params.text_document.uri, [])
        name = diagnostics.result_id(items)
        if params.previous_result_id == name:
            return lsp.RelatedUnchangedDocumentDiagnosticReport(name)
        return lsp.RelatedFullDocumentDiagnosticReport(items, result_id=name)
