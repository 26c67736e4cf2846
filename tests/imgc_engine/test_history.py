"""Runs that are cut off anywhere, and go on from their journal."""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import plans
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import parallel, run, serial
from simulation import BAD, FINE, World
from test_schedule_properties import LIMITS, Watch, a_tree, an_end

from imgc_engine.plan import Node, load
from imgc_engine.run import store
from imgc_engine.run.history import History, Options, begin_record, node_record, replay, to_do
from imgc_engine.run.items import Deadlock
from imgc_engine.run.ready import Limits
from imgc_engine.run.schedule import Schedule
from imgc_engine.run.states import End, Past

BEGIN = begin_record(Options(), "t")


class Cut(Exception):
    """As kill -9."""


def session(
    nodes: tuple[Node, ...],
    journal: list[dict[str, Any]],
    script: Any,
    cut_after: int | None,
    limits: Limits = LIMITS,
) -> World:
    """Run from the journal, and write it on. It ends the session unless it is cut."""
    history = replay(journal, nodes)
    pasts = to_do(history, nodes) if history.sessions else {}
    journal.append(BEGIN)
    schedule = Schedule(nodes, limits, past=pasts)
    written = 0

    def check(world: World) -> None:
        nonlocal written
        for change in world.changes[written:]:
            if cut_after is not None and written >= cut_after:
                raise Cut
            journal.append(json.loads(json.dumps(node_record(change, "", "t"))))
            written += 1

    world = World(schedule, {node.path: node for node in nodes}, script, check=check)
    with suppress(Cut):
        world.run()
        check(world)
        journal.append({"t": "t", "e": "end", "state": schedule.state, "code": 0})
    return world


def ends(**how: list[End]) -> Any:
    return lambda path, attempt: (1.0, how.get(path.replace("/", "_"), [FINE])[:attempt][-1])


def nodes_of(tree: dict[str, Any]) -> tuple[Node, ...]:
    return load(plans.plan(tree)).nodes


def starts(world: World) -> list[tuple[str, int]]:
    return [(path, attempt) for _, what, path, attempt in world.log if what == "start"]


def test_after_a_failure_only_what_failed_and_what_looked_at_it_is_repeated() -> None:
    nodes = nodes_of(
        serial(
            parallel(run("good"), run("bad"), run("suppressed", suppress_errors=True), name="p"),
            run("clean", when="always"),
            run("next"),
        )
    )
    journal: list[dict[str, Any]] = []
    script = ends(p_bad=[BAD, FINE], p_suppressed=[BAD])
    first = session(nodes, journal, script, None)
    assert first.states[""] == "failed"
    second = session(nodes, journal, script, None)
    assert starts(second) == [("p/bad", 2), ("clean", 2), ("next", 1)]
    assert second.states[""] == "succeeded"
    assert replay(journal, nodes).end == "succeeded"


def test_what_shares_a_container_is_repeated_together() -> None:
    group = {"mode": "group", "group": "g"}
    nodes = nodes_of(serial(run("a"), serial(run("x", container=group), run("y", container=group), name="g")))
    journal: list[dict[str, Any]] = []
    session(nodes, journal, ends(g_y=[BAD, FINE]), None)
    assert starts(session(nodes, journal, ends(g_y=[BAD, FINE]), None)) == [("g/x", 2), ("g/y", 2)]


def test_a_shared_container_that_is_kept_keeps_what_was_done_in_it() -> None:
    group = {"mode": "group", "group": "g"}
    nodes = nodes_of(serial(serial(run("x", container=group), run("y", container=group), name="g"), run("z")))
    for kept, repeated in (({"g"}, [("g/y", 1), ("z", 1)]), (set[str](), [("g/x", 2), ("g/y", 1), ("z", 1)])):
        journal: list[dict[str, Any]] = []
        session(nodes, journal, ends(), 5)  # x is done and y runs
        history = replay(journal, nodes)
        journal.append(begin_record(Options(), "t", kept))
        world = World(
            Schedule(nodes, LIMITS, past=to_do(history, nodes, kept)),
            {node.path: node for node in nodes},
            ends(),
        )
        assert starts(world.run()) == repeated
        assert (replay(journal, nodes).pasts["g/x"].state == "succeeded") is bool(kept)


