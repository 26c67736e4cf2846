"""Image references for completion, best known first: the lock, the local engine, registries, well-known
bases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from imgc.model.reference import DEFAULT_REGISTRY
from imgc_lsp.images.shelf import Shelf
from imgc_lsp.lookups import Lookups
from imgc_lsp.snapshot import Settings
from imgc_lsp.sources import Found

_ENGINE_HOLDS = 30.0
_TAGS_HOLD = 600.0
_MOST = 100
WELL_KNOWN = (
    "python:3.12-slim", "python:3.13-slim", "python:3.12", "debian:bookworm-slim", "ubuntu:24.04",
    "alpine:3.20", "node:22-slim", "golang:1.24", "fedora:42", "mambaorg/micromamba:2", "busybox:1.37",
    "gcr.io/distroless/python3-debian12",
)  # fmt: skip


class References:
    """`settings` says what may be asked: the engine by default, registries only where it is switched on."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lookups = Lookups()
        self.shelf = Shelf()
        self.locked: tuple[str, ...] = ()

    def find(self, prefix: str) -> Found:
        names: dict[str, str] = dict.fromkeys(self.locked, "in the lock")
        complete = True
        if self.settings.engine_lookups:
            local, fresh = self.lookups.get("engine", _of_engine, _ENGINE_HOLDS)
            names.update((name, "on this machine") for name in local or () if name not in names)
            complete = complete and fresh
        if self.settings.registry_lookups != "off":
            remote, fresh = self._remote(prefix)
            names.update((name, "in the registry") for name in remote if name not in names)
            complete = complete and fresh
        names.update((name, "well known") for name in WELL_KNOWN if name not in names)
        typed = prefix.lower()
        fitting = [(name, word) for name, word in names.items() if typed in name.lower()]
        return Found(fitting[:_MOST], complete and len(fitting) <= _MOST)

    def about(self, reference: str) -> str:
        """Size, age and digest of an image that the local engine has, "" where it is not known (yet)."""
        if not self.settings.engine_lookups:
            return ""
        found, _ = self.lookups.get(("image", reference), lambda: _image(reference), _ENGINE_HOLDS)
        return described(found, datetime.now(UTC)) if found else ""

    def _remote(self, prefix: str) -> tuple[Iterable[str], bool]:
        """Tags once a repository is named (`host/name:`), repositories once a registry is (`host/`)."""
        name, colon, _ = prefix.rpartition(":")
        if colon and "/" not in prefix[len(name) :]:
            host, repository = split(name)
            tags, fresh = self._asked(f"{name}:", lambda: _tags(host, repository))
            return [f"{name}:{tag}" for tag in tags], fresh
        first, slash, _ = prefix.partition("/")
        if slash and _is_host(first):
            found, fresh = self._asked(f"{first}/", lambda: _repositories(first))
            return [f"{first}/{each}" for each in found], fresh
        return (), True

    def _asked(self, question: str, ask: Callable[[], list[str]]) -> tuple[list[str], bool]:
        """What a registry says, what it said when it was last asked while it has not answered, and whether
        that is all there is to come. With "cached" nobody is asked."""
        kept = self.shelf.get(question)
        if self.settings.registry_lookups == "cached":
            return kept, True

        def asked() -> list[str]:
            names = ask()
            self.shelf.put(question, names)
            return names

        found, fresh = self.lookups.get(question, asked, _TAGS_HOLD)
        return (kept if found is None else found), fresh


# HTTP takes 70 ms to import: in the threads that ask, and not at every start.


def _of_engine() -> list[str]:
    from imgc_engine.lookups import engine

    return engine.images()


def _image(reference: str) -> dict[str, Any] | None:
    from imgc_engine.lookups import engine

    return engine.image(reference)


def described(image: Mapping[str, Any], now: datetime) -> str:
    """An image as the engine describes it, in words; what is missing or odd is left out."""
    words = []
    size = image.get("Size")
    if isinstance(size, int) and size > 0:
        words.append(f"{size / 1e9:.1f} GB" if size >= 999_500_000 else f"{max(size / 1e6, 0.1):.3g} MB")
    if (days := _days(image.get("Created"), now)) is not None:
        words.append("made today" if days == 0 else f"made {days} day{'s' * (days != 1)} ago")
    digests = image.get("RepoDigests")
    if isinstance(digests, list) and digests and "@" in str(digests[0]):
        words.append(f"digest `{str(digests[0]).partition('@')[2][:19]}…`")
    return "on this machine: " + ", ".join(words) if words else "on this machine"


def _days(created: object, now: datetime) -> int | None:
    """Days since a time as Docker writes it; images with no time have one long before there was Docker."""
    try:
        day = datetime.strptime(str(created)[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return max((now - day).days, 0) if day.year > 2000 else None


def _tags(registry: str, repository: str) -> list[str]:
    from imgc_engine.lookups.names import tags

    return tags(registry, repository)


def _repositories(registry: str) -> list[str]:
    from imgc_engine.lookups.names import repositories

    return repositories(registry)


def split(name: str) -> tuple[str, str]:
    """Registry and repository of a name without its tag."""
    first, slash, rest = name.partition("/")
    if slash and _is_host(first):
        return first, rest
    return DEFAULT_REGISTRY, name if slash else f"library/{name}"


def _is_host(text: str) -> bool:
    return "." in text or ":" in text or text == "localhost"
