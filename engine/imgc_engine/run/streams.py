"""The bytes of containers: Docker's frames of standard output and error on one connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import docker
import requests
import urllib3

from imgc_engine.run.logs import Stream

CHUNK = 1 << 16
HEADER = 8
_STREAMS: dict[int, Stream] = {1: "stdout", 2: "stderr"}


class Attached:
    """A connection to the streams of a command: read them, and feed its standard input."""

    def __init__(self, raw: Any) -> None:
        """`raw` is what the SDK gives for a socket."""
        self._raw = raw
        self._socket: Any = getattr(raw, "_sock", raw)
        self._socket.settimeout(None)  # the SDK's limit is for answers; a step may be silent for hours
        response = getattr(raw, "_response", None)
        buffered = None if response is None else response.raw._fp.fp
        # What came together with the answer's head is in the buffer, and not in the socket any more.
        self._read: Callable[[int], bytes] = getattr(buffered, "read1", self._socket.recv)

    def frames(self) -> Iterator[tuple[Stream, bytes]]:
        """Until the container's streams end, or the connection does: the two look alike."""
        return frames(self._receive)

    def raw(self) -> Iterator[bytes]:
        """The same of a container with a terminal, which has one stream and no frames."""
        while data := self._receive():
            yield data

    def pass_on(self, data: bytes) -> None:
        """A piece of standard input. OSError."""
        self._socket.sendall(data)

    def end_input(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def send(self, data: bytes) -> None:
        """Feed standard input, in a thread, since a command may read it late or never."""
        threading.Thread(target=self._send, args=(data,), daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._raw.close()

    def _receive(self) -> bytes:
        try:
            return self._read(CHUNK)
        except (OSError, ValueError):  # cut, or closed by us
            return b""

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendall(data)
            self._socket.shutdown(socket.SHUT_WR)


def attach(client: docker.APIClient, container: str, *, stdin: bool) -> Attached:
    """To a container that is not started yet. (Of one that has ended, it would wait for ever.)"""
    params = {"stdout": 1, "stderr": 1, "stream": 1, "stdin": int(stdin)}
    return Attached(client.attach_socket(container, params))


class Logged:
    """The engine's own log of a container, followed until the container ends; from `since` (a time.time())
    on.
    """

    def __init__(self, client: docker.APIClient, container: str, since: float | None = None) -> None:
        params = {"stdout": 1, "stderr": 1, "follow": 1} | (
            {} if since is None else {"since": f"{since:.9f}"}
        )
        # The SDK's own `logs` mixes the streams.
        url = client._url("/containers/{0}/logs", container)
        self._response = client.get(url, params=params, stream=True, timeout=(client.timeout, None))
        client._raise_for_status(self._response)

    def frames(self) -> Iterator[tuple[Stream, bytes]]:
        """As of `Attached`."""
        pieces = self._response.iter_content(CHUNK)

        def receive() -> bytes:
            try:
                return bytes(next(pieces, b""))
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
                return b""

        return frames(receive)

    def close(self) -> None:
        self._response.close()


def frames(receive: Callable[[], bytes]) -> Iterator[tuple[Stream, bytes]]:
    """Take the frames apart; a long one comes in pieces, so that memory is bounded."""
    buffer = b""
    left = 0
    stream: Stream = "stdout"
    while data := receive():
        buffer = buffer + data if buffer else data
        position = 0
        while True:
            if left:
                piece = buffer[position : position + left]
                if not piece:
                    break
                position += len(piece)
                left -= len(piece)
                yield stream, piece
            elif len(buffer) - position < HEADER:
                break
            else:
                stream = _STREAMS.get(buffer[position], "stdout")
                left = int.from_bytes(buffer[position + 4 : position + HEADER], "big")
                position += HEADER
        buffer = buffer[position:]
