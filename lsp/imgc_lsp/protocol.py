"""pygls with its own copy of the documents left out: the session's buffers are the only ones.

pygls splits lines as `str.splitlines` does and copies the whole text at every change; and it keeps a future for
each change for ever, since its own handlers are generators (1.5 KB a keystroke).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

from lsprotocol import types as lsp
from pygls.io_ import StdinAsyncReader, StdoutWriter, run_async
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.language_server import lsp_method

from imgc_lsp import stdio

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


class _Output(StdoutWriter):
    def close(self) -> None:
        """Leaves standard output open: the command line flushes it when it ends."""


class Server(LanguageServer):
    """A server that keeps its faults to its log: by default every exception pops up in the editor. `pause` is
    what long work calls now and then, to give way to messages; None where nobody can tell of them."""

    pause: Callable[[], None] | None = None

    def start_io(self, stdin: BinaryIO | None = None, stdout: BinaryIO | None = None) -> None:
        """As pygls does it, but for who reads."""
        given, out = stdin or sys.stdin.buffer, stdout or sys.stdout.buffer
        self._stop_event = ended = threading.Event()
        self.protocol.set_writer(_Output(out))

        async def serve() -> None:
            reader = await stdio.read_by_loop(given, out)
            self.pause = stdio.give_way(given) if reader is not None else None
            with contextlib.suppress(asyncio.IncompleteReadError):  # the client ended in a message
                await run_async(
                    stop_event=ended,
                    reader=reader or StdinAsyncReader(given, self.thread_pool),
                    protocol=self.protocol,
                    logger=log,
                    error_handler=self.report_server_error,
                )

        try:
            asyncio.run(serve())
        except BrokenPipeError:
            log.error("the client is gone")
        except (KeyboardInterrupt, SystemExit):
            pass
        finally:
            self.shutdown()  # type: ignore[no-untyped-call]

    def report_server_error(self, error: Exception, source: Any) -> None:
        log.error("%s: %s", getattr(source, "__name__", source), error)
