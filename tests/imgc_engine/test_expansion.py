"""Leaves that become groups while the run goes on."""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import plans
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import parallel, run, serial
from simulation import BAD, FINE, World
from test_schedule_properties import a_tree

from imgc_engine.plan import Node, load
from imgc_engine.run.actions import Changed, Expanded, Start
from imgc_engine.run.expansion import Expansion, grow, keep
from imgc_engine.run.expansion import load as read_expansion
from imgc_engine.run.history import Options, begin_record, expand_record, node_record, replay, to_do
from imgc_engine.run.items import MAX_DEPTH, Deadlock, TooMany
from imgc_engine.run.ready import Limits
from imgc_engine.run.schedule import Schedule
from imgc_engine.run.states import End

Nodes = tuple[Node, ...]


def nodes_of(tree: dict[str, Any]) -> Nodes:
    return load(plans.plan(tree)).nodes


def cut_out(nodes: Nodes, path: str) -> tuple[dict[str, Any], Nodes]:
    """The plan with a leaf in the place of a group, and the group with all below it."""
    inside = tuple(node for node in nodes if node.path == path or node.path.startswith(f"{path}/"))
    leaf = replace(
        inside[0],
        kind="lazy",
        command=("generate",),
        image="box",
        max_concurrent=None,
        max_time=None,
        retry=replace(inside[0].retry, attempts=1),
    )
    outside = [leaf if node is inside[0] else node for node in nodes if node not in inside[1:]]
    document = plans.plan() | {"nodes": []}
    return {**document, "outside": tuple(outside)}, inside


def expanding(nodes: Nodes, *paths: str, **options: Any) -> World:
    """Run it with leaves in the place of the groups named."""
    expansions: dict[str, Nodes] = {}
    for path in paths:
        cut, expansions[path] = cut_out(nodes, path)
        nodes = cut["outside"]
    script = options.pop("script", lambda _path, _attempt: (1.0, FINE))
    schedule = Schedule(nodes, options.pop("limits", Limits()), **options)
    return World(schedule, {node.path: node for node in nodes}, script, expansions=expansions).run()


def ends(**how: list[End]) -> Any:
    return lambda path, attempt: (1.0, how.get(path.replace("/", "_"), [FINE])[:attempt][-1])


TREE = serial(run("a"), parallel(run("x"), run("y"), name="g"), run("z"))


def test_what_a_leaf_expands_to_runs_in_its_place() -> None:
    world = expanding(nodes_of(TREE), "g")
    assert world.starts() == ["a", "g", "g/x", "g/y", "z"]
    assert set(world.states.values()) == {"succeeded"}
    assert world.now == 4
    changes = [(c.node.path, c.state, c.attempt, c.tries) for c in world.changes if c.node.path == "g"]
    assert changes == [("g", "running", 1, 1), ("g", "running", 1, 1), ("g", "succeeded", 1, 1)]


def test_it_ends_as_a_group_does() -> None:
    world = expanding(nodes_of(TREE), "g", script=ends(g_y=[BAD]))
    assert world.states == {
        "": "failed",
        "a": "succeeded",
        "g": "failed",
        "g/x": "succeeded",
        "g/y": "failed",
        "z": "omitted",
    }
    assert expanding(nodes_of(serial(serial(name="g"))), "g").states == {"": "succeeded", "g": "succeeded"}


def test_it_may_be_the_root() -> None:
    nodes = nodes_of(serial(run("a"), run("b")))
    leaf = replace(nodes[0], kind="run", command=("x",), image="box")
    world = World(Schedule([leaf], Limits()), {"": leaf}, ends(), expansions={"": nodes}).run()
    assert world.starts() == ["", "a", "b"]
    interrupted = World(Schedule([leaf], Limits()), {"": leaf}, ends(), 1.0, expansions={"": nodes}).run()
    assert interrupted.states == {"": "interrupted"}


def test_a_group_that_is_tried_again_is_not_generated_again_but_with_what_is_around_it() -> None:
    group = parallel(run("x"), name="g", retry={"attempts": 2})
    world = expanding(nodes_of(serial(group, run("z"))), "g", script=ends(g_x=[BAD, FINE]))
    assert world.starts() == ["g", "g/x", "g/x", "z"]
    outer = serial(parallel(run("x"), name="g"), run("z"), name="o", retry={"attempts": 2})
    world = expanding(nodes_of(serial(outer)), "o/g", script=ends(o_g_x=[BAD, FINE]))
    assert world.starts() == ["o/g", "o/g/x", "o/g", "o/g/x", "o/z"]
    attempts = [(path, attempt) for _, what, path, attempt in world.log if what == "start"]
    assert len(set(attempts)) == len(attempts)


