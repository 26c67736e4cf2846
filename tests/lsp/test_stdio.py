"""The server on every kind of standard input, and work that gives way to messages without harm."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lspkit import SERVER

from imgc.document.document import load
from imgc.document.nodes import plain
from imgc_lsp.session import OpenDocument, read_document
from imgc_lsp.snapshot import Settings
from imgc_lsp.stdio import Waiting, give_way

TEXT = "version: 1\nimages:\n" + "".join(
    f"  i{n}:\n    base: x:{n}\n    env: {{A: {n}}}\n" for n in range(40)
)


def message(data: dict[str, Any]) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **data}).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


SESSION = b"".join(
    [
        message({"id": 1, "method": "initialize", "params": {"processId": None, "rootUri": None, "capabilities": {}}}),
        message({"method": "initialized", "params": {}}),
        message({"id": 2, "method": "shutdown"}),
        message({"method": "exit"}),
    ]
)  # fmt: skip


def answers(output: bytes) -> list[int]:
    """The ids of the answers in an output."""
    found = []
    while output:
        head, _, rest = output.partition(b"\r\n\r\n")
        length = int(next(line for line in head.split(b"\r\n") if b"Length" in line).split(b":")[1])
        found.append(json.loads(rest[:length]).get("id"))
        output = rest[length:]
    return [number for number in found if number is not None]


def test_a_pipe(tmp_path: Path) -> None:
    done = subprocess.run(SERVER, input=SESSION, capture_output=True, timeout=60, check=False, cwd=tmp_path)
    assert (answers(done.stdout), done.returncode) == ([1, 2], 0)


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(SESSION)
    with (tmp_path / "in").open("rb") as stream:
        done = subprocess.run(SERVER, stdin=stream, capture_output=True, timeout=60, check=False)
    assert (answers(done.stdout), done.returncode) == ([1, 2], 0)


def test_one_socket_for_both_ways() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(SERVER, stdin=theirs, stdout=theirs)
        theirs.close()
        ours.sendall(SESSION)
        output = b""
        while piece := ours.recv(65536):
            output += piece
        assert process.wait(60) == 0
    assert answers(output) == [1, 2]


@pytest.mark.parametrize("end", [len(SESSION) // 2, 10, 0])
def test_a_client_that_ends_in_a_message(end: int) -> None:
    done = subprocess.run(SERVER, input=SESSION[:end], capture_output=True, timeout=60, check=False)
    assert b"Traceback" not in done.stderr


def test_a_waiting_message_is_seen() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        check = give_way(stream)
        check()
        os.write(writing, b"x")
        with pytest.raises(Waiting):
            check()
        os.close(writing)


@pytest.mark.parametrize("seed", range(20))
def test_reading_that_gave_way_is_begun_again_without_harm(seed: int, tmp_path: Path) -> None:
    """Whatever it had done: the document is then as one that was never read before."""
    chance = random.Random(seed)
    document = OpenDocument("file:///p", tmp_path / "pipeline.yaml", "imgc", 1, _buffer(TEXT))
    read_document(document, Settings(), "utf-16")
    lines = TEXT.split("\n")
    for _ in range(6):
        at = chance.randrange(2, len(lines))
        lines[at:at] = chance.choice([["# a comment", ""], ["    workdir: /x"], ["  new:", "    base: y:1"]])
        document.buffer.replace("\n".join(lines))
        before = document.document
        try:
            read_document(document, Settings(), "utf-16", _limited(chance.randrange(60)))
        except Waiting:
            assert document.document is before
    read_document(document, Settings(), "utf-16")
    snapshot = document.snapshot
    assert snapshot is not None
    fresh = load("pipeline.yaml", "\n".join(lines))
    assert plain(snapshot.root) == plain(fresh.root)
    assert [(one.code, one.span.start) for one in snapshot.document.diagnostics] == [
        (one.code, one.span.start) for one in fresh.diagnostics
    ]


def _limited(calls: int) -> Callable[[], None]:
    """A pause that gives way at a later call."""
    left = iter(range(calls))

    def pause() -> None:
        if next(left, None) is None:
            raise Waiting

    return pause


def _buffer(text: str) -> Any:
    from imgc_lsp.buffer import Buffer

    return Buffer(text, "utf-16")


def test_the_server_starts_from_the_command_line() -> None:
    command = [sys.executable, "-m", "imgc.cli.main", "lsp"]
    done = subprocess.run(command, input=SESSION, capture_output=True, timeout=60, check=False)
    assert (answers(done.stdout), done.returncode) == ([1, 2], 0)
