"""Bringing a lock up to date: what is missing is looked up, several things at once; what fails leaves the rest alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from imgc.lock.lookups import Lookup
from imgc.records import dataclass
from imgc_engine.interrupt import Interrupt
from imgc_engine.lookups import code, environment, images, packages
from imgc_engine.lookups.found import Found, NotFound
from imgc_engine.lookups.tools import end_all
from imgc_engine.sources.lookup import Lookups
from imgc_engine.workers import Workers

AT_ONCE = 8
LONGEST = 900.0
"""Seconds after which a look-up, each of whose steps is bounded by itself, is given up whatever it does."""

Outcome = Found | NotFound
Secrets = Mapping[str, Mapping[str, str | None]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the pipeline is, and what holds there: by which reference an image is fetched, and the secrets of the
    file, name -> where the host keeps the value."""

    directory: Path
    mirrored: Callable[[str], str]
    secrets: Secrets


def look_up(
    lookups: Sequence[Lookup], place: Place, tell: Callable[[Lookup, Outcome], None], *, update: bool = False
) -> dict[Lookup, Outcome]:
    """Looks everything up; `tell` hears of each as it ends. `update`: versions of packages may change that need not."""
    interrupt = Interrupt()
    sources = code.asking(place.directory, place.secrets, interrupt)
    jobs: list[tuple[list[Lookup], Callable[[], list[Outcome]]]] = []
    by_command: dict[tuple[str, ...], list[Lookup]] = {}
    for lookup in lookups:
        if lookup.section == "images":
            jobs.append(([lookup], partial(_image, lookup, place)))
        elif lookup.section == "sources":
            jobs.append(([lookup], partial(_source, lookup, sources)))
        elif lookup.section == "packages":
            jobs.append(([lookup], partial(_packages, lookup, place, update)))
        elif lookup.section == "environments":
            by_command.setdefault(lookup.command, []).append(lookup)
    for command, several in by_command.items():  # asked once: all get the same answer
        jobs.append((several, partial(_environment, command, len(several), place)))
    results: SimpleQueue[tuple[int, list[Outcome] | BaseException]] = SimpleQueue()
    workers = Workers(min(AT_ONCE, len(jobs)), "imgc-lock")
    for number, (_, work) in enumerate(jobs):
        workers.submit(partial(_carry_out, number, work, results))
    workers.close()
    outcomes: dict[Lookup, Outcome] = {}
    try:
        for _ in jobs:
            number, result = results.get(timeout=LONGEST)
            if isinstance(result, BaseException):
                raise result
            for lookup, outcome in zip(jobs[number][0], result, strict=True):
                outcomes[lookup] = outcome
                tell(lookup, outcome)
    except Empty:
        pass
    finally:
        interrupt.request()  # whatever still runs
        end_all()
    for lookup in lookups:
        if lookup not in outcomes:
            outcomes[lookup] = NotFound(f"There was no answer within {LONGEST:.0f} seconds.")
            tell(lookup, outcomes[lookup])
    return outcomes


def _carry_out(number: int, work: Callable[[], list[Outcome]], results: SimpleQueue[Any]) -> None:
    try:
        results.put((number, work()))
    except BaseException as error:
        results.put((number, error))


def _image(lookup: Lookup, place: Place) -> list[Outcome]:
    try:
        found = images.look_up(
            lookup.name, lookup.platforms, mirrored=place.mirrored, project=str(place.directory)
        )
    except NotFound as error:
        return [error]
    return [found]


def _packages(lookup: Lookup, place: Place, update: bool) -> list[Outcome]:
    try:
        return [packages.look_up(lookup, place.directory, place.secrets, anew=update)]
    except NotFound as error:
        return [error]


def _source(lookup: Lookup, sources: Lookups) -> list[Outcome]:
    try:
        return [code.look_up(lookup, sources)]
    except NotFound as error:
        return [error]


def _environment(command: tuple[str, ...], count: int, place: Place) -> list[Outcome]:
    try:
        found: Outcome = environment.look_up(command, place.directory)
    except NotFound as error:
        found = error
    return [found] * count