def test_its_deadline_is_its_own() -> None:
    group = parallel(run("x"), name="g")
    nodes = nodes_of(serial(group))
    cut, inside = cut_out(nodes, "g")
    leaf = replace(cut["outside"][1], max_time=1.5)
    schedule = Schedule([nodes[0], leaf], Limits())
    slow = lambda _path, _attempt: (1.0 if _path == "g" else 5.0, FINE)  # noqa: E731
    world = World(schedule, {}, slow, expansions={"g": inside}).run()
    assert world.states["g"] == "succeeded"
    late = (replace(inside[0], max_time=1.5), *inside[1:])
    world = World(Schedule([nodes[0], leaf], Limits()), {}, slow, expansions={"g": late}).run()
    assert world.states["g"] == "failed"
    assert world.changes[-2].cause == "timeout"


def test_limits_hold_below_it() -> None:
    group = parallel(*[run(f"n{n}") for n in range(4)], name="g", max_concurrent=2)
    world = expanding(nodes_of(serial(group)), "g")
    assert world.now == 3


def test_an_interrupt_and_a_late_group_around_it_leave_it_as_it_was() -> None:
    nodes = nodes_of(TREE)
    cut, inside = cut_out(nodes, "g")
    schedule = Schedule(cut["outside"], Limits())
    world = World(schedule, {}, ends(), 1.5, expansions={"g": inside}).run()
    assert world.states["g"] == "interrupted"
    assert "g/x" not in world.states
    late = serial(parallel(run("x"), name="g"), name="o", max_time=0.5)
    world = expanding(nodes_of(serial(late)), "o/g")
    assert world.states == {"": "failed", "o": "failed", "o/g": "failed"}


def test_what_is_not_there_is_not_waited_for() -> None:
    nodes = nodes_of(serial(run("a"), parallel(run("x", needs=["/a"]), name="g")))
    _, inside = cut_out(nodes, "g")
    leaf = replace(inside[0], kind="run", command=("x",), image="box", after=())
    world = World(Schedule([nodes[0], leaf], Limits()), {}, ends(), expansions={"g": inside}).run()
    assert world.states["g/x"] == "succeeded"


def test_what_prints_itself_ends() -> None:
    nodes = nodes_of(serial(run("g")))
    depth = 0

    class Endless(dict[str, Nodes]):
        def __contains__(self, path: object) -> bool:
            return True

        def __getitem__(self, path: str) -> Nodes:
            nonlocal depth
            depth += 1
            group = replace(nodes[0], path=path, parent=path.rpartition("/")[0])
            return group, replace(nodes[1], path=f"{path}/g", parent=path)

    with pytest.raises(TooMany, match="print itself"):
        World(Schedule(nodes, Limits()), {}, ends(), expansions=Endless()).run()
    assert depth == MAX_DEPTH + 1


def test_what_is_settled_has_succeeded_without_running() -> None:
    nodes = nodes_of(serial(run("a"), run("z")))
    schedule = Schedule(nodes, Limits())
    schedule.begin(0.0)
    schedule.actions()
    group = replace(nodes[1], path="a", parent="", kind="parallel", command=None)
    leaves = [replace(nodes[1], path=f"a/{name}", name=name, parent="a") for name in "xyz"]
    known = End(3, began=False, message="Unchanged.")
    schedule.expand("a", (group, *leaves), 1.0, {"a/x": known, "a/z": known})
    actions = schedule.actions()
    assert [action.node.path for action in actions if isinstance(action, Start)] == ["a/y"]
    changes = [
        action for action in actions if isinstance(action, Changed) and action.node.path in ("a/x", "a/z")
    ]
    assert [(change.state, change.attempt, change.end) for change in changes] == [("succeeded", 0, known)] * 2
    schedule.ended("a/y", FINE, 2.0)
    starts = [action.node.path for action in schedule.actions() if isinstance(action, Start)]
    assert starts == ["z"]
    schedule.ended("z", FINE, 3.0)
    assert schedule.state == "succeeded"


def test_too_many_and_circles_change_nothing() -> None:
    nodes = nodes_of(parallel(run("a"), run("b", needs=["a"])))
    schedule = Schedule(nodes, Limits())
    schedule.begin(0.0)
    group = replace(nodes[0], path="a", parent="")
    leaf = replace(nodes[1], path="a/x", parent="a", after=("b",), needs=("b",))
    with pytest.raises(Deadlock):
        schedule.expand("a", (group, leaf), 1.0)
    with pytest.raises(TooMany, match="100,000 nodes"):
        schedule.expand("a", (group, *(replace(leaf, path=f"a/{n}") for n in range(100_000))), 1.0)
    schedule.actions()
    schedule.ended("a", FINE, 1.0)
    schedule.started("b", 1.0)
    schedule.ended("b", FINE, 2.0)
    assert schedule.state == "succeeded"


