"""What the benchmarks share: CPU time of child processes, medians, and side-by-side runs."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a process: CPU and wall time in milliseconds, peak memory in MiB."""

    cpu: float
    wall: float
    memory: float


def run(
    argv: Sequence[str], cwd: str | os.PathLike[str] | None = None, env: Mapping[str, str] | None = None
) -> Sample:
    """Runs a command to its end; CalledProcessError when it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(argv, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, argv, stderr=errors.decode())
    return Sample((usage.ru_utime + usage.ru_stime) * 1000, wall * 1000, usage.ru_maxrss / 1024)


def side_by_side(rivals: Mapping[str, Callable[[], Sample]], rounds: int) -> dict[str, Sample]:
    """The medians of rivals that take turns, so that all of them see the same noise."""
    samples: dict[str, list[Sample]] = {name: [] for name in rivals}
    for _ in range(rounds):
        for name, once in rivals.items():
            samples[name].append(once())
    return {name: median(found) for name, found in samples.items()}


def median(samples: Sequence[Sample]) -> Sample:
    return Sample(
        statistics.median(sample.cpu for sample in samples),
        statistics.median(sample.wall for sample in samples),
        statistics.median(sample.memory for sample in samples),
    )


def table(rows: Mapping[str, Sample]) -> None:
    """Prints a Markdown table, each row with its ratio to the last one."""
    *_, reference = rows.values()
    print("| | CPU ms | wall ms | MiB | CPU ratio |\n| --- | --- | --- | --- | --- |")
    for name, sample in rows.items():
        print(
            f"| {name} | {sample.cpu:.0f} | {sample.wall:.0f} | {sample.memory:.0f} | {sample.cpu / reference.cpu:.2f} |"
        )


def own_memory() -> float:
    """Peak memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


PYTHON = sys.executable
