"""One requirement on a Python package: a PEP 508 spec, a URL, or a local wheel, archive or project."""

from __future__ import annotations

import re

from imgc.diagnostics import Span
from imgc.patterns import lazy
from imgc.records import dataclass

ARCHIVES = (".whl", ".tar.gz", ".zip")

_NAME = r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
_EXTRAS = r"(?:\s*\[\s*(?P<extras>[A-Za-z0-9]+(?:\s*,\s*[A-Za-z0-9]+)*)\s*\])?"
_RELEASE = r"\s*[0-9]+(?:\.[0-9]+)*"
_CLAUSE = rf"(?:(?:[=!<>]=|>|<){_RELEASE}(?:(?:a|b|rc)[0-9]+)?|~=\s*[0-9]+(?:\.[0-9]+)+|[!=]={_RELEASE}\.\*)"
_SIMPLE = lazy(rf"{_NAME}{_EXTRAS}\s*(?P<specifier>{_CLAUSE}(?:\s*,\s*{_CLAUSE})*)?", re.ASCII)
"""What nearly every requirement looks like. All it matches is PEP 508 and is read without `packaging`,
whose import costs a third of a small file's compile."""

_LOCAL = lazy(r"(?:\.{1,2}|~)?/|\.{1,2}(?:\Z|\[)|file:")
_OPTION = lazy(r"(-r|--requirement|-c|--constraint|-e|--editable|-i|--[a-z][a-z-]*|-[a-zA-Z])(?=[\s=./]|\Z)")

KEY_OF_OPTION = {
    "-r": "requirements",
    "--requirement": "requirements",
    "-c": "requirements",
    "--constraint": "requirements",
    "-e": "local_project_install",
    "--editable": "local_project_install",
    "-i": "pip.index_url",
    "--index-url": "pip.index_url",
    "--default-index": "pip.index_url",
    "--extra-index-url": "pip.extra_index_urls",
    "--index": "pip.extra_index_urls",
    "--pre": "pip.pre",
}
"""Which key says what an option of the installers says; any other option goes to `pip.extra_args`."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A requirement and where it is asked for.

    text: as the installer is given it; of a local one the part behind its path (extras)
    span: its place in the pipeline file; `where`: the place within a requirements file ("base.txt:3")
    name: normalised, "" where unknown (a local project)
    """

    text: str
    span: Span
    name: str = ""
    extras: tuple[str, ...] = ()
    specifier: str = ""
    marker: str = ""
    url: str = ""
    local: str = ""
    where: str = ""
    removal: Span | None = None
    """What to delete to take the item out of its list."""


@dataclass(frozen=True, slots=True)
class BadSpec:
    reason: str


def normalised(name: str) -> str:
    """The one form of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse(text: str, span: Span, where: str = "") -> Spec | BadSpec:
    """A PEP 508 requirement."""
    text = text.strip()
    if found := _SIMPLE.fullmatch(text):
        extras = tuple(
            sorted(normalised(extra.strip()) for extra in (found["extras"] or "").split(",") if extra.strip())
        )
        return Spec(
            text, span, normalised(found["name"]), extras, _squeezed(found["specifier"] or ""), where=where
        )
    return _parse_any(text, span, where)


def _parse_any(text: str, span: Span, where: str) -> Spec | BadSpec:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        return BadSpec(_reason(str(error)))
    return Spec(
        text,
        span,
        normalised(found.name),
        tuple(sorted(map(normalised, found.extras))),
        ",".join(sorted(str(clause) for clause in found.specifier)),
        str(found.marker or ""),
        found.url or "",
        where=where,
    )


def _squeezed(specifier: str) -> str:
    return ",".join(sorted(re.sub(r"\s+", "", clause) for clause in specifier.split(",")))


def _reason(message: str) -> str:
    """packaging's message is the reason, and then the text with a mark, which the diagnostic has itself."""
    first = message.split("\n", 1)[0].strip().rstrip(".:")
    return first[:1].lower() + first[1:]


def option_of(text: str) -> str | None:
    """The option that an item begins with which is meant for the installer and is no requirement."""
    found = _OPTION.match(text.strip())
    return found[1] if found else None


def is_local(text: str) -> bool:
    """Whether an item is a path and no name: it begins with `.`, `/` or `~`, or is an archive's file name."""
    head = text.strip().split("[", 1)[0].split(";", 1)[0].strip()
    if _LOCAL.match(text.strip()):
        return True
    return head.endswith(ARCHIVES) and "@" not in head and "://" not in head


def split_local(text: str) -> tuple[str, str]:
    """A local item's path and the extras behind it: `./lib[dev]` is `./lib` and `[dev]`."""
    text = text.strip().removeprefix("file://").removeprefix("file:")
    if text.endswith("]") and "[" in text:
        path, _, extras = text.rpartition("[")
        return path.strip(), f"[{extras}"
    return text, ""
