"""Laying out long shell text."""

from __future__ import annotations

WIDTH = 100


def laid_out(before: tuple[str, ...], text: str) -> str:
    """A clause, in lines of its own where it is long and a `$(…)` keeps the writer from breaking it."""
    whole = " ".join((*before, text))
    if len(whole) < WIDTH or "$(" not in whole or "'" in text:
        return whole
    command, *options = text.split(" --")
    plain = (part for part in before if "$(" not in part)
    lines = [*(part for part in before if "$(" in part), " ".join((*plain, command))]
    for option in options:
        if len(lines[-1]) + len(option) > WIDTH:
            lines.append("   ")
        lines[-1] += f" --{option}"
    return "\n".join(lines)