def test_a_cut_session_goes_on_where_it_was() -> None:
    nodes = nodes_of(serial(run("a"), run("b"), run("c")))
    journal: list[dict[str, Any]] = []
    session(nodes, journal, ends(), 5)  # pipeline, a, a, b run; b has ended, c not begun
    history = replay(journal, nodes)
    assert history.end is None
    assert history.running == {"": 1}
    assert starts(session(nodes, journal, ends(), None)) == [("c", 1)]
    journal.clear()
    session(nodes, journal, ends(), 4)  # b was running: it is the same attempt, whose container may be there
    assert replay(journal, nodes).running == {"": 1, "b": 1}
    assert starts(session(nodes, journal, ends(), None)) == [("b", 1), ("c", 1)]


def test_a_committed_failure_holds_in_a_session_that_was_cut() -> None:
    nodes = nodes_of(parallel(run("bad"), run("slow")))
    journal: list[dict[str, Any]] = []
    session(nodes, journal, ends(bad=[BAD, FINE]), 4)
    second = session(nodes, journal, ends(bad=[BAD, FINE]), None)
    assert starts(second) == [("slow", 1)]
    assert second.states[""] == "failed"


def test_tries_are_counted_over_a_cut() -> None:
    nodes = nodes_of(serial(run("a", retry={"attempts": 3, "mem_factor": 2}, mem=10)))
    for cut in range(2, 8):
        journal: list[dict[str, Any]] = []
        session(nodes, journal, ends(a=[BAD]), cut)
        world = session(nodes, journal, ends(a=[BAD]), None)
        attempts = [
            record["attempt"]
            for record in journal
            if record.get("path") == "a" and record["state"] == "running"
        ]
        assert sorted(set(attempts)) == [1, 2, 3]
        assert not world.memory or world.memory["a"] == 40


def test_a_group_is_repeated_over_a_cut() -> None:
    nodes = nodes_of(serial(serial(run("a"), run("b"), name="g", retry={"attempts": 2}), run("z")))
    for cut in range(1, 16):
        journal: list[dict[str, Any]] = []
        script = ends(g_b=[BAD, FINE])
        first = session(nodes, journal, script, cut)
        second = session(nodes, journal, script, None)
        assert second.states[""] == "succeeded", cut
        count = Counter(path for path, _ in {*starts(first), *starts(second)})
        assert count == {"g/a": 2, "g/b": 2, "z": 1}, cut


@settings(max_examples=200, deadline=None)
@given(st.integers(min_value=0), st.lists(st.integers(0, 40), min_size=1, max_size=4))
def test_nothing_committed_is_lost_or_repeated(seed: int, cuts: list[int]) -> None:
    rng = random.Random(seed)
    nodes = load(plans.plan(a_tree(rng, depth=3))).nodes
    by_path = {node.path: node for node in nodes}
    fates: dict[tuple[str, int], tuple[float, End]] = {}

    def script(path: str, attempt: int) -> tuple[float, End]:
        return fates.setdefault((path, attempt), an_end(rng))

    journal: list[dict[str, Any]] = []
    all_starts: Counter[tuple[str, int]] = Counter()
    for cut in [*cuts, None]:
        committed = {
            (record["path"], record["attempt"])
            for record in journal
            if record.get("state") in ("succeeded", "failed", "error")
            and not by_path[record["path"]].is_group
        }
        try:
            world = session(nodes, journal, script, cut)
        except Deadlock:
            return
        assert not committed & set(starts(world)), "an attempt that was committed has run again"
        all_starts.update(starts(world))
        if replay(journal, nodes).end is not None:
            break
    final = {record["path"]: record["state"] for record in journal if record["e"] == "node"}
    assert final.keys() == by_path.keys()
    assert replay(journal, nodes).end == final[""]
    watch = Watch(by_path)
    for path, node in by_path.items():
        if final[path] == "succeeded" and node.is_group:
            children = [
                child for child in watch.children[path] if final[child] not in ("succeeded", "skipped")
            ]
            assert all(final[child] == "failed" and by_path[child].suppress_errors for child in children)


def test_a_journal_that_was_cut_in_a_line_is_read_and_written_on(tmp_path: Path) -> None:
    made = store.create(tmp_path, "r1", {"a": 1})
    made.append([{"n": 1}, {"n": 2, "text": "\udcff \u00e9"}])
    with pytest.raises(store.Busy):
        store.Store(made.folder)
    made.close()
    journal = made.folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"n": 3, "te')
    assert [record["n"] for record in store.records(made.folder)] == [1, 2]
    again = store.Store(made.folder)
    again.append([{"n": 4}])
    again.close()
    assert [record["n"] for record in store.records(made.folder)] == [1, 2, 4]
    assert (tmp_path / ".gitignore").read_text() == "*\n"


def test_history_of_an_empty_journal() -> None:
    assert replay([], ()) == History()
    assert to_do(History(), ()) == {}
    assert Past().state is None
