"""imgc's own time per node, over the engine's floor: create, start, wait, remove through the SDK.

    DOCKER_HOST=… python bench/engine_overhead.py [ROUNDS] [REFERENCE]

Rounds of floor and imgc alternate, so that what else the machine does hits both; medians are printed.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / folder) for folder in ("engine", "compiler", "schema", "tests/engine")]

import docker  # noqa: E402
import plans  # noqa: E402

from imgc_engine import api  # noqa: E402
from imgc_engine.connection import connect  # noqa: E402

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
REFERENCE = sys.argv[2] if len(sys.argv) > 2 else "debian:bookworm-slim"
SERIAL, PARALLEL = 5, 20
POOL, NEW = {"mode": "pool", "group": None}, {"mode": "group", "group": ""}


def floor_one(client: docker.APIClient) -> None:
    config = {"Image": REFERENCE, "Entrypoint": ["true"], "HostConfig": {"Init": True}}
    container = client.create_container_from_config(config)["Id"]
    client.start(container)
    client.wait(container)
    client.remove_container(container)


def floor_serial(client: docker.APIClient) -> None:
    for _ in range(SERIAL):
        floor_one(client)


def floor_parallel(workers: int) -> Callable[[docker.APIClient], None]:
    def run(client: docker.APIClient) -> None:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda _n: floor_one(client), range(PARALLEL)))

    return run


def floor_reused(client: docker.APIClient) -> None:
    """One container, and bare execs in it."""
    config = {"Image": REFERENCE, "Entrypoint": ["sleep", "999"], "HostConfig": {"Init": True}}
    container = client.create_container_from_config(config)["Id"]
    client.start(container)
    for _ in range(PARALLEL):
        made = client.exec_create(container, ["true"])["Id"]
        client.exec_start(made)
        assert client.exec_inspect(made)["ExitCode"] == 0
    client.remove_container(container, force=True)


def imgc(tree: dict[str, Any], max_parallel: int | None = None) -> Callable[[docker.APIClient], None]:
    plan = plans.plan(tree, images={"box": plans.image(REFERENCE)})

    def run(_client: docker.APIClient) -> None:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            result = api.run(plan, place, place, max_parallel=max_parallel, listener=lambda _event: None)
            assert result.code == 0, result

    return run


def leaves(count: int, **settings: Any) -> list[dict[str, Any]]:
    return [plans.run(f"n{n}", ["true"], **settings) for n in range(count)]


def main() -> None:
    client = connect()
    cases: dict[str, tuple[int, Callable[[docker.APIClient], None]]] = {
        "floor, one at a time": (SERIAL, floor_serial),
        "imgc, serial": (SERIAL, imgc(plans.serial(*leaves(SERIAL)))),
        **{f"floor, {n} workers": (PARALLEL, floor_parallel(n)) for n in (1, 2, 4, 20)},
        "imgc, parallel": (PARALLEL, imgc(plans.parallel(*leaves(PARALLEL)))),
        "floor, bare execs in one container": (PARALLEL, floor_reused),
        "imgc, container_reuse: pool": (PARALLEL, imgc(plans.serial(*leaves(PARALLEL, container=POOL)))),
        "imgc, container_reuse: new": (PARALLEL, imgc(plans.serial(*leaves(PARALLEL, container=NEW)))),
        "imgc, parallel, half a CPU each": (PARALLEL, imgc(plans.parallel(*leaves(PARALLEL, cpu=0.5)))),
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    cpu: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, (count, case) in cases.items():
            begin, begin_cpu = time.monotonic(), time.process_time()
            case(client)
            times[name].append((time.monotonic() - begin) / count * 1000)
            cpu[name].append((time.process_time() - begin_cpu) / count * 1000)
    print(
        f"{client.version()['Version']}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {ROUNDS} rounds"
    )
    for name in cases:
        median, ours = statistics.median(times[name]), statistics.median(cpu[name])
        print(f"{name:34} {median:6.0f} ms a node   {ours:5.1f} ms of our CPU")


if __name__ == "__main__":
    main()
