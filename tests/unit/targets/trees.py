"""Random plans, and what the engine's own scheduler makes of them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import plans
from simulation import BAD, FINE, World, simulate

from imgc.analysis.analysis import analyse
from imgc.plan.compiled import compile_pipeline
from imgc.targets.subject import Subject, subject
from imgc_engine.run.items import Deadlock
from tests_support import ROOT, SHARED

JSON = dict[str, Any]


def a_tree(
    rng: random.Random, depth: int, name: str = "root", *, crossing: float = 0.05, limits: bool = False
) -> JSON:
    """A random node. `crossing`: how probable it is that a child of a parallel group needs what is elsewhere.
    `limits`: whether some groups have one."""
    common: JSON = {
        "when": rng.choice(["on_success"] * 6 + ["on_failure", "always"]),
        "suppress_errors": rng.random() < 0.1,
        "skip": rng.random() < 0.1,
    }
    if depth == 0 or rng.random() < 0.4:
        return plans.run(name, **common)
    group = rng.choice([plans.serial, plans.parallel])
    children = [
        a_tree(rng, depth - 1, f"n{n}", crossing=crossing, limits=limits) for n in range(rng.randint(1, 5))
    ]
    if group is plans.parallel:
        for n, child in enumerate(children):
            child["needs"] = [f"n{m}" for m in range(n) if rng.random() < 0.2]
            if (
                rng.random() < crossing and not child["skip"]
            ):  # who waits for its group need not wait for that
                child["needs"].append("/n0")
    if limits:
        common["max_concurrent"] = rng.choice([None, None, 1, 2, 3])
    return group(*children, name=name, stop_on_error=rng.random() < 0.7, **common)


def a_plan(seed: int, *, crossing: float = 0.05, limits: bool = False) -> JSON:
    """One that the engine takes: nothing waits for itself."""
    rng = random.Random(seed)
    while True:
        tree = {**a_tree(rng, 3, crossing=crossing, limits=limits), "skip": False, "when": "on_success"}
        tree.pop("needs", None)
        plan = plans.plan(tree)
        skipped = {node["path"] for node in plan["nodes"] if node["skip"]}
        for node in plan["nodes"]:  # as the compiler has it
            node["skip"] = node["skip"] or node["parent"] in skipped
            skipped |= {node["path"]} if node["skip"] else set()
        try:
            simulate(plan)
        except (Deadlock, KeyError):
            continue
        if all(set(node["after"]) <= {other["path"] for other in plan["nodes"]} for node in plan["nodes"]):
            return plan


FOLDERS = [
    path.parent
    for top in (ROOT / "tests/cases", ROOT / "samples", SHARED / "conformance/valid")
    for path in sorted(top.glob("*/pipeline.yaml"))
    if path.parent.name != "002-03-replicate-local"  # which needs a lock
]
"""Pipelines without a mistake."""


def of_folder(folder: Path) -> Subject:
    """A pipeline as targets see it."""
    analysis = analyse("pipeline.yaml", (folder / "pipeline.yaml").read_text(encoding="utf-8"), folder)
    compiled = compile_pipeline(analysis.resolved, folder / "compiled")
    return subject(compiled, analysis.resolved, folder / "compiled")


def some_fail(plan: JSON) -> list[set[str]]:
    """Nothing, and then each of the first leaves."""
    return [set(), *({path} for path in leaves(plan)[:8])]


def leaves(plan: JSON) -> list[str]:
    return [node["path"] for node in plan["nodes"] if node["kind"] not in ("serial", "parallel")]


def run(plan: JSON, bad: set[str], seconds: Mapping[str, float]) -> World:
    """How the engine runs it when some leaves fail."""
    return simulate(plan, {path: BAD if path in bad else FINE for path in leaves(plan)}, seconds=seconds)
