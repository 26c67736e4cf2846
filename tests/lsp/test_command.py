"""`imgc lsp`: over TCP, and what it says without its packages or with wrong options."""

from __future__ import annotations

import asyncio
import json
import socket
import sys

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")
PROGRAM = """
import argparse, sys
from imgc.cli import lsp
from imgc.cli.console import Console, Failure
parser = argparse.ArgumentParser()
lsp.arguments(parser)
try:
    sys.exit(lsp.execute(parser.parse_args(), Console("never")))
except Failure as failure:
    print(failure, file=sys.stderr)
    sys.exit(failure.code)
"""


async def test_over_tcp() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, "--tcp", str(port))
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except OSError:
                    await asyncio.sleep(0.05)
            params = {"processId": None, "rootUri": None, "capabilities": {}}
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).encode()
            writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            header = await reader.readuntil(b"\r\n\r\n")
            length = int(header.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            answer = json.loads(await reader.readexactly(length))
            assert answer["result"]["serverInfo"]["name"] == "imgc"
            writer.close()
    finally:
        process.kill()
        await process.wait()


async def test_a_port_that_is_none() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "--tcp", "here", stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"--tcp takes PORT" in said
