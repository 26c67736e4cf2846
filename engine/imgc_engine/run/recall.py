"""A run as its folder has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imgc.records import dataclass, replace
from imgc_engine.plan import Plan, load
from imgc_engine.run import expansion, store
from imgc_engine.run.expansion import grow
from imgc_engine.run.history import History, replay


@dataclass(frozen=True, slots=True)
class Recalled:
    """`document` is the object in plan.json, as the run was started with it."""

    document: dict[str, Any]
    plan: Plan
    history: History


def recall(folder: Path) -> Recalled:
    document = store.plan_of(folder)
    plan = load(document)
    history = replay(store.records(folder), plan.nodes, lambda name: expansion.load(folder, name))
    return Recalled(document, plan, history)


def grown(plan: Plan, state: Path, run: str) -> Plan:
    """The plan with what its leaves have become in a run, the latest for ""; as it is without one."""
    try:
        history = recall(store.find(state, run)).history
    except (store.UnknownRun, OSError, ValueError):
        return plan
    images = dict(plan.images)
    for one in history.expansions.values():
        images |= one.images
    return replace(plan, images=images, nodes=grow(plan.nodes, history.expansions))
