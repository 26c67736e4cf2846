"""What completion and hover know from outside the document. Every method answers at once, from memory: a
source
that has to look something up begins to do so in a worker and says that its answer is not complete yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Found:
    """Names with a word on each; `complete` is False while more is on its way."""

    names: Sequence[tuple[str, str]] = ()
    complete: bool = True


class Packages(Protocol):
    def find(self, manager: str, prefix: str) -> Found:
        """Package names of a manager (apt, system, pip, npm, conda) that begin with a prefix."""


class Images(Protocol):
    def find(self, prefix: str) -> Found:
        """Image references that begin with a prefix."""

    def about(self, reference: str) -> str:
        """What the local engine says of an image, in words; "" where nothing is known (yet)."""


class NoSource:
    """Knows nothing."""

    def find(self, *_: str) -> Found:
        return Found()

    def about(self, *_: str) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class Sources:
    packages: Packages = field(default_factory=NoSource)
    images: Images = field(default_factory=NoSource)
