"""Text that a terminal shows and does not obey."""

from __future__ import annotations

import re

_TABS = re.compile(r"\t")
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

LONGEST = 8_192  # characters of a line; the log has it whole


def one_line(text: str) -> str:
    """A line without colours and other orders to the terminal: they would mix with ours, or lie."""
    text = text[: 2 * LONGEST].rstrip("\r\n").rpartition("\r")[2]  # a progress bar's last state
    return _CONTROLS.sub("\ufffd", _ESCAPES.sub("", _TABS.sub("    ", text)))[:LONGEST]


def of_bytes(data: bytes) -> str:
    return one_line(data[: 4 * LONGEST].decode("utf-8", "replace"))


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
