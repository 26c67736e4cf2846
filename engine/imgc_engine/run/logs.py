"""The whole output of an attempt in a file, line by line with times, and its end in memory.

The format is the one of Kubernetes' container runtimes: `2026-11-21T07:00:00.123456Z stdout F text`, where
P instead of F marks a piece of a line that goes on in the next entry of its stream. The bytes are the
command's own.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal

from imgc_engine.failures import LAST_LINES
from imgc_engine.masking import Mask, MaskedStream

Stream = Literal["stdout", "stderr"]

SHOWN = 2_000  # bytes of a line that last lines keep
END = 1 << 17  # bytes of a log in which its last lines are looked for


def now() -> str:
    """RFC 3339, in UTC, with microseconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Log:
    """Takes what comes from a container, in pieces of any size, and gives back what may be shown of it.

    Memory is bounded, whatever comes. OSError when the disk is full.
    """

    def __init__(self, path: Path, mask: Mask) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o644)
        self._masked: dict[Stream, MaskedStream] = {
            "stdout": MaskedStream(mask),
            "stderr": MaskedStream(mask),
        }
        self._tail: deque[bytes] = deque(maxlen=LAST_LINES)
        self._open_line: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}
        self._lock = threading.Lock()

    def write(self, stream: Stream, data: bytes) -> bytes:
        """Store it; what may be shown of it by now."""
        with self._lock:
            shown = self._masked[stream].feed(data)
            self._store(stream, shown)
            return shown

    def close(self) -> dict[Stream, bytes]:
        """Store what was held back for the mask; it, for those who show."""
        with self._lock:
            rest = {stream: masked.close() for stream, masked in self._masked.items()}
            try:
                for stream, shown in rest.items():
                    self._store(stream, shown)
            finally:
                os.close(self._file)
            return rest

    def last_lines(self) -> tuple[str, ...]:
        """The last lines of both streams, those without an end too."""
        lines = [*self._tail, *(line for line in self._open_line.values() if line)]
        return tuple(line.decode("utf-8", "replace").rstrip("\r") for line in lines[-LAST_LINES:])

    def _store(self, stream: Stream, shown: bytes) -> None:
        if not shown:
            return
        head = f"{now()} {stream} ".encode()
        whole, newline, rest = shown.rpartition(b"\n")
        entries = b""
        if newline:
            full = head + b"F "
            entries = full + whole.replace(b"\n", b"\n" + full) + b"\n"
        if rest:
            entries += head + b"P " + rest + b"\n"
        _write_all(self._file, entries)
        self._remember(stream, whole if newline else None, rest)

    def _remember(self, stream: Stream, whole: bytes | None, rest: bytes) -> None:
        begun = self._open_line[stream]
        if whole is not None:
            lines = whole.rsplit(b"\n", LAST_LINES)
            if len(lines) <= LAST_LINES:
                lines[0] = (begun + lines[0])[:SHOWN]
            self._tail.extend(line[:SHOWN] for line in lines[-LAST_LINES:])
            begun = b""
        self._open_line[stream] = (begun + rest[:SHOWN])[:SHOWN]


def read(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """Entries of a log: time, stream, and the text with its newline if it had one."""
    with path.open("rb") as file:
        yield from entries(file)


def entries(file: BinaryIO) -> Iterator[tuple[str, str, bytes]]:
    """Those from where the file stands; one that is still being written is left for the next time."""
    while line := file.readline():
        if not line.endswith(b"\n"):
            file.seek(-len(line), os.SEEK_CUR)
            return
        time, stream, tag, text = line.split(b" ", 3)
        yield time.decode(), stream.decode(), text if tag == b"F" else text[:-1]


def last_lines(path: Path) -> tuple[str, ...]:
    """The last lines of a log that is complete; none when there is no such log.

    Reads no more than its end.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - END))
            entries = file.read().split(b"\n")
    except OSError:
        return ()
    split = [entry.split(b" ", 3) for entry in entries]  # the first may be cut
    whole = [parts[3] for parts in split if len(parts) == 4]
    return tuple(line[:SHOWN].decode("utf-8", "replace").rstrip("\r") for line in whole[-LAST_LINES:])


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
