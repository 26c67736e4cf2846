"""Look up what compiling needs and cannot know: digests and facts of base images, commits, local environments.

The answers go to imgc.lock, beside the pipeline file. What is in it already stays as it is, unless --update asks for
it anew; what nothing needs any more is taken out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from imgc.analysis.analysis import Analysis
from imgc.analysis.files import siblings
from imgc.cli.common import analyse_file, compile_arguments, file_argument, find
from imgc.cli.console import EXIT_ENVIRONMENT, EXIT_FINE, EXIT_PROBLEMS, Console, Failure
from imgc.cli.engine import ignore_state
from imgc.cli.loading import engine
from imgc.diagnostics import Diagnostic, Severity
from imgc.diagnostics.near import near
from imgc.lock.lock import FILE, Lock
from imgc.lock.lookups import Lookup, staleness, unused, wanted
from imgc.lock.save import save

EXAMPLES = """examples:
  imgc lock                       add what is missing, take out what is not needed any more
  imgc lock --update              look everything up anew
  imgc lock --update train python:3.12-slim
                                  what the image train needs, and one base
  imgc lock --packages            from now on all Python packages too, with their hashes
  imgc lock --check               write nothing; exit 1 when something is missing or out of date (for CI)
  imgc build --locked             build, and fail where something is not in the lock

