"""Keeps secret values out of everything that is printed or stored.

A value is hidden as it is, each of its lines alone (logs are cut into lines), and as base64,
percent-encoding and JSON text, which is how programs tend to show what they were given.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote

MASK = "***"
SHORTEST_LINE = 4  # of a value with several lines: a lone brace is no secret


class Mask:
    """Replaces the given values. One that knows no values leaves all as it is."""

    def __init__(self, values: Iterable[bytes] = ()) -> None:
        self._forms = sorted({form for value in values for form in _forms(value)}, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms))) if self._forms else None

    @property
    def longest(self) -> int:
        """Bytes of the longest form."""
        return len(self._forms[0]) if self._forms else 0

    def data(self, data: bytes) -> bytes:
        return data if self._pattern is None else self._pattern.sub(MASK.encode(), data)

    def text(self, text: str) -> str:
        if self._pattern is None:
            return text
        return self.data(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def safe_end(self, data: bytes) -> int:
        """How much of `data` can be masked and shown already: the rest may begin a value."""
        window = max(0, len(data) - self.longest + 1)
        cut = min((_open_start(form, data, window) for form in self._forms), default=len(data))
        if self._pattern is not None:
            for match in self._pattern.finditer(data):
                if match.start() < cut < match.end():  # a whole value whose end may begin another
                    return match.start()
        return cut


class MaskedStream:
    """The mask over a stream that comes in pieces, whether they cut a value or not."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What can be shown of all data so far; at most twice the longest value is held back."""
        if not self._mask.longest:
            return data
        data = self._held + data
        cut = self._mask.safe_end(data)
        self._held = data[cut:]
        return self._mask.data(data[:cut])

    def close(self) -> bytes:
        """The rest, when nothing comes any more."""
        rest, self._held = self._mask.data(self._held), b""
        return rest


def _open_start(form: bytes, data: bytes, window: int) -> int:
    """Where (from `window` on) the form begins and is cut by the end of `data`; len(data) if nowhere."""
    start = data.find(form[:1], window)
    while start != -1:
        if len(data) - start < len(form) and form.startswith(data[start:]):
            return start
        start = data.find(form[:1], start + 1)
    return len(data)


def _forms(value: bytes) -> set[bytes]:
    stripped = value.strip()
    if not stripped:
        return set()
    plain = {value.rstrip(b"\r\n"), stripped}
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        plain |= {line for line in lines if len(line) >= SHORTEST_LINE}
    encoded = {base64.b64encode(form) for form in (value, stripped)}
    encoded |= {form.replace(b"+", b"-").replace(b"/", b"_") for form in encoded}
    encoded |= {form.rstrip(b"=") for form in encoded}
    text = stripped.decode("utf-8", "replace")
    encoded |= {quote(text, safe="").encode(), quote(text).encode(), json.dumps(text)[1:-1].encode()}
    return {form for form in plain | encoded if form}
