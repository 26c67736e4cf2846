"""The scheduler over random trees and random faults, on a virtual clock."""

from __future__ import annotations

import random
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import plans
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import World

from imgc_engine.plan import Node, load
from imgc_engine.run.items import Deadlock
from imgc_engine.run.ready import Limits
from imgc_engine.run.schedule import Schedule
from imgc_engine.run.states import End, Past

CAUSES = ["error", "oom", "timeout"]
LIMITS = Limits(cpus=3, load=4, memory=100, gpus=2, parallel=5)


def a_tree(rng: random.Random, depth: int, name: str = "root") -> dict[str, Any]:
    """A random node.

    Children may need earlier siblings, and rarely anything at all (which may be a circle).
    """
    common: dict[str, Any] = {
        "when": rng.choice(["on_success"] * 6 + ["on_failure", "always"]),
        "suppress_errors": rng.random() < 0.1,
        "skip": rng.random() < 0.05,
        "max_time": rng.choice([None, None, None, 3, 10]),
        "retry": {
            "attempts": rng.choice([1, 1, 1, 2, 3]),
            "backoff": rng.choice([0, 0, 4]),
            "on": rng.sample(CAUSES, rng.randint(0, 3)),
            "mem_factor": rng.choice([1, 2]),
        },
    }
    if depth == 0 or rng.random() < 0.4:
        needs = {
            "cpu": rng.choice([None, 0.5, 1, 3, 9]),
            "mem": rng.choice([None, 30, 80]),
            "gpu": rng.randint(0, 1),
        }
        return plans.run(name, accept_return_code=rng.sample([3], rng.randint(0, 1)), **needs, **common)
    group = rng.choice([plans.serial, plans.parallel])
    children = [a_tree(rng, depth - 1, f"n{n}") for n in range(rng.randint(1, 5))]
    if group is plans.parallel:
        for n, child in enumerate(children):
            child["needs"] = [f"n{m}" for m in range(n) if rng.random() < 0.2]
            if rng.random() < 0.05:
                child["needs"].append("/n0")
    common["max_concurrent"] = rng.choice([None, None, 1, 2])
    common["stop_on_error"] = rng.random() < 0.8
    return group(*children, name=name, **common)


def an_end(rng: random.Random) -> tuple[float, End]:
    """How long an attempt takes, and how it ends."""
    ends = [
        *[End(exit_code=0)] * 6,
        End(exit_code=1),
        End(exit_code=3),
        End(exit_code=137, oom=True),
        End(exit_code=0, oom=True),
        End(lost=True, began=False),
        End(exit_code=137, lost=True),
    ]
    return rng.choice([0.0, 0.1, 1.0, 1.0, 5.0]), rng.choice(ends)


