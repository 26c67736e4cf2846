"""imgc's image beside those of Flyte, ZenML and Conducto, for one project on one engine: README.md says how.

    python bench/images/compare.py [--rounds 3] [--engine 28]

The systems take turns in each scenario, so that what else the machine does hits all of them; medians are printed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from place import Place, place
from project import BASE, MORE
from systems import SYSTEMS, Imgc, Plain, System

SCENARIOS = ("cold", "one more requirement", "one line of code")
OWN = "its own program, not counted above"
"""What a system's program takes to generate its Dockerfile. `imgc build` is one, and has it in its times."""
Times = dict[str, dict[str, list[float]]]


def measure(systems: Sequence[System], where: Place, rounds: int) -> Times:
    """Seconds, by scenario and system."""
    times: Times = {row: {system.name: [] for system in systems} for row in (*SCENARIOS, OWN)}

    def each_in_turn(scenario: str, prepare: Callable[[System], None], *, cold: bool = False) -> None:
        for system in systems:
            begin = time.monotonic()
            prepare(system)
            if scenario == SCENARIOS[1]:
                times[OWN][system.name].append(time.monotonic() - begin)
            seconds = system.build(cold=cold)
            times[scenario][system.name].append(seconds)
            print(f"{scenario:22} {system.name:32} {seconds:6.2f} s", file=sys.stderr)

    for _ in range(rounds):
        each_in_turn("cold", lambda _system: where.forget(), cold=True)
    for system in systems:
        system.build()  # what was forgotten meanwhile
    fresh = iter(MORE)
    for number in range(rounds):
        # The two ways of imgc share their steps in the engine's cache: each takes a package of its own.
        of_plain, of_others = next(fresh), next(fresh)
        each_in_turn(
            "one more requirement",
            lambda system, a=of_plain, b=of_others: system.require(a if isinstance(system, Plain) else b),
        )
        each_in_turn(
            "one line of code",
            lambda system, number=number: system.write(f"{system.name} {number}"),
        )
    return times


def table(times: Times, sizes: dict[str, float], base: float) -> Iterator[str]:
    """Markdown: medians, and how many times imgc's they are. Sizes are in MB."""
    names = list(sizes)
    yield f"| ms (times `{Imgc.name}`) | {' | '.join(names)} |"
    yield f"| --- |{' --- |' * len(names)}"
    rows = {
        scenario: [statistics.median(found[name]) * 1000 for name in names]
        for scenario, found in times.items()
    }
    own = rows.pop(OWN)
    for scenario, row in rows.items():
        yield _line(scenario, row)
    yield f"| {OWN} | - | {' | '.join(f'{value:,.0f}' for value in own[1:])} |"
    yield _line("size, MB", list(sizes.values()))
    yield _line("added to the base, MB", [size - base for size in sizes.values()])


def _line(name: str, row: Sequence[float]) -> str:
    cells = [f"{row[0]:,.0f}", *(f"{value:,.0f} ({value / row[0]:.2f})" for value in row[1:])]
    return f"| {name} | {' | '.join(cells)} |"


def report(release: str, rounds: int) -> str:
    """All of it, as Markdown."""
    with tempfile.TemporaryDirectory() as root, place(release) as where:
        systems = [kind(where, Path(root)) for kind in SYSTEMS]
        times = measure(systems, where, rounds)
        sizes = {
            system.name: where.size(system.image if isinstance(system, Imgc) else system.reference)
            for system in systems
        }
        return "\n".join([*where.about(rounds), *table(times, sizes, where.size(BASE))])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, choices=range(1, len(MORE) // 2 + 1), default=3, metavar="N")
    parser.add_argument("--engine", choices=("installed", "28"), default="installed")
    options = parser.parse_args()
    print(report(options.engine, options.rounds))


if __name__ == "__main__":
    main()
