"""The scheduler's own time for 10,000 nodes on an engine that is none: virtual time, leaves that end at once.

    python bench/scheduler_scale.py [NODES]

Trees of three shapes, with limits, retries and failures; and one whose groups are printed while it runs.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [
    str(ROOT / folder) for folder in ("engine", "compiler", "schema", "tests/engine", "tests/imgc_engine")
]

import plans  # noqa: E402
from simulation import BAD, FINE, World  # noqa: E402

from imgc.records import replace  # noqa: E402
from imgc_engine.plan import Node, load  # noqa: E402
from imgc_engine.run.ready import Limits  # noqa: E402
from imgc_engine.run.schedule import Schedule  # noqa: E402

NODES = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
LIMITS = Limits(cpus=64, load=128, memory=1e12, parallel=100)


def wide() -> dict[str, Any]:
    return plans.parallel(*[plans.run(f"n{n}", cpu=0.5) for n in range(NODES)])


def chain() -> dict[str, Any]:
    return plans.serial(*[plans.run(f"n{n}") for n in range(NODES)])


def groups() -> dict[str, Any]:
    """Groups of 100, each tried twice and limited; one leaf in 50 fails the first time."""
    made = [
        plans.parallel(
            *[plans.run(f"n{n}", retry={"attempts": 2}) for n in range(100)],
            name=f"g{g}", max_concurrent=10, retry={"attempts": 2},
        )
        for g in range(NODES // 100)
    ]  # fmt: skip
    return plans.parallel(*made)


def script(path: str, attempt: int) -> tuple[float, Any]:
    fails = "/" in path and path.endswith(("n17", "n67")) and attempt == 1
    return 1.0, BAD if fails else FINE


def measure(name: str, nodes: tuple[Node, ...], expansions: dict[str, tuple[Node, ...]]) -> None:
    count = len(nodes) + sum(len(one) - 1 for one in expansions.values())
    begin = time.process_time()
    schedule = Schedule(nodes, LIMITS)
    world = World(schedule, {}, script, expansions=expansions)
    world.run()
    seconds = time.process_time() - begin
    assert schedule.state == "succeeded"
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:10} {count:7,} nodes  {seconds:6.2f} s  {seconds / count * 1e6:6.0f} us a node  {memory:4.0f} MiB"
    )


def main() -> None:
    for shape in (wide, chain, groups):
        measure(shape.__name__, load(plans.plan(shape())).nodes, {})
    nodes = load(plans.plan(groups())).nodes
    inside: dict[str, list[Node]] = {}
    outside: list[Node] = []
    for node in nodes:
        if node.path and "/" not in node.path:
            inside[node.path] = [node]
            outside.append(replace(node, kind="lazy", command=("x",), image="box", max_concurrent=None))
        elif node.parent:
            inside[node.parent].append(node)
        else:
            outside.append(node)
    measure("printed", tuple(outside), {path: tuple(one) for path, one in inside.items()})


if __name__ == "__main__":
    main()
