"""Commits of code from git: of branches elsewhere, and of the repository that the pipeline is in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from imgc.lock.lock import LockedSource
from imgc.lock.lookups import Lookup
from imgc_engine.interrupt import Interrupt
from imgc_engine.lookups.found import Found, NotFound
from imgc_engine.plan import SecretSource
from imgc_engine.secrets import Secrets
from imgc_engine.sources.lookup import Lookups, Wanted


def asking(directory: Path, secrets: Mapping[str, Mapping[str, str | None]], interrupt: Interrupt) -> Lookups:
    """Who knows the sources of a pipeline. `secrets` are those of the file: name -> where the host keeps the value."""
    declared = {name: SecretSource(source.get("env"), source.get("file")) for name, source in secrets.items()}
    return Lookups(directory, Secrets(declared, directory), declared, interrupt)


def look_up(lookup: Lookup, lookups: Lookups) -> Found:
    """The commit that a source is now. NotFound."""
    answer = lookups.answer(Wanted(lookup.kind, lookup.url, lookup.branch, lookup.path, lookup.download))
    if answer.error is not None:
        raise NotFound(str(answer.error), of_user=answer.error.of_user) from None
    value = LockedSource(answer.commit)
    if lookup.kind == "repo":
        own = lookups.own()
        # A download was refused unless others can get what is here.
        branch = own.branch if lookup.download else ""
        value = LockedSource(answer.commit, lookup.download, lookup.download, own.url, branch)
    return Found(value, lookup.url or value.remote or "git", (f"{answer.notice}.",) if answer.notice else ())
