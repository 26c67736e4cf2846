"""Runs after the fact, and from other terminals:

list them, read their logs, stop them, clean up after them.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from imgc.records import dataclass
from imgc_engine.api import STATE
from imgc_engine.data.kept import Kept
from imgc_engine.failures import EngineError
from imgc_engine.plan import Node
from imgc_engine.process import leftovers
from imgc_engine.run import store
from imgc_engine.run.history import History
from imgc_engine.run.logs import entries, now
from imgc_engine.run.naming import SHELLS, log_path
from imgc_engine.run.recall import recall
from imgc_engine.run.secret_files import secret_folder
from imgc_engine.run.selection import UnknownNode, leaf
from imgc_engine.run.states import FINAL

POLL = 0.2  # seconds between looks at a log that grows
PATIENCE = 60.0  # seconds for a run to stop when asked to

RunState = Literal["running", "succeeded", "failed", "error", "interrupted", "cut off"]


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node of a run, as its journal has it. `attempt` is 0 where it never started."""

    path: str
    kind: str
    state: str
    attempt: int
    seconds: float
    message: str


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run. "cut off": its process is gone, and never said that it ended; `imgc run --resume` goes on with
    it.

    `begun` and `ended` are RFC 3339; `ended` is empty where it has not. `pid` is the process that runs it.
    """

    run: str
    folder: Path
    state: RunState
    begun: str
    ended: str
    pid: int | None
    nodes: tuple[NodeInfo, ...]


def runs(project: Path) -> list[RunInfo]:
    """All runs of a project, oldest first."""
    return [run_info(folder) for folder in store.runs(project / STATE)]


def run_info(folder: Path) -> RunInfo:
    pid = store.holder(folder)
    history = recall(folder).history
    state: RunState = "running" if pid else _ended_state(history)
    infos = tuple(_node_info(node, history) for node in history.nodes)
    return RunInfo(folder.name, folder, state, history.begun, history.ended, pid, infos)


def logs(
    project: Path, run: str, node: str, *, attempt: int = 0, follow: bool = False
) -> Iterator[tuple[str, str, bytes]]:
    """Entries of a node's log: time, stream, text. The latest run for "", the last attempt for 0.

    With `follow` it goes on until the attempt has ended, or nobody runs the run any more. UnknownRun, and
    UnknownNode, also when it has not run.
    """
    folder = store.find(project / STATE, run)
    nodes = {one.path: one for one in run_info(folder).nodes}
    info = nodes.get(node.strip("/"))
    if info is None or not log_path(folder / "logs", info.path, attempt or max(1, info.attempt)).exists():
        info = nodes[
            leaf(recall(folder).history.nodes, node).path
        ]  # a lazy leaf is a group by now, with a log
    node, number = info.path, attempt or max(1, info.attempt)
    path = log_path(folder / "logs", node, number)
    while follow and not path.exists() and not _is_over(folder, node, number):
        time.sleep(POLL)
    if not path.exists():
        why = f"{info.state}: {info.message}" if info.message else info.state
        which = f"there is no attempt {attempt}" if attempt else why.rstrip(".")
        raise UnknownNode(f"{node or '/'} has no log in the run {folder.name}: {which}.")
    with path.open("rb") as file:
        while True:
            over = not follow or _is_over(folder, node, number)
            yield from entries(file)
            if over:
                return
            time.sleep(POLL)


def nodes_with_logs(project: Path, run: str) -> list[str]:
    """Paths of the nodes of a run that have started, in tree order. UnknownRun."""
    folder = store.find(project / STATE, run)
    groups = ("serial", "parallel")
    return [node.path for node in run_info(folder).nodes if node.attempt and node.kind not in groups]


def stop(project: Path, run: str) -> str:
    """End a run as SIGTERM would, and wait for it; one that was cut off is cleaned up and counts as
    interrupted.

    What was done, in a sentence. UnknownRun, EngineError.
    """
    folder = store.find(project / STATE, run)
    pid = store.holder(folder)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while store.holder(folder) == pid:
            if time.monotonic() > deadline:
                raise EngineError(f"The process {pid} that runs {folder.name} does not stop.")
            time.sleep(POLL)
        return f"The run {folder.name} was stopped."
    if run_info(folder).state != "cut off":
        return f"The run {folder.name} has ended already."
    held = store.Store(folder)
    try:
        if leftovers.is_of_processes(folder):
            leftovers.end_all(folder)
        else:
            from imgc_engine.run.tidy import remove_containers

            remove_containers(folder.name)
        held.append([{"t": now(), "e": "end", "state": "interrupted", "code": 130}])
    finally:
        held.close()
    shutil.rmtree(secret_folder(folder.name), ignore_errors=True)
    return f"What was left of the run {folder.name} was removed."


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What `clean` removed. `bytes` are of kept data, `processes` groups of them that were still running."""

    containers: int
    runs: int
    states: int = 0
    bytes: int = 0
    processes: int = 0


def clean(project: Path, *, keep: int | None = None, data: bool = False) -> Cleaned:
    """Remove what crashes left of this project's runs: containers, secret files, half-written data.

    The states that `run --keep` has kept go too; with `keep`, the folders of all runs but the latest ones;
    with `data`, what nodes and build steps have written. A run that some process runs is left alone.
    EngineError.
    """
    folders = store.runs(project / STATE)
    held = {folder.name: store.holder(folder) for folder in folders}
    shells = list((project / STATE / SHELLS).glob("*"))
    open_now = {shell.name for shell in shells if store.holder(shell) is not None}
    open_now |= {run for run, pid in held.items() if pid is not None}
    of_processes = [folder for folder in folders if leftovers.is_of_processes(folder)]
    processes = sum(leftovers.end_all(folder) for folder in of_processes if folder.name not in open_now)
    containers, states = 0, 0
    if len(of_processes) < len(folders) or shells or not folders:
        from imgc_engine.run.tidy import tidy  # only now: runs of processes need no Docker

        containers, states = tidy(project, project / STATE / "data", open_now)
    for run in {*held, *(shell.name for shell in shells)} - open_now:
        shutil.rmtree(secret_folder(run), ignore_errors=True)
        shutil.rmtree(project / STATE / SHELLS / run, ignore_errors=True)
        Kept(project / STATE).forget_working_folders(run)
    if data and open_now:
        raise EngineError("A run or a shell is going on, and reads the data: end it first.")
    freed = Kept(project / STATE).forget() if data else 0
    old = (
        [] if keep is None else [run for run, pid in held.items() if pid is None][: max(0, len(held) - keep)]
    )
    for run in old:
        shutil.rmtree(project / STATE / "runs" / run)
    return Cleaned(containers, len(old), states, freed, processes)


def _ended_state(history: History) -> RunState:
    match history.end:
        case "succeeded" | "failed" | "error" | "interrupted":
            return history.end
        case _:
            return "cut off"


def _node_info(node: Node, history: History) -> NodeInfo:
    record = history.last.get(node.path, {})
    return NodeInfo(
        node.path,
        node.kind,
        record.get("state", "pending"),
        record.get("attempt", 0),
        record.get("seconds", 0.0),
        record.get("message", ""),
    )


def _is_over(folder: Path, node: str, attempt: int) -> bool:
    if store.holder(folder) is None:
        return True
    info = next(one for one in run_info(folder).nodes if one.path == node)
    return info.attempt > attempt or (info.attempt == attempt and info.state in FINAL)
