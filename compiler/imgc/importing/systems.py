"""The systems that are imported from, and how a file of each is known."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import PurePath

from imgc.importing.draft import Draft
from imgc.importing.source import Source

SYSTEMS = {
    "dockerfile": "a Dockerfile",
    "compose": "a Compose file",
    "pachyderm": "Pachyderm's pipeline specs",
    "conducto": "a Conducto pipeline",
    "zenml": "a ZenML pipeline",
    "flyte": "a Flyte workflow",
}
"""Name -> what is imported. Each is a module of this package with `draft(source) -> Draft`, which raises
SourceError for what its system would not read, and never runs or fetches anything."""

_NAMES = {
    "compose": re.compile(r"(?i)(docker-)?compose([._-].*)?\.ya?ml\Z"),
    "dockerfile": re.compile(r"(?i)(Dockerfile|Containerfile)([._-].*)?\Z|.*\.(dockerfile|containerfile)\Z"),
}


def _imports(module: str) -> re.Pattern[str]:
    """Python that imports a module."""
    return re.compile(rf"(?m)^[ \t]*(?:from[ \t]+|import[ \t]+(?:[\w., \t]+,[ \t]*)?){module}\b")


_CONTENT = {
    "conducto": _imports("conducto"),
    "zenml": _imports("zenml"),
    "flyte": _imports("flyte(?:kit)?"),
    "compose": re.compile(r"(?m)^services[ \t]*:"),
    "pachyderm": re.compile(r"(?:^|[{,\s])[\"']?transform[\"']?\s*:"),
    "dockerfile": re.compile(r"(?mi)^[ \t]*FROM[ \t]+(?!.*[ \t]import[ \t])\S"),
}


def detected(source: Source) -> str | None:
    """The system of a file, by its name, else by what is in it."""
    name = PurePath(source.file).name
    by_name = (system for system, pattern in _NAMES.items() if pattern.match(name))
    by_content = (system for system, pattern in _CONTENT.items() if pattern.search(source.text))
    return next(by_name, None) or next(by_content, None)


def draft(system: str, source: Source) -> Draft:
    """What the system's importer makes of the source."""
    made: Draft = import_module(f"imgc.importing.{system}").draft(source)
    return made