exit codes: 0 fine, 1 problems in the file, or --check found some, 3 a registry, git server or engine does not answer:
what was found is written nevertheless
"""
OF_THE_LOCK = frozenset({"not-locked", "stale-lock", "unused-lock"})
"""Findings that this command is the remedy of."""


def arguments(command: argparse.ArgumentParser) -> None:
    file_argument(command)
    command.add_argument(
        "--update", nargs="*", metavar="NAME",
        help="look up anew what these images or entries need; without names: everything",
    )  # fmt: skip
    lists = command.add_mutually_exclusive_group()
    lists.add_argument(
        "--packages", action="store_const", const=True,
        help="from now on lock all Python packages of the images too, with their hashes",
    )  # fmt: skip
    lists.add_argument(
        "--no-packages", dest="packages", action="store_const", const=False, help="not any more"
    )
    command.add_argument(
        "--check", action="store_true", help="write nothing; say what is missing or out of date"
    )
    compile_arguments(command)


def execute(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.check and arguments.update is not None:
        raise Failure("--check writes nothing: it cannot go with --update")
    arguments.locked = False
    file = find(arguments.file)
    if file == "-":
        raise Failure("a lock lies beside a pipeline file: name one")
    analysis = analyse_file(file, arguments)
    if found := _problems(analysis, anew=arguments.update == []):
        _show(found, analysis, console)
        return EXIT_PROBLEMS
    if arguments.check:
        return _check(analysis, arguments, console)
    _check_names(arguments.update or (), analysis)
    return _Locking(arguments, console, file).lock(analysis)


def _problems(analysis: Analysis, anew: bool) -> list[Diagnostic]:
    """What has to be put right before. A lock that is written anew may be as broken as it likes."""
    return [
        diagnostic
        for diagnostic in analysis.diagnostics
        if diagnostic.severity is Severity.ERROR
        and diagnostic.code not in OF_THE_LOCK
        and not (anew and (diagnostic.span.file == FILE or diagnostic.code == "bad-lock"))
    ]


def _show(found: Iterable[Diagnostic], analysis: Analysis, console: Console) -> None:
    from imgc.diagnostics.render import pretty, summary

    found = list(found)
    sources = {analysis.document.file: analysis.document.lines}
    console.say(pretty(found, sources, console.color_of(sys.stderr)) + summary(found), always=True)


def _check_names(names: Iterable[str], analysis: Analysis) -> None:
    known = {lookup.name for lookup in analysis.lookups} | {
        image for lookup in analysis.lookups for image in lookup.images
    }
    for name in names:
        if name not in known:
            close = near(name, known)
            hint = (
                f"did you mean '{close[0]}'?" if close else f"there are {', '.join(sorted(known)) or 'none'}"
            )
            raise Failure(f"'{name}' is neither an image nor an entry of the lock: {hint}")


def _unneeded(analysis: Analysis, arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """What nothing needs any more: neither this file with its own parameters, nor others that share the lock."""
    if arguments.param or arguments.image:
        return []
    found = unused(analysis.lookups, analysis.lock)
    for name in siblings(analysis.project.directory, analysis.document.file) if found else ():
        other = analyse_file(str(analysis.project.directory / name), arguments)
        if any(
            each.severity is Severity.ERROR and each.code not in OF_THE_LOCK for each in other.diagnostics
        ):
            return []  # what it needs is not known
        needed = {(lookup.section, lookup.name) for lookup in other.lookups}
        found = [place for place in found if place not in needed]
    return found


def _check(analysis: Analysis, arguments: argparse.Namespace, console: Console) -> int:
    """Lists what is missing, out of date, and not needed any more."""
    lines = []
    for lookup in analysis.lookups:
        stale = staleness(lookup, analysis.lock)
        if stale is None:
            lines.append(f"+ {lookup.section} {lookup.name}")
        elif stale:
            lines.append(f"~ {lookup.section} {lookup.name} ({stale})")
    lines += (f"- {section} {name}" for section, name in _unneeded(analysis, arguments))
    sys.stdout.write("".join(f"{line}\n" for line in sorted(lines, key=lambda line: line[2:])))
    console.say(f"{FILE} is {'out of date: run imgc lock' if lines else 'up to date'}")
    return EXIT_PROBLEMS if lines else EXIT_FINE


class _Locking:
    """One run of the command: what can be asked at once first, then the package lists, which follow from it."""

    def __init__(self, arguments: argparse.Namespace, console: Console, file: str) -> None:
        self.arguments = arguments
        self.console = console
        self.file = file
        self.failed: dict[tuple[str, str], tuple[Lookup, Any]] = {}
        self.done: set[tuple[str, str]] = set()
        self.changed = False
        self.kept: list[tuple[str, str]] = []
        """Entries that this file does not need, and others do."""

    def lock(self, analysis: Analysis) -> int:
        unneeded = _unneeded(analysis, self.arguments)
        for _, name in unneeded:
            self.console.say(f"- {name}")
        self.kept = [place for place in unused(analysis.lookups, analysis.lock) if place not in unneeded]
        self.look_up(analysis, [lookup for lookup in analysis.lookups if lookup.section != "packages"])
        while analysis.lock.with_packages:
            # What is asked for may follow from what was found.
            analysis = analyse_file(self.file, self.arguments)
            lists = [lookup for lookup in analysis.lookups if lookup.section == "packages"]
            pending = {lookup.name for lookup in self.pending(analysis, lists)}
            ready = [lookup for lookup in lists if lookup.asked and lookup.asked.parent not in pending]
            if not self.look_up(analysis, ready):
                break
        if self.failed:
            _show(map(_failure, self.failed.values()), analysis, self.console)
        state = "written" if self.changed else "stays as it is" if self.failed else "is up to date"
        self.console.say(f"{FILE} {state}")
        if all(error.of_user for _, error in self.failed.values()):
            return EXIT_PROBLEMS if self.failed else EXIT_FINE
        return EXIT_ENVIRONMENT

    def pending(self, analysis: Analysis, lookups: Iterable[Lookup]) -> list[Lookup]:
        """What is still to be looked up, each thing once."""
        found = wanted(lookups, analysis.lock, self.arguments.update)
        return [lookup for lookup in found if (lookup.section, lookup.name) not in {*self.done, *self.failed}]

    def look_up(self, analysis: Analysis, lookups: Iterable[Lookup]) -> bool:
        """Looks up what is wanted of these, and saves the lock. Whether there was anything."""
        pending = self.pending(analysis, lookups)
        config, directory = analysis.config, analysis.project.directory
        secrets = {
            name: {"env": secret.env or None, "file": secret.file or None}
            for name, secret in analysis.pipeline.secrets.items()
        }
        found: dict[Lookup, Any] = {}

        def tell(lookup: Lookup, outcome: Any) -> None:
            if not isinstance(outcome, Exception):
                found[lookup] = outcome
            elif self.arguments.update is None and staleness(lookup, analysis.lock) == "":
                return  # what is known of it stays
            self.tell(lookup, outcome, analysis.lock.section(lookup.section).get(lookup.name))

        try:
            if pending:
                module = engine("lookups.lock")
                mirrored = (lambda reference: config.mirrored(reference)[0]) if config else str
                place = module.Place(directory, mirrored, secrets)
                module.look_up(pending, place, tell, update=self.arguments.update is not None)
        finally:  # interrupted or not: what was found is kept
            new = self.merged(analysis, found)
            lists = {lookup.name: outcome.text for lookup, outcome in found.items() if outcome.text}
            self.changed = save(new, lists, directory) or self.changed
        self.fetch(analysis, new, secrets)
        return bool(pending)

    def merged(self, analysis: Analysis, found: Mapping[Lookup, Any]) -> Lock:
        """The lock with what was found, and without what nothing needs any more."""
        old, new = analysis.lock, Lock()
        asked = [(lookup.section, lookup.name) for lookup in analysis.lookups]
        for section, name in (*self.kept, *asked):
            if name in old.section(section):
                new.section(section)[name] = old.section(section)[name]
        for lookup, outcome in found.items():
            new.section(lookup.section)[lookup.name] = outcome.value
        return new

    def fetch(self, analysis: Analysis, lock: Lock, secrets: Any) -> None:
        """Brings the code of the lock to this machine, where `imgc compile --context` looks for it."""
        locked = [
            lookup
            for lookup in analysis.lookups
            if lookup.section == "sources" and not lookup.download and lookup.name in lock.sources
        ]
        if locked:
            directory, sources = analysis.project.directory, engine("sources.lookup")
            wanted = {
                sources.Wanted(lookup.kind, lookup.url, lookup.branch, lookup.path): lookup
                for lookup in locked
            }
            ignore_state(directory)
            commits = {source: lock.sources[lookup.name].commit for source, lookup in wanted.items()}
            for source, error in sources.bring(commits, directory, secrets).items():
                lookup = wanted[source]
                self.failed[lookup.section, lookup.name] = lookup, error

    def tell(self, lookup: Lookup, outcome: Any, old: object) -> None:
        if isinstance(outcome, Exception):
            self.failed[lookup.section, lookup.name] = lookup, outcome
            return
        self.done.add((lookup.section, lookup.name))
        sign = "+" if old is None else "=" if old == outcome.value else "~"
        if sign == "=" and self.arguments.update is None:
            return
        self.console.say(f"{sign} {lookup.name}  {described(outcome.value)}  ({outcome.source})")
        for note in outcome.notes:
            self.console.say(f"  {lookup.name}: {note}", always=True)


def _failure(failed: tuple[Lookup, Any]) -> Diagnostic:
    lookup, error = failed
    return Diagnostic(
        "lookup-failed", Severity.ERROR, f"{lookup.what} cannot be found out: {error}", lookup.span
    )


def described(entry: Any) -> str:
    """An entry in a few words."""
    words = []
    if digest := getattr(entry, "digest", "") or getattr(entry, "commit", ""):
        words.append(f"{digest[:19]}…" if digest.startswith("sha256:") else digest[:12])
    if distro := getattr(entry, "distro", None):
        words.append(distro)
    words += [f"Python {entry.python}"] if getattr(entry, "python", None) else []
    words += (
        [f"{len(packages)} packages"] if (packages := getattr(entry, "packages", None)) is not None else []
    )
    return ", ".join(words) or "no digest"
