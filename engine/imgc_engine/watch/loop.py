"""Runs a pipeline, and after each edit what it touches, until the user has enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from imgc.records import dataclass
from imgc_engine.api import STATE, Result
from imgc_engine.connection import one_client
from imgc_engine.data.datums import is_in, sources
from imgc_engine.failures import Code
from imgc_engine.manage import run_info
from imgc_engine.plan import Plan, load
from imgc_engine.watch.files import Watcher
from imgc_engine.watch.touched import fingerprints, touched

SHOWN = 5  # nodes in a line


@dataclass(frozen=True, slots=True)
class Hands:
    """What the command line does for the loop.

    `compile` gives the plan's JSON, None after saying what is wrong with the file; `run` runs nodes of it and
    shows how it goes; `say` prints a line.
    """

    compile: Callable[[], Mapping[str, Any] | None]
    run: Callable[[Mapping[str, Any], Sequence[str]], Result]
    say: Callable[[str], None]


def loop(hands: Hands, project: Path, nodes: Sequence[str]) -> int:
    """The exit code: that of the last run when the user ends the waiting, 130 when a run was interrupted."""
    with one_client():
        return _loop(hands, project, nodes)


def _loop(hands: Hands, project: Path, nodes: Sequence[str]) -> int:
    watcher = Watcher(project)
    done: dict[str, str] = {}
    code, first = Code.FINE, True
    try:
        while True:
            watcher.update(())  # before the files are looked at: what changes from now on is seen
            document = hands.compile()
            if document is not None:
                plan = load(document)
                watcher.update(_folders(plan, project))
                now = fingerprints(plan, document, project, project / STATE / "data")
                again = [path for path in touched(plan, now, done) if not nodes or _is_chosen(path, nodes)]
                if again or first:
                    if not first:
                        hands.say(f"edited: running {_shown(again)}")
                    result = hands.run(document, nodes if first else again)
                    code = result.code
                    if code == Code.INTERRUPTED:
                        return int(code)
                    _note(result, plan, now, done)
                    first = first and code == Code.USAGE
                    hands.say("watching: an edit runs again what it touches; Ctrl-C ends")
            watcher.wait()
    except KeyboardInterrupt:
        return int(code)
    finally:
        watcher.close()


def _note(result: Result, plan: Plan, now: Mapping[str, str], done: dict[str, str]) -> None:
    """Remember of each leaf that took part with what it was fine, if it was."""
    if result.folder is None:
        return
    suppressed = {node.path for node in plan.nodes if node.suppress_errors}
    for info in run_info(result.folder).nodes:
        if info.path in now:
            if info.state in ("succeeded", "skipped") or (info.state == "failed" and info.path in suppressed):
                done[info.path] = now[info.path]
            elif info.state != "pending":
                done.pop(info.path, None)


def _folders(plan: Plan, project: Path) -> list[Path]:
    """What the nodes read, wherever it is."""
    paths = [image.builder.path for image in plan.images.values() if image.builder]
    for node in plan.nodes:
        paths += [plan.repos[of].path for kind, of in sources(node.input or {}) if kind == "repo"]
        paths += [mount.src for mount in node.mounts if mount.read_only]
    return [(project / Path(path).expanduser()).resolve() for path in dict.fromkeys(paths)]


def _is_chosen(path: str, nodes: Sequence[str]) -> bool:
    return any(is_in(path, node.strip("/")) for node in nodes)


def _shown(paths: Sequence[str]) -> str:
    shown = ", ".join(path or "the pipeline" for path in paths[:SHOWN])
    return shown + (f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else "")
