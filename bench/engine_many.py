"""1,000 nodes of `true` in 20 groups on a real engine: imgc's own CPU for each, and its memory as it goes on.

DOCKER_HOST=… python bench/engine_many.py [NODES] [own|pool]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / folder) for folder in ("engine", "compiler", "schema", "tests/engine")]

import plans  # noqa: E402

from imgc_engine import api  # noqa: E402
from imgc_engine.events import Event, NodeChanged  # noqa: E402

NODES = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
MODE = sys.argv[2] if len(sys.argv) > 2 else "own"
GROUPS = 20


def resident() -> float:
    """MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    settings = {"container": {"mode": "pool", "group": None}} if MODE == "pool" else {}
    groups = [
        plans.parallel(
            *[plans.run(f"n{n}", ["true"], **settings) for n in range(NODES // GROUPS)], name=f"g{g}"
        )
        for g in range(GROUPS)
    ]
    plan = plans.plan(plans.serial(*groups), images={"box": plans.image()})
    memory: list[float] = []
    ended = 0

    def hear(event: Event) -> None:
        nonlocal ended
        if isinstance(event, NodeChanged) and event.state == "succeeded":
            ended += 1
            if ended % max(1, NODES // 20) == 0:
                memory.append(resident())

    begin, begin_cpu = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        result = api.run(plan, Path(folder), Path(folder), listener=hear)
    assert result.code == 0, result
    wall, cpu = time.monotonic() - begin, time.process_time() - begin_cpu
    print(
        f"{NODES} nodes, {MODE}, load {os.getloadavg()[0]:.1f}: {wall:.0f} s, {wall / NODES * 1000:.0f} ms a node; "
        f"our CPU {cpu / NODES * 1000:.1f} ms a node"
    )
    print("memory, MiB, at each 20th:", " ".join(f"{one:.0f}" for one in memory))


if __name__ == "__main__":
    main()
