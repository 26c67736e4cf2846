"""pygls with its own copy of the documents left out: the session's buffers are the only ones.

pygls splits lines as `str.splitlines` does and copies the whole text at every change; and it keeps a future for
each change for ever, since its own handlers are generators (1.5 KB a keystroke).
"""

from __future__ import annotations

import logging
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.language_server import lsp_method

log = logging.getLogger(__name__)


class Protocol(LanguageServerProtocol):
    def _forward(self, method: str, params: Any) -> None:
        """Calls the handler that the server has for a method; it must be a plain function."""
        handler = self.fm.features.get(method)
        if handler is not None:
            handler(params)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: lsp.DidOpenTextDocumentParams) -> None:
        self._forward(lsp.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: lsp.DidChangeTextDocumentParams) -> None:
        self._forward(lsp.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: lsp.DidCloseTextDocumentParams) -> None:
        self._forward(lsp.TEXT_DOCUMENT_DID_CLOSE, params)


class Server(LanguageServer):
    """A server that keeps its faults to its log: by default every exception pops up in the editor."""

    def report_server_error(self, error: Exception, source: Any) -> None:
        log.error("%s: %s", getattr(source, "__name__", source), error)
