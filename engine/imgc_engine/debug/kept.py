"""The state that a failed node's container was in, when `imgc run --keep` has kept it."""

from __future__ import annotations

from pathlib import Path

import docker

from imgc.records import dataclass
from imgc_engine.api import STATE
from imgc_engine.connection import engine_errors
from imgc_engine.plan import Node, Plan
from imgc_engine.run import store
from imgc_engine.run.keeping import kept
from imgc_engine.run.recall import grown, recall
from imgc_engine.run.selection import UnknownNode


@dataclass(frozen=True, slots=True)
class State:
    """`plan` and `node` are the run's own: the pipeline may have changed since. `where` is for people."""

    plan: Plan
    node: Node
    image: str
    where: str


def kept_state(client: docker.APIClient, project: Path, run: str, path: str) -> State | None:
    """Of a run, the latest for "". UnknownRun and UnknownNode, if that run was named; EngineError."""
    if not run and not store.runs(project / STATE):
        return None
    folder = store.find(project / STATE, run)
    recalled = recall(folder)
    plan, last = grown(recalled.plan, project / STATE, folder.name), recalled.history.last.get(path, {})
    with engine_errors():
        found = [
            state
            for state in kept(client, str(project))
            if (state.run, state.node, state.attempt) == (folder.name, path, last.get("attempt"))
        ]
    if not found or last.get("state") not in ("failed", "error"):
        if run:
            raise UnknownNode(f"The run {run} has kept no state of {path or '/'} (imgc run --keep).")
        return None
    where = f"the state that it failed in (run {folder.name}; --fresh for a new container)"
    return State(plan, plan.node(path), found[0].id, where)