class Watch:
    """Checks the world after each action, from the plan alone."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self.nodes = nodes
        self.children: dict[str | None, list[str]] = {}
        for path, node in nodes.items():
            self.children.setdefault(node.parent, []).append(path)
        self.seen = 0

    def __call__(self, world: World) -> None:
        starts = [entry for entry in world.log if entry[1] == "start"]
        for _, _, path, _ in starts[self.seen :]:
            self.may_start(world, path)
        self.seen = len(starts)
        self.in_limits(world)

    def may_start(self, world: World, path: str) -> None:
        states = world.states
        for one in self.up(path):
            node = self.nodes[one]
            for gate in node.after:
                assert states.get(gate, "pending") not in ("pending", "running"), f"{path} before {gate}"
            strict = [gate for gate in node.after if gate in node.needs]
            if node.when == "on_success":
                assert all(self.fine(world, gate) for gate in strict)
            if node.when == "on_failure":
                assert any(not self.fine(world, gate) for gate in [*strict, *self.before(node)])
            assert not node.skip
            if node.parent is not None and self.nodes[node.parent].kind == "serial":
                stops = self.nodes[node.parent].stop_on_error and node.when == "on_success"
                assert not stops or all(self.fine(world, other) for other in self.before(node))

    def before(self, node: Node) -> list[str]:
        """Earlier siblings in a serial group."""
        if node.parent is None or self.nodes[node.parent].kind != "serial":
            return []
        siblings = self.children[node.parent]
        return siblings[: siblings.index(node.path)]

    def up(self, path: str) -> list[str]:
        paths = [path]
        while (parent := self.nodes[paths[-1]].parent) is not None:
            paths.append(parent)
        return paths

    def fine(self, world: World, path: str) -> bool:
        state = world.states.get(path)
        return state in ("succeeded", "skipped") or (state == "failed" and self.nodes[path].suppress_errors)

    def in_limits(self, world: World) -> None:
        running = list(world.running)
        assert LIMITS.parallel is not None
        assert len(running) <= LIMITS.parallel
        if len(running) > 1:
            assert sum(self.nodes[path].cpu or 0 for path in running) <= LIMITS.cpus
            assert sum(self.nodes[path].cpu or 1 for path in running) <= LIMITS.load
            assert sum(world.memory[path] or 0 for path in running) <= LIMITS.memory
            assert sum(self.nodes[path].gpu for path in running) <= LIMITS.gpus
        below = Counter(group for path in running for group in self.up(path)[1:])
        for group, count in below.items():
            assert count <= (self.nodes[group].max_concurrent or count)

    def at_the_end(self, world: World) -> None:
        final = {"succeeded", "failed", "error", "skipped", "omitted", "interrupted"}
        assert world.states.keys() == self.nodes.keys()
        assert set(world.states.values()) <= final
        starts = Counter((path, attempt) for _, what, path, attempt in world.log if what == "start")
        ends = Counter((path, attempt) for _, what, path, attempt in world.log if what == "end")
        assert starts == ends
        assert set(starts.values()) <= {1}, "an attempt was started twice"
        for path, node in self.nodes.items():
            if node.is_group and world.states[path] not in ("skipped", "omitted"):
                fine = all(self.fine(world, child) for child in self.children[path])
                timed_out = world.states[path] == "failed" and any(
                    self.nodes[one].max_time is not None for one in self.up(path)
                )
                assert (world.states[path] == "succeeded") == fine or timed_out, path
        count = Counter(path for _, what, path, _ in world.log if what == "start")
        for path, times in count.items():
            most = 1
            for one in self.up(path):
                most *= self.nodes[one].retry.attempts
            assert times <= most * 4, "more than retries and what the engine lost explain"


@settings(max_examples=300, deadline=None)
@given(st.integers(min_value=0), st.sampled_from([None, 0.0, 0.5, 2.0, 7.0]))
def test_invariants(seed: int, interrupt_at: float | None) -> None:
    rng = random.Random(seed)
    nodes = {node.path: node for node in load(plans.plan(a_tree(rng, depth=4))).nodes}
    try:
        schedule = Schedule(list(nodes.values()), LIMITS)
    except Deadlock:
        return
    watch = Watch(nodes)
    fates: dict[tuple[str, int], tuple[float, End]] = {}

    def script(path: str, attempt: int) -> tuple[float, End]:
        return fates.setdefault((path, attempt), an_end(rng))

    world = World(schedule, nodes, script, interrupt_at, check=watch).run()
    watch.at_the_end(world)
    if interrupt_at is not None:
        assert all(time <= interrupt_at for time, what, _, _ in world.log if what == "start")


@settings(max_examples=100, deadline=None)
@given(st.integers(min_value=0))
def test_what_succeeded_is_not_run_by_a_later_session(seed: int) -> None:
    """A run is cut off at a random moment, as by kill -9; the next goes on from what was committed."""
    rng = random.Random(seed)
    plan = plans.plan(a_tree(rng, depth=3))
    nodes = {node.path: node for node in load(plan).nodes}
    if any(node.is_group and node.retry.attempts > 1 for node in nodes.values()):
        return  # such a group may do again what had succeeded
    try:
        first = Schedule(list(nodes.values()), LIMITS)
    except Deadlock:
        return
    stop_after = rng.randint(1, 60)

    class Cut(Exception):
        pass

    def cut(world: World) -> None:
        if len(world.changes) >= stop_after:
            raise Cut

    world = World(first, nodes, lambda _path, _attempt: an_end(rng), check=cut)
    with suppress(Cut):
        world.run()
    done = {
        path: Past(change.state, change.cause, change.attempt, change.attempt)
        for path, change in {change.node.path: change for change in world.changes}.items()
        if not nodes[path].is_group and change.state in ("succeeded", "failed", "error")
    }
    schedule = Schedule(list(nodes.values()), LIMITS, past=done)
    again = World(schedule, nodes, lambda _path, _attempt: an_end(rng)).run()
    assert not {path for path in again.starts() if path in done}
    merged = {path: past.state for path, past in done.items()} | again.states
    assert merged.keys() == nodes.keys()
    assert set(merged.values()) <= {"succeeded", "failed", "error", "skipped", "omitted"}
    for path, state in merged.items():
        children = [node.path for node in nodes.values() if node.parent == path]
        if state == "succeeded" and children:
            assert all(
                merged[child] in ("succeeded", "skipped")
                or (merged[child] == "failed" and nodes[child].suppress_errors)
                for child in children
            )


def test_ten_thousand_nodes_take_under_a_millisecond_each() -> None:
    groups = [plans.parallel(*[plans.run(f"n{n}") for n in range(100)], name=f"g{g}") for g in range(100)]
    nodes = load(plans.plan(plans.serial(*groups))).nodes
    begin = time.process_time()
    schedule = Schedule(nodes, Limits(cpus=8, load=8))
    world = World(schedule, {node.path: node for node in nodes}, lambda _p, _a: (1.0, End(exit_code=0))).run()
    assert world.states[""] == "succeeded"
    assert (time.process_time() - begin) / 10_000 < 0.001
