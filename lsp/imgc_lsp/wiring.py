"""Which method of the protocol is answered by which feature."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams

from imgc_lsp import convert
from imgc_lsp.buffer import Change
from imgc_lsp.features import (
    actions,
    calls,
    completion,
    diagnostics,
    formatting,
    hints,
    lenses,
    links,
    navigation,
    preview,
    symbols,
    tokens,
)
from imgc_lsp.features import hover as hovers
from imgc_lsp.server import WATCHED, ImgcServer

_PULL_WAIT = 0.3
"""Seconds that a pull waits for the whole analysis, for clients that cannot be told to pull again."""


def wire(server: ImgcServer) -> None:
    for part in (
        _lifecycle,
        _documents,
        _workspace,
        _typing,
        _diagnostics,
        _navigation,
        _structure,
        _edits,
        _inline,
        _calls,
        _preview,
    ):
        part(server)


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


def _typing(server: ImgcServer) -> None:
    @server.feature(
        lsp.TEXT_DOCUMENT_COMPLETION,
        lsp.CompletionOptions(trigger_characters=completion.TRIGGERS, resolve_provider=True),
    )
    async def complete(params: lsp.CompletionParams) -> lsp.CompletionList | None:
        return await server.answer(
            params.text_document.uri,
            lambda snapshot: completion.complete(snapshot, params.position, server.sources, server.client),
            None,
            draft=True,
        )

    @server.feature(lsp.COMPLETION_ITEM_RESOLVE)
    async def resolve(item: lsp.CompletionItem) -> lsp.CompletionItem:
        await asyncio.sleep(0)
        return completion.resolve(item)

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        uri = params.text_document.uri
        return await server.answer(uri, lambda snapshot: hovers.hover(snapshot, params.position), None)


def _diagnostics(server: ImgcServer) -> None:
    @server.feature(
        lsp.TEXT_DOCUMENT_DIAGNOSTIC,
        lsp.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=True, identifier="imgc"),
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
        for snapshot in await server.snapshots():
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


def _navigation(server: ImgcServer) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    async def definition(params: lsp.DefinitionParams) -> list[lsp.Location]:
        uri = params.text_document.uri
        return await server.answer(uri, lambda snapshot: navigation.definition(snapshot, params.position), [])

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    async def references(params: lsp.ReferenceParams) -> list[lsp.Location]:
        whole = params.context.include_declaration
        uri = params.text_document.uri
        return await server.answer(
            uri, lambda snapshot: navigation.references(snapshot, params.position, whole), []
        )

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    async def highlight(params: lsp.DocumentHighlightParams) -> list[lsp.DocumentHighlight]:
        uri = params.text_document.uri
        return await server.answer(uri, lambda snapshot: navigation.highlight(snapshot, params.position), [])

    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
    async def prepare(params: lsp.PrepareRenameParams) -> lsp.PrepareRenamePlaceholder | None:
        uri = params.text_document.uri
        return await server.answer(
            uri, lambda snapshot: navigation.prepare_rename(snapshot, params.position), None
        )

    @server.feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
    async def rename(params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
        def work(snapshot: Any) -> lsp.WorkspaceEdit | None:
            try:
                return navigation.rename(snapshot, params.position, params.new_name)
            except navigation.Refused as refused:
                raise JsonRpcInvalidParams(str(refused)) from None

        return await server.answer(params.text_document.uri, work, None)

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_LINK)
    async def link(params: lsp.DocumentLinkParams) -> list[lsp.DocumentLink]:
        return await server.answer(params.text_document.uri, links.links, [])


def _structure(server: ImgcServer) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    async def document(params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        return await server.answer(params.text_document.uri, symbols.document_symbols, [])

    @server.feature(lsp.TEXT_DOCUMENT_FOLDING_RANGE)
    async def folding(params: lsp.FoldingRangeParams) -> list[lsp.FoldingRange]:
        return await server.answer(params.text_document.uri, symbols.folding, [])

    @server.feature(lsp.TEXT_DOCUMENT_SELECTION_RANGE)
    async def selection(params: lsp.SelectionRangeParams) -> list[lsp.SelectionRange] | None:
        uri = params.text_document.uri
        return await server.answer(uri, lambda snapshot: symbols.selection(snapshot, params.positions), None)

    legend = tokens.LEGEND

    @server.feature(lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, legend)
    async def full(params: lsp.SemanticTokensParams) -> lsp.SemanticTokens:
        return await server.answer(params.text_document.uri, tokens.tokens, lsp.SemanticTokens([]))

    @server.feature(lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE, legend)
    async def part(params: lsp.SemanticTokensRangeParams) -> lsp.SemanticTokens:
        uri = params.text_document.uri
        return await server.answer(
            uri, lambda snapshot: tokens.tokens(snapshot, params.range), lsp.SemanticTokens([])
        )


def _edits(server: ImgcServer) -> None:
    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=list(actions.KINDS))
    )
    async def action(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        return await server.answer(
            params.text_document.uri,
            lambda snapshot: actions.actions(snapshot, params.range, params.context.only),
            [],
        )

    @server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
    async def whole(params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit]:
        return await server.answer(params.text_document.uri, formatting.format_document, [])

    @server.feature(lsp.TEXT_DOCUMENT_RANGE_FORMATTING)
    async def part(params: lsp.DocumentRangeFormattingParams) -> list[lsp.TextEdit]:
        uri = params.text_document.uri
        return await server.answer(uri, lambda snapshot: formatting.format_range(snapshot, params.range), [])

    @server.feature(lsp.TEXT_DOCUMENT_ON_TYPE_FORMATTING, lsp.DocumentOnTypeFormattingOptions("\n"))
    async def typed(params: lsp.DocumentOnTypeFormattingParams) -> list[lsp.TextEdit]:
        uri = params.text_document.uri
        return await server.answer(
            uri, lambda snapshot: formatting.format_on_newline(snapshot, params.position), []
        )


def _inline(server: ImgcServer) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_CODE_LENS)
    async def lens(params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
        return await server.answer(
            params.text_document.uri,
            lambda snapshot: lenses.lenses(
                snapshot, server.commands, server.results_of(snapshot.directory).words
            ),
            [],
        )

    @server.feature(lsp.TEXT_DOCUMENT_INLAY_HINT)
    async def hint(params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
        uri = params.text_document.uri
        return await server.answer(uri, lambda snapshot: hints.hints(snapshot, params.range), [])


def _calls(server: ImgcServer) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_CALL_HIERARCHY)
    async def prepare(params: lsp.CallHierarchyPrepareParams) -> list[lsp.CallHierarchyItem] | None:
        uri = params.text_document.uri
        return await server.answer(uri, lambda snapshot: calls.prepare(snapshot, params.position), None)

    @server.feature(lsp.CALL_HIERARCHY_INCOMING_CALLS)
    async def incoming(params: lsp.CallHierarchyIncomingCallsParams) -> list[lsp.CallHierarchyIncomingCall]:
        return await server.answer(
            params.item.uri, lambda snapshot: calls.incoming(snapshot, params.item), []
        )

    @server.feature(lsp.CALL_HIERARCHY_OUTGOING_CALLS)
    async def outgoing(params: lsp.CallHierarchyOutgoingCallsParams) -> list[lsp.CallHierarchyOutgoingCall]:
        return await server.answer(
            params.item.uri, lambda snapshot: calls.outgoing(snapshot, params.item), []
        )


def _preview(server: ImgcServer) -> None:
    async def made(uri: str, kind: str, image: str | None, line: int | None) -> preview.Preview | None:
        document = server.session.documents.get(uri)
        if document is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(document.analysed.wait(), 5)
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

    @server.feature(lsp.WORKSPACE_TEXT_DOCUMENT_CONTENT)
    async def content(params: lsp.TextDocumentContentParams) -> lsp.TextDocumentContentResult | None:
        wanted = preview.parse_uri(params.uri)
        found = await made(*wanted, None) if wanted is not None else None
        return lsp.TextDocumentContentResult(found.text) if found is not None else None
