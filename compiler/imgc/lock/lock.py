"""`imgc.lock`: what it holds, and reading it. Whatever its text is, what can be used of it is used, and the rest said.

version: 1
images:                        # by reference, as the pipeline file writes it
  python:3.12-slim:
    digest: sha256:…           # of the index, where there is one: it holds for every platform
    distro: debian
environments:                  # replicate_local_environment, by image
  train:
    command: pip_freeze
    packages:
      - numpy==1.26.4
sources:                       # code from git, by URL and branch; `copy_repo` and `repo` are the pipeline's own repository
  https://git.example/x@main:
    commit: 8f3c…
packages:                      # the packages of an image with their hashes, in imgc.lock.d/IMAGE.txt
  train:
    requirements: sha256:…     # of what was asked for
    python: "3.12"
    file: sha256:…
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from imgc.diagnostics import Diagnostic, Severity, Span
from imgc.document.document import load
from imgc.document.nodes import Entry, Mapping, Node, Scalar, Sequence
from imgc.patterns import lazy
from imgc.records import dataclass, field, names_of, replace

FILE = "imgc.lock"
FOLDER = "imgc.lock.d"
"""Beside it: the package lists."""

SECTIONS = ("images", "environments", "sources", "packages")
OWN_BRANCH, OWN_REPOSITORY = "copy_repo", "repo"
"""The names of the pipeline's own repository among the sources: its default branch (or that of a merge request),
and what is checked out, for containers that fetch it when they start."""

_DIGEST = lazy(r"sha256:[0-9a-f]{64}")
_COMMIT = lazy(r"[0-9a-f]{40}|[0-9a-f]{64}")
USER = lazy(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?")
_IDS = lazy(r"[0-9]+:[0-9]+")
_WORD = lazy(r"[a-z0-9][a-z0-9._-]*")
_PYTHON = lazy(r"([0-9]+(\.[0-9]+)*)?")
_MANAGERS = frozenset({"", "apt", "apk", "dnf", "microdnf", "yum", "zypper"})
_CONDAS = frozenset({"conda", "micromamba"})


@dataclass(frozen=True, slots=True)
class LockedImage:
    """Facts about a base in a registry; None and "" where the lock says nothing.

    `users` are the names in its /etc/passwd, each with its "uid:gid".
    """

    digest: str = ""
    distro: str | None = None
    manager: str | None = None
    user: str | None = None
    python: str | None = None
    python_managed: bool | None = None
    shell: bool | None = None
    conda: str | None = None
    npm: bool | None = None
    entrypoint: tuple[str, ...] | None = None
    users: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class LockedEnvironment:
    """The packages of a local environment. `python` is its version; `left_out` are packages that only this
    machine has."""

    command: str
    python: str = ""
    packages: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LockedSource:
    """Code from git. `remote` and `branch` are said of the pipeline's own repository; `clean`: without uncommitted
    changes; `pushed`: the remote has the commit."""

    commit: str
    clean: bool = False
    pushed: bool = False
    remote: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class LockedPackages:
    """`requirements` is the digest of what was asked for, `file` that of the list in FOLDER."""

    requirements: str
    file: str
    python: str = ""


@dataclass(frozen=True, slots=True)
class Lock:
    """`present`: there is such a file. `places` has the place of each entry in it, by section and name."""

    images: dict[str, LockedImage] = field(default_factory=dict)
    environments: dict[str, LockedEnvironment] = field(default_factory=dict)
    sources: dict[str, LockedSource] = field(default_factory=dict)
    packages: dict[str, LockedPackages] = field(default_factory=dict)
    present: bool = False
    with_packages: bool = False
    """Whether package lists are kept: there are some, or they are asked for."""
    places: dict[tuple[str, str], Span] = field(default_factory=dict)

    def section(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = getattr(self, name)
        return found


def source_name(kind: str, url: str, branch: str, download: bool) -> str:
    """The name of code from elsewhere among the sources. `download`: containers fetch it when they start."""
    if kind == "repo":
        return OWN_REPOSITORY if download else OWN_BRANCH
    return f"{url}@{branch}"


def read(text: str) -> tuple[Lock, list[Diagnostic]]:
    """A lock from its text, and what is wrong with it."""
    if not text.strip():
        return Lock(present=True), []
    document = load(FILE, text)
    reader = _Reader([_explained(diagnostic) for diagnostic in document.diagnostics])
    lock = reader.lock(document.root)
    return replace(lock, with_packages=bool(lock.packages)), reader.found


def _explained(diagnostic: Diagnostic) -> Diagnostic:
    if diagnostic.code != "merge-conflict":
        return diagnostic
    label = (
        "keep either side (git checkout --ours imgc.lock), then run 'imgc lock', which adds what is missing"
    )
    return replace(diagnostic, label=label)


class _Reader:
    def __init__(self, found: list[Diagnostic]) -> None:
        self.found = found

    def lock(self, root: Mapping) -> Lock:
        lock = Lock(present=True)
        version = root.entry("version")
        if version is not None and not (isinstance(version.value, Scalar) and version.value.value == 1):
            self.error("this lock is of another version of imgc: it is not used", version.key.span)
            return lock
        for section in root.entries:
            if section.name not in ("version", *SECTIONS):
                self.error(f"a lock has no '{section.name}'", section.key.span)
            elif section.name != "version" and not _is_empty(section.value):
                for entry in self.entries(section):
                    self.entry(lock, section.name, entry)
        return lock

    def entry(self, lock: Lock, section: str, entry: Entry) -> None:
        facts = self.facts(entry, _TYPES[section])
        if facts is not None:
            lock.section(section)[entry.name] = facts
            lock.places[section, entry.name] = entry.key.span

    def facts(self, entry: Entry, of: type) -> Any:
        """An entry; None after saying what is wrong with it."""
        values: dict[str, Any] = {}
        if not isinstance(entry.value, Mapping):
            self.error(f"'{entry.name}' is no mapping", entry.key.span)
            return None
        for fact in entry.value.entries:
            read = _VALUES.get(fact.name) if fact.name in names_of(of) else None
            value = read(fact.value) if read else None
            if value is None:
                self.error(f"'{fact.name}' of '{entry.name}' cannot be used", fact.key.span)
                return None
            values[fact.name] = value
        missing = [name for name in _REQUIRED.get(of, ()) if name not in values]
        if missing:
            self.error(f"'{entry.name}' has no '{missing[0]}'", entry.key.span)
            return None
        return of(**values)

    def entries(self, entry: Entry) -> tuple[Entry, ...]:
        if isinstance(entry.value, Mapping):
            return entry.value.entries
        self.error(f"'{entry.name}' is no mapping", entry.key.span)
        return ()

    def error(self, message: str, span: Span) -> None:
        label = "the lock is written by 'imgc lock': take this entry out, and run it"
        self.found.append(Diagnostic("bad-lock", Severity.ERROR, message, span, label))


def _is_empty(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


# Values: each gives None for what it cannot use


def _text(node: Node) -> str | None:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None


def _flag(node: Node) -> bool | None:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, bool) else None


def _matching(pattern: re.Pattern[str]) -> Callable[[Node], str | None]:
    def read(node: Node) -> str | None:
        value = _text(node)
        return value if value is not None and pattern.fullmatch(value) else None

    return read


def _among(words: frozenset[str]) -> Callable[[Node], str | None]:
    return lambda node: value if (value := _text(node)) in words else None


def _texts(node: Node) -> tuple[str, ...] | None:
    values = [_text(item) for item in node.items] if isinstance(node, Sequence) else [None]
    return None if None in values else tuple(value for value in values if value is not None)


def _users(node: Node) -> tuple[tuple[str, str], ...] | None:
    rows = [(entry.name, _text(entry.value)) for entry in node.entries] if isinstance(node, Mapping) else []
    found = tuple((name, ids) for name, ids in rows if ids is not None and _IDS.fullmatch(ids))
    return found if found and len(found) == len(rows) else None


_VALUES: dict[str, Callable[[Node], Any]] = {
    **dict.fromkeys(("digest", "requirements", "file"), _matching(_DIGEST)), "commit": _matching(_COMMIT),
    "distro": _matching(_WORD), "manager": _among(_MANAGERS), "conda": _among(_CONDAS),
    "user": _matching(USER), "python": _matching(_PYTHON),
    **dict.fromkeys(("command", "remote", "branch"), _text),
    **dict.fromkeys(("python_managed", "shell", "npm", "clean", "pushed"), _flag),
    **dict.fromkeys(("entrypoint", "packages", "left_out"), _texts),
    "users": _users,
}  # fmt: skip
_TYPES: dict[str, type] = {
    "images": LockedImage, "environments": LockedEnvironment, "sources": LockedSource, "packages": LockedPackages,
}  # fmt: skip
_REQUIRED: dict[type, tuple[str, ...]] = {
    LockedEnvironment: ("command",), LockedSource: ("commit",), LockedPackages: ("requirements", "file"),
}  # fmt: skip
