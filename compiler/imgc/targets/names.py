"""Names for tools that take fewer characters than a pipeline does."""

from __future__ import annotations

from collections.abc import Iterable

from imgc.patterns import lazy


class Names:
    """A name for each one asked for: the same as itself where it may be, and never one for two.

    `bad` is a pattern of one character that may not be. Who asks first gets the plain name, so ask in file order.
    """

    def __init__(self, bad: str, taken: Iterable[str] = (), longest: int = 0) -> None:
        self._bad = lazy(bad)
        self._taken = set(taken)
        self._longest = longest or None
        self._known: dict[str, str] = {}

    def of(self, name: str, wanted: str = "") -> str:
        """The name of what is called `name` here; `wanted` is what it would best be called there."""
        if name not in self._known:
            plain = self._bad.sub("_", wanted or name)[: self._longest]
            made, number = plain, 1
            while made in self._taken:
                number += 1
                tail = f"_{number}"
                made = plain[: self._longest - len(tail) if self._longest else None] + tail
            self._taken.add(made)
            self._known[name] = made
        return self._known[name]
