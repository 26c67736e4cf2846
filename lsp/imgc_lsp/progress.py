"""Long work shown by the client as it goes. Work that ends soon is never heard of."""

from __future__ import annotations

import asyncio
import itertools
import logging

from lsprotocol import types as lsp
from pygls.progress import Progress

log = logging.getLogger(__name__)
_QUIET = 0.4
"""Seconds that work takes before it is told of."""
_numbers = itertools.count(1)


class Shown:
    """One piece of work. Used in the loop; `token` is the client's own, if it gave one."""

    def __init__(self, progress: Progress, title: str, token: lsp.ProgressToken | None = None) -> None:
        self.progress = progress
        self.title = title
        self.token = token
        self.message: str | None = None
        self.percentage: int | None = None
        self.ended = False
        self.begun = False
        self.task: asyncio.Task[None] | None = None
        self.timer = asyncio.get_running_loop().call_later(_QUIET, self._start)

    def _start(self) -> None:
        self.task = asyncio.create_task(self._begin())

    async def _begin(self) -> None:
        if self.token is None:
            token = f"imgc/{next(_numbers)}"
            try:
                await self.progress.create_async(token)
            except Exception as error:  # the client wants to see none
                log.info("no progress is shown: %s", error)
                return
            self.token = token
        if self.ended:
            self.progress.tokens.pop(self.token, None)
            return
        self.begun = True
        value = lsp.WorkDoneProgressBegin(self.title, message=self.message, percentage=self.percentage)
        self.progress.begin(self.token, value)

    def report(self, message: str, percentage: int | None = None) -> None:
        self.message, self.percentage = message, percentage
        if self.begun and not self.ended and self.token is not None:
            value = lsp.WorkDoneProgressReport(message=message, percentage=percentage)
            self.progress.report(self.token, value)

    def end(self) -> None:
        if self.ended:
            return
        self.ended = True
        self.timer.cancel()
        if self.begun and self.token is not None:
            self.progress.end(self.token, lsp.WorkDoneProgressEnd())
            self.progress.tokens.pop(self.token, None)
