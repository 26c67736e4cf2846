"""A run as its folder has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imgc.records import dataclass
from imgc_engine.plan import Plan, load
from imgc_engine.run import expansion, store
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
