"""How a look-up ends."""

from __future__ import annotations

from typing import Any

from imgc.records import dataclass


class NotFound(Exception):
    """A look-up without a result. `of_user`: the file, and not the surroundings, has to change."""

    def __init__(self, message: str, of_user: bool = False) -> None:
        super().__init__(message)
        self.of_user = of_user


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of the lock, where it is from, and what the user should know of it. `text` is the list of packages
    that belongs to it."""

    value: Any
    source: str
    notes: tuple[str, ...] = ()
    text: str = ""
