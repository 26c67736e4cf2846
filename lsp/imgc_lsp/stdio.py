"""Messages on standard input, read by the loop itself.

pygls reads them in a worker thread, three hand-overs a message, and each waits for its turn while an analysis
runs. Here a message that has arrived is in the loop at once, and work that can wait can see that it has.
"""

from __future__ import annotations

import asyncio
import os
import select
import stat
from collections.abc import Callable
from typing import BinaryIO

_ENOUGH = 1 << 20
"""Bytes of a header line, and half of what is buffered before reading pauses."""


class Waiting(Exception):
    """Raised inside work that gives way to a message that has arrived."""


async def read_by_loop(stdin: BinaryIO, stdout: BinaryIO) -> asyncio.StreamReader | None:
    """A reader in this loop; None where standard input is none that a loop can read (a file, Windows)."""
    try:
        number = stdin.fileno()
        if not _is_stream(number) or _same(number, stdout.fileno()):
            return None
        reader = asyncio.StreamReader(limit=_ENOUGH)
        protocol = asyncio.StreamReaderProtocol(reader)
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, stdin)
    except (OSError, ValueError, NotImplementedError):
        return None
    return reader


def give_way(stdin: BinaryIO) -> Callable[[], None]:
    """What work calls now and then: raises Waiting when there is something to read."""
    number = stdin.fileno()

    def check() -> None:
        if select.select([number], [], [], 0)[0]:
            raise Waiting

    return check


def _is_stream(number: int) -> bool:
    mode = os.fstat(number).st_mode
    return os.name == "posix" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


def _same(number: int, other: int) -> bool:
    """One socket for both ways: what makes reading not block would make writing fail."""
    first, second = os.fstat(number), os.fstat(other)
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)
