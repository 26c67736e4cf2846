"""Requests about one document: each is answered by one feature."""

from __future__ import annotations

import asyncio
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams

from imgc_lsp.features import (
    actions,
    calls,
    completion,
    formatting,
    hints,
    lenses,
    links,
    navigation,
    symbols,
    tokens,
)
from imgc_lsp.features import hover as hovers
from imgc_lsp.server import ImgcServer
from imgc_lsp.snapshot import Snapshot


def wire(server: ImgcServer) -> None:
    for part in (_typing, _navigation, _structure, _edits, _inline, _calls):
        part(server)


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
        images = server.sources.images
        return await server.answer(
            uri, lambda snapshot: hovers.hover(snapshot, params.position, images), None
        )


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
            lambda snapshot: actions.actions(snapshot, params.range, params.context.only, server.commands),
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
        def feature(snapshot: Snapshot) -> list[lsp.CodeLens]:
            last = server.results_of(snapshot.directory)
            return lenses.lenses(snapshot, server.commands, last.runs, last.builds)

        return await server.answer(params.text_document.uri, feature, [])

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
