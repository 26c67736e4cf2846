"""imgc's image beside those of Flyte, ZenML and Conducto, for one project on one engine: README.md says how.

    python bench/images/compare.py [--rounds 3] [--engine 28]

The systems take turns in each scenario, so that what else the machine does hits all of them; medians are printed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from place import Place, place
from project import BASE, MORE
from systems import SYSTEMS, Imgc, Plain, System

SCENARIOS = ("cold", "one more requirement", "one line of code")
Times = dict[str, dict[str, list[float]]]


def measure(systems: Sequence[System], where: Place, rounds: int) -> Times:
    """Seconds, by scenario and system."""
    times: Times = {scenario: {system.name: [] for system in systems} for scenario in SCENARIOS}

    def each_in_turn(scenario: str, prepare: Callable[[System], None], *, cold: bool = False) -> None:
        for system in systems:
            prepare(system)
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
    rows["size, MB"] = list(sizes.values())
    rows["added to the base, MB"] = [size - base for size in sizes.values()]
    for scenario, row in rows.items():
        cells = [f"{row[0]:,.0f}", *(f"{value:,.0f} ({value / row[0]:.2f})" for value in row[1:])]
        yield f"| {scenario} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, choices=range(1, len(MORE) // 2 + 1), default=3, metavar="N")
    parser.add_argument("--engine", choices=("installed", "28"), default="installed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root, place(options.engine) as where:
        systems = [kind(where, Path(root)) for kind in SYSTEMS]
        times = measure(systems, where, options.rounds)
        sizes = {
            system.name: where.size(system.image if isinstance(system, Imgc) else system.reference)
            for system in systems
        }
        load = os.getloadavg()[0]
        print(
            f"Docker {where.engine.version()}, {os.cpu_count()} CPUs, load {load:.1f}, {options.rounds} rounds\n"
        )
        print("\n".join(table(times, sizes, where.size(BASE))))


if __name__ == "__main__":
    main()
