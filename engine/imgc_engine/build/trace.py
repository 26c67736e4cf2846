"""BuildKit's `moby.buildkit.v1.StatusResponse`, as far as imgc looks into it, out of protobuf's bytes.

Fields that later releases add are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from imgc.records import dataclass

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

VERTEX = {1: "digest", 3: "name", 4: "cached", 5: "started", 6: "completed", 7: "error"}
TEXTS = {"digest", "name", "error"}


@dataclass(frozen=True, slots=True)
class Status:
    """Vertexes with the names of `rawjson`; of times only whether they are there. Logs: digest, output."""

    vertexes: tuple[Mapping[str, Any], ...]
    logs: tuple[tuple[str, bytes], ...]


def decode(data: bytes) -> Status:
    """ValueError when the bytes are none."""
    vertexes, logs = [], []
    for number, value in fields(data):
        if number == 1 and isinstance(value, bytes):
            vertexes.append(_vertex(value))
        elif number == 3 and isinstance(value, bytes):
            logs.append(_log(value))
    return Status(tuple(vertexes), tuple(logs))


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: number, and its bytes or integer. ValueError."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == BYTES:
            size, at = _varint(data, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise ValueError(f"protobuf has no wire type {kind} that is in use")
        if at + size > len(data):
            raise ValueError("a protobuf field is cut off")
        yield number, data[at : at + size]
        at += size


def _vertex(data: bytes) -> dict[str, Any]:
    vertex: dict[str, Any] = {"digest": ""}
    for number, value in fields(data):
        if name := VERTEX.get(number):
            vertex[name] = _text(value) if name in TEXTS else True
    return vertex


def _log(data: bytes) -> tuple[str, bytes]:
    found = dict(fields(data))
    output = found.get(4, b"")
    return _text(found.get(1, b"")), output if isinstance(output, bytes) else b""


def _text(value: int | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("a protobuf number is cut off")
