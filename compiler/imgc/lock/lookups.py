"""What a pipeline file needs that only `imgc lock` can find out, and how that stands to the lock."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from imgc.diagnostics import Span
from imgc.lock.lock import Lock
from imgc.records import dataclass

SECTION_NAMES = {
    "images": "the digest of",
    "environments": "the local environment of",
    "sources": "the commit of",
    "packages": "the packages of",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The requirements of an image. `digest` is of all that their list follows from.

    specs: as PEP 508 has them; locals: paths of wheels and projects, relative to the pipeline's directory, with extras
    behind; files: requirements files, likewise. `python` is the oldest version that the list is for; `parent` the
    image whose list holds here too. The rest is of `pip`: `index_password` is the name of a secret, `secrets` are
    names of secrets with the variables that hold them.
    """

    digest: str
    specs: tuple[str, ...]
    locals: tuple[str, ...]
    files: tuple[str, ...]
    python: str
    parent: str
    index_url: str = ""
    index_username: str = ""
    index_password: str = ""
    extra_index_urls: tuple[str, ...] = ()
    pre: bool = False
    extra_args: tuple[str, ...] = ()
    secrets: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Lookup:
    """One thing to look up: an entry of the lock by section and name, and the place of what asks for it.

    images: the name is a reference, and `platforms` those that the image is built for
    environments: the name is the image's, `command` the value of `replicate_local_environment`
    packages: the name is the image's, `asked` what it asks for
    sources: `kind`, `url`, `branch` and `path` are the source's; `download`: containers fetch it when they start
    images asking for it are named in `images`
    """

    section: str
    name: str
    span: Span
    command: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    kind: str = ""
    url: str = ""
    branch: str = ""
    path: str = ""
    download: bool = False
    images: tuple[str, ...] = ()
    asked: Asked | None = None

    @property
    def what(self) -> str:
        """For people."""
        if self.section == "sources" and self.kind == "repo":
            return "the commit of this file's repository"
        return f"{SECTION_NAMES[self.section]} '{self.name}'"


def command_name(command: tuple[str, ...]) -> str:
    """A command as the lock has it: that it was another is how an entry gets stale."""
    if len(command) == 1:
        return command[0]
    import shlex

    return shlex.join(command)


def staleness(lookup: Lookup, lock: Lock) -> str | None:
    """How the lock's entry for a look-up is out of date: "" for a fresh one, None when there is none."""
    if lookup.name not in lock.section(lookup.section):
        return None
    if lookup.section == "environments":
        known = lock.environments[lookup.name].command
        if known != command_name(lookup.command):
            return f"it is what '{known}' listed"
    if lookup.asked is not None and lock.packages[lookup.name].requirements != lookup.asked.digest:
        return "something else was asked for when it was made"
    return ""


def wanted(lookups: Iterable[Lookup], lock: Lock, update: Collection[str] | None) -> list[Lookup]:
    """What has to be looked up: what the lock lacks or has of something else, what it has without a digest, and what
    is to be updated (by the name of an entry or of an image; no names: all)."""
    names = set(update or ())
    return [
        lookup
        for lookup in lookups
        if (update is not None and (not names or lookup.name in names or names.intersection(lookup.images)))
        or staleness(lookup, lock) != ""
        or is_tentative(lookup, lock)
    ]


def is_tentative(lookup: Lookup, lock: Lock) -> bool:
    """Whether an entry is of an image whose registry did not answer, or does not have it (yet)."""
    known = lock.images.get(lookup.name) if lookup.section == "images" else None
    return known is not None and not known.digest


def unused(lookups: Iterable[Lookup], lock: Lock) -> list[tuple[str, str]]:
    """Sections and names of entries that nothing asks for."""
    asked = {(lookup.section, lookup.name) for lookup in lookups}
    return [place for place in lock.places if place not in asked]
