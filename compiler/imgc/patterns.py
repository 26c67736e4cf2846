"""Regular expressions that are compiled when they are first used.

Compiling one takes a fifth of a millisecond, all of imgc's more than a small compile itself takes; a compile uses
one in ten. docs/decisions/0010-cold-start.md has the figures.
"""

from __future__ import annotations

import re
from typing import Any, cast


class _Pattern:
    """Takes each attribute from the compiled pattern, once: afterwards a call costs what it costs there."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._source = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._source), name)
        setattr(self, name, value)
        return value


def lazy(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Like `re.compile`, on first use."""
    return cast("re.Pattern[str]", _Pattern(pattern, flags))
