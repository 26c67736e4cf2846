"""A language server as a process, driven over stdio by hand: what is measured is the server and not a
client."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, Queue
from typing import Any


class ServerProcess:
    """Sends messages and notes when answers and notifications arrive (`time.perf_counter`)."""

    def __init__(self, command: Sequence[str], env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
        )
        self.number = 0
        self.inbox: Queue[tuple[float, dict[str, Any]]] = Queue()
        self.configuration: dict[str, Any] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while header := stream.readline():
            length = 0
            while header.strip():
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
                header = stream.readline()
            body = stream.read(length)
            arrived = time.perf_counter()
            message = json.loads(body)
            if "id" in message and "method" in message:
                self._answer(message)
            else:
                self.inbox.put((arrived, message))

    def _answer(self, message: dict[str, Any]) -> None:
        result: Any = None
        if message["method"] == "workspace/configuration":
            result = [self.configuration.get(item.get("section")) for item in message["params"]["items"]]
        self._write({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def _write(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self.process.stdin.flush()

    def notify(self, method: str, params: Any) -> None:
        self._write({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: Any, seconds: float = 60) -> tuple[float, Any]:
        """Milliseconds to the answer, and the answer."""
        self.number += 1
        number = self.number
        begin = time.perf_counter()
        self._write({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        arrived, message = self.wait(lambda each: each.get("id") == number, seconds)
        return (arrived - begin) * 1000, message.get("result")

    def wait(
        self, fits: Callable[[dict[str, Any]], bool], seconds: float = 60
    ) -> tuple[float, dict[str, Any]]:
        end = time.monotonic() + seconds
        while True:
            try:
                arrived, message = self.inbox.get(timeout=max(0.01, end - time.monotonic()))
            except Empty:
                raise TimeoutError("the server did not answer") from None
            if fits(message):
                return arrived, message

    def diagnostics(self, uri: str, fits: Callable[[list[Any]], bool], seconds: float = 60) -> float:
        """When diagnostics of a document arrive that fit."""

        def wanted(message: dict[str, Any]) -> bool:
            params = message.get("params", {})
            return (
                message.get("method") == "textDocument/publishDiagnostics"
                and params.get("uri") == uri
                and fits(params["diagnostics"])
            )

        return self.wait(wanted, seconds)[0]

    @property
    def memory(self) -> float:
        """Resident memory in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024

    @property
    def cpu(self) -> float:
        """CPU time so far, in ms."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 10

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
