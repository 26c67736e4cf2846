"""Which message of the protocol goes where: the life of the server, its documents, diagnostics, previews."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import Any

from lsprotocol import types as lsp

from imgc_lsp import convert, requests
from imgc_lsp.buffer import Change
from imgc_lsp.features import diagnostics, drawing, preview, symbols
from imgc_lsp.server import WATCHED, ImgcServer

_PULL_WAIT = 0.3
"""Seconds that a pull waits for the whole analysis, for clients that cannot be told to pull again."""


def create() -> ImgcServer:
    server = ImgcServer()
    for part in (_lifecycle, _documents, _workspace, _diagnostics, _preview):
        part(server)
    requests.wire(server)
    # Full collections are pauses of 90 ms with a large document open, and find nothing: analyses hold no cycles.
    gc.set_threshold(10_000, 10, 50)
    gc.freeze()
    return server


def _lifecycle(server: ImgcServer) -> None:
    @server.feature(lsp.INITIALIZE)
    def initialize(params: lsp.InitializeParams) -> None:
        server.begin(params)

    @server.feature(lsp.INITIALIZED)
    async def initialized(_: lsp.InitializedParams) -> None:
        if server.watches:
            watchers = [lsp.FileSystemWatcher(glob_pattern=pattern) for pattern in WATCHED]
            options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
            registration = lsp.Registration("imgc-files", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            with contextlib.suppress(Exception):
                await server.client_register_capability_async(lsp.RegistrationParams([registration]))
        await server.configure()

    @server.feature(lsp.SHUTDOWN)
    def shutdown(*_: Any) -> None:
        server.session.analyst.close()


def _documents(server: ImgcServer) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: lsp.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        path = convert.path_of(item.uri)
        document = server.session.open(item.uri, path, item.language_id, item.version, item.text)
        server.results.pop(path.parent, None)
        server.publish_soon(document)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: lsp.DidChangeTextDocumentParams) -> None:
        changes = [_change(change) for change in params.content_changes]
        document = server.session.change(params.text_document.uri, params.text_document.version, changes)
        if document is not None:
            server.publish_soon(document)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def did_save(params: lsp.DidSaveTextDocumentParams) -> None:
        server.files_changed([convert.path_of(params.text_document.uri)])

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: lsp.DidCloseTextDocumentParams) -> None:
        document = server.session.close(params.text_document.uri)
        for uri in document.published if document is not None and server.pushes else ():
            server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))


def _change(change: lsp.TextDocumentContentChangeEvent) -> Change | str:
    if isinstance(change, lsp.TextDocumentContentChangeWholeDocument):
        return change.text
    start, end = change.range.start, change.range.end
    return Change((start.line, start.character), (end.line, end.character), change.text)


def _workspace(server: ImgcServer) -> None:
    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files(params: lsp.DidChangeWatchedFilesParams) -> None:
        server.files_changed([convert.path_of(change.uri) for change in params.changes])

    @server.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def configuration(params: lsp.DidChangeConfigurationParams) -> None:
        server.take_settings(params.settings)
        await server.configure()

    @server.feature(lsp.WORKSPACE_SYMBOL)
    async def symbol(params: lsp.WorkspaceSymbolParams) -> list[lsp.WorkspaceSymbol]:
        return symbols.workspace_symbols(await server.snapshots(), params.query)


def _diagnostics(server: ImgcServer) -> None:
    @server.feature(
        lsp.TEXT_DOCUMENT_DIAGNOSTIC,
        lsp.DiagnosticOptions(
            inter_file_dependencies=True,
            workspace_diagnostics=True,
            identifier="imgc",
            work_done_progress=True,
        ),
    )
    async def pull(params: lsp.DocumentDiagnosticParams) -> lsp.DocumentDiagnosticReport:
        uri = params.text_document.uri
        document = server.session.documents.get(uri)
        if document is not None and not server.refreshes:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(document.analysed.wait(), _PULL_WAIT)
        empty: dict[str, list[lsp.Diagnostic]] = {}
        report = await server.answer(uri, server.report, empty)
        items = report.get(uri, [])
        name = diagnostics.result_id(items)
        if document is not None and not server.pushes:
            document.published[uri] = diagnostics.result_id(
                [each for some in report.values() for each in some]
            )
        if params.previous_result_id == name:
            return lsp.RelatedUnchangedDocumentDiagnosticReport(name)
        related: dict[str, Any] = {
            other: lsp.FullDocumentDiagnosticReport(found) for other, found in report.items() if other != uri
        }
        return lsp.RelatedFullDocumentDiagnosticReport(
            items, related_documents=related or None, result_id=name
        )

    @server.feature(lsp.WORKSPACE_DIAGNOSTIC)
    async def workspace(params: lsp.WorkspaceDiagnosticParams) -> lsp.WorkspaceDiagnosticReport:
        known = {previous.uri: previous.value for previous in params.previous_result_ids}
        items: list[lsp.WorkspaceDocumentDiagnosticReport] = []
        for snapshot in await server.snapshots(params.work_done_token):
            opened = server.session.documents.get(snapshot.uri)
            version = opened.version if opened is not None else None
            found = server.report(snapshot)[snapshot.uri]
            name = diagnostics.result_id(found)
            if known.get(snapshot.uri) == name:
                items.append(lsp.WorkspaceUnchangedDocumentDiagnosticReport(snapshot.uri, name, version))
            else:
                items.append(
                    lsp.WorkspaceFullDocumentDiagnosticReport(
                        snapshot.uri, found, version=version, result_id=name
                    )
                )
        return lsp.WorkspaceDiagnosticReport(items)


def _preview(server: ImgcServer) -> None:
    async def made(uri: str, kind: str, image: str | None, line: int | None) -> preview.Preview | None:
        await server.analysed(uri)
        return await server.answer(uri, lambda snapshot: preview.preview(snapshot, kind, image, line), None)

    @server.command("imgc.preview")
    async def command(*arguments: Any) -> dict[str, Any] | None:
        """`[URI, {kind: dockerfile | plan, image, line}]`."""
        uri = str(arguments[0]) if arguments else ""
        options = arguments[1] if len(arguments) > 1 and isinstance(arguments[1], dict) else {}
        line = options.get("line")
        line = line if isinstance(line, int) else None
        image = options.get("image")
        found = await made(
            uri, str(options.get("kind", "dockerfile")), image if isinstance(image, str) else None, line
        )
        return found.data(line) if found is not None else None

    @server.command("imgc.graph")
    async def graph(*arguments: Any) -> dict[str, Any] | None:
        """`[URI]`."""
        uri = str(arguments[0]) if arguments else ""
        await server.analysed(uri)
        snapshot = await server.answer(uri, lambda snapshot: snapshot, None)
        return await asyncio.to_thread(drawing.graph, snapshot) if snapshot is not None else None

    @server.feature(lsp.WORKSPACE_TEXT_DOCUMENT_CONTENT)
    async def content(params: lsp.TextDocumentContentParams) -> lsp.TextDocumentContentResult | None:
        wanted = preview.parse_uri(params.uri)
        found = await made(*wanted, None) if wanted is not None else None
        return lsp.TextDocumentContentResult(found.text) if found is not None else None