@settings(max_examples=300, deadline=None)
@given(st.integers(min_value=0))
def test_a_tree_that_grows_ends_as_one_that_is_written_out(seed: int) -> None:
    rng = random.Random(seed)
    tree = a_tree(rng, depth=3)
    try:
        nodes = tuple(
            replace(node, max_time=None, cpu=None, mem=None, gpu=0, max_concurrent=None)
            for node in load(plans.plan(tree)).nodes
        )
        Schedule(nodes, Limits())
    except Deadlock:
        return
    groups = [node.path for node in nodes if node.is_group and node.path]
    if not groups:
        return
    inner = rng.sample(groups, min(len(groups), rng.randint(1, 3)))
    fates: dict[tuple[str, int], End] = {}

    def script(path: str, attempt: int) -> tuple[float, End]:
        if path in inner:
            return 1.0, FINE
        return 1.0, fates.setdefault((path, attempt), rng.choice([FINE, FINE, FINE, BAD]))

    written = World(Schedule(nodes, Limits()), {}, script).run()
    try:
        grown = expanding(nodes, *sorted(inner, key=len, reverse=True), script=script)
    except Deadlock:
        return  # with a retry around, what was ordered by the tree alone can be a circle
    there = grown.schedule._by_path  # without what is below a leaf that did not run in the end
    assert {path: grown.states[path] for path in there} == {path: written.states[path] for path in there}
    assert all(
        written.states[path] in ("skipped", "omitted") for path in written.states.keys() - there.keys()
    )


class Cut(Exception):
    """As kill -9."""


def session(
    journal: list[dict[str, Any]],
    nodes: Nodes,
    files: dict[str, Expansion],
    cut_after: int | None,
    script: Any,
) -> World:
    """Run from the journal, and write it on, as the runner does."""
    history = replay(journal, nodes, files.__getitem__)
    grown = grow(nodes, history.expansions)
    pasts = to_do(history, grown) if history.sessions else {}
    journal.append(begin_record(Options(), "t"))
    schedule = Schedule(grown, Limits(), past=pasts, leaves=history.leaves(nodes))
    written = 0

    def write(record: dict[str, Any]) -> None:
        nonlocal written
        if cut_after is not None and written >= cut_after:
            raise Cut
        journal.append(json.loads(json.dumps(record)))
        written += 1

    class Writing(World):
        def _do(self, action: Any, ends: list[Any], number: int) -> None:
            match action:
                case Changed():
                    write(node_record(action, "", "t"))
                case Expanded():
                    write(expand_record(action.nodes[0].path, action.nodes[0].path, "t"))
            super()._do(action, ends, number)

    expansions = {path: one.nodes for path, one in files.items()}
    world = Writing(schedule, {node.path: node for node in grown}, script, expansions=expansions)
    with suppress(Cut):
        world.run()
        journal.append({"t": "t", "e": "end", "state": schedule.state, "code": 0})
    return world


@pytest.mark.parametrize("retry", ["inside", "around", "none"])
def test_what_a_leaf_became_holds_over_any_cut(retry: str) -> None:
    twice = {"retry": {"attempts": 2}}
    group = serial(run("x"), run("y"), name="g", **(twice if retry == "inside" else {}))
    outer = serial(run("a"), group, name="o", **(twice if retry == "around" else {}))
    nodes = nodes_of(serial(outer, run("z")))
    cut, inside = cut_out(nodes, "o/g")
    files = {"o/g": Expansion(inside)}
    script = ends(o_g_y=[BAD, FINE] if retry != "none" else [FINE])
    once = session([], cut["outside"], files, None, script)
    expected = Counter(path for path in once.starts())
    assert once.states[""] == "succeeded"
    for cut_after in range(1, 22):
        journal: list[dict[str, Any]] = []
        first = session(journal, cut["outside"], files, cut_after, script)
        second = session(journal, cut["outside"], files, None, script)
        assert replay(journal, cut["outside"], files.__getitem__).end == "succeeded"
        starts = {(p, n) for world in (first, second) for _, what, p, n in world.log if what == "start"}
        assert Counter(path for path, _ in starts) == expected, cut_after


def test_after_a_failure_the_leaf_is_not_run_again_but_what_failed_below_it() -> None:
    cut, inside = cut_out(nodes_of(serial(parallel(run("x"), run("y"), name="g"), run("z"))), "g")
    files = {"g": Expansion(inside)}
    journal: list[dict[str, Any]] = []
    script = ends(g_y=[BAD, FINE])
    assert session(journal, cut["outside"], files, None, script).states[""] == "failed"
    again = session(journal, cut["outside"], files, None, script)
    assert again.starts() == ["g/y", "z"]
    assert replay(journal, cut["outside"], files.__getitem__).end == "succeeded"


def test_it_is_kept_as_it_is(tmp_path: Path) -> None:
    expansion = Expansion(nodes_of(TREE), load(plans.plan()).images, "x", "text")
    names = [keep(tmp_path, expansion), keep(tmp_path, replace(expansion, text="other"))]
    assert len(set(names)) == 2
    assert read_expansion(tmp_path, names[0]) == expansion
