"""What starts when, and how it ends: by example. Trees are written short, time is virtual."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import plans
import pytest
from plans import parallel, run, serial
from simulation import BAD, FINE, simulate

from imgc_engine.plan import load
from imgc_engine.run.actions import Start
from imgc_engine.run.history import Options
from imgc_engine.run.items import Deadlock
from imgc_engine.run.prepare import make_schedule
from imgc_engine.run.ready import Limits
from imgc_engine.run.schedule import Schedule
from imgc_engine.run.states import End, Past

OOM = End(exit_code=137, oom=True)
LOST = End(lost=True, began=False, message="the engine went away")
KILLED = End(exit_code=137, lost=True, message="somebody killed it")


def test_serial_children_follow_each_other_and_parallel_ones_do_not() -> None:
    world = simulate(
        plans.plan(serial(run("a"), parallel(run("x"), run("y"), name="p"), run("z"))), seconds={"p/x": 5}
    )
    assert world.states == dict.fromkeys(["", "a", "p", "p/x", "p/y", "z"], "succeeded")
    assert world.starts() == ["a", "p/x", "p/y", "z"]
    assert world.time_of("start", "p/x") == world.time_of("start", "p/y") == 1
    assert world.time_of("start", "z") == 6


def test_a_single_leaf_is_a_tree() -> None:
    assert simulate(plans.plan(run("only"))).states == {"": "succeeded"}
    assert simulate(plans.plan(run("only")), {"": BAD}).states == {"": "failed"}


def test_a_failure_omits_what_follows_in_a_serial_group() -> None:
    world = simulate(plans.plan(serial(run("a"), run("b"), serial(run("d"), name="c"))), {"a": BAD})
    assert world.states == {"": "failed", "a": "failed", "b": "omitted", "c": "omitted", "c/d": "omitted"}


def test_parallel_siblings_of_a_failure_run_to_the_end() -> None:
    world = simulate(plans.plan(parallel(run("a"), run("b"))), {"a": BAD}, seconds={"b": 9})
    assert world.states == {"": "failed", "a": "failed", "b": "succeeded"}


@pytest.mark.parametrize("how", ["stop_on_error", "keep_going"])
def test_a_serial_group_may_go_on_and_still_fails(how: str) -> None:
    settings = {"stop_on_error": False} if how == "stop_on_error" else {}
    world = simulate(
        plans.plan(serial(run("a"), run("b"), **settings)), {"a": BAD}, keep_going=how == "keep_going"
    )
    assert world.states == {"": "failed", "a": "failed", "b": "succeeded"}


def test_suppressed_errors_count_as_success_for_others() -> None:
    plan = plans.plan(serial(run("a", suppress_errors=True), run("b"), run("c", when="on_failure")))
    world = simulate(plan, {"a": BAD})
    assert world.states == {"": "succeeded", "a": "failed", "b": "succeeded", "c": "skipped"}


def test_an_engine_error_is_not_suppressed() -> None:
    world = simulate(plans.plan(serial(run("a", suppress_errors=True), run("b"))), {"a": LOST})
    assert world.states == {"": "error", "a": "error", "b": "omitted"}


def test_accepted_return_codes_are_success_even_when_a_child_ran_out_of_memory() -> None:
    plan = plans.plan(serial(run("a", accept_return_code=[3]), run("b"), run("c")))
    ends = {"a": End(exit_code=3), "b": End(exit_code=0, oom=True), "c": End(exit_code=4)}
    world = simulate(plan, ends)
    assert world.states == {"": "failed", "a": "succeeded", "b": "succeeded", "c": "failed"}


def test_skip_leaves_a_subtree_out_and_the_rest_goes_on() -> None:
    plan = plans.plan(serial(run("a"), parallel(run("x"), name="p", skip=True), run("z")))
    world = simulate(plan)
    assert world.states == {
        "": "succeeded",
        "a": "succeeded",
        "p": "skipped",
        "p/x": "skipped",
        "z": "succeeded",
    }


@pytest.mark.parametrize(
    ("end", "states"),
    [
        (FINE, {"b": "succeeded", "repair": "skipped", "clean": "succeeded", "last": "succeeded"}),
        (BAD, {"b": "omitted", "repair": "succeeded", "clean": "succeeded", "last": "omitted"}),
    ],
)
def test_when_in_a_serial_group_looks_at_all_before(end: End, states: dict[str, str]) -> None:
    plan = plans.plan(
        serial(run("a"), run("b"), run("repair", when="on_failure"), run("clean", when="always"), run("last"))
    )
    world = simulate(plan, {"a": end})
    assert {path: state for path, state in world.states.items() if path in states} == states
    assert world.states[""] == ("succeeded" if end is FINE else "failed")


def test_needs_are_edges_that_the_tree_cannot_say() -> None:
    plan = plans.plan(
        parallel(run("a"), run("b", needs=["a"]), run("c"), run("d", needs=["b", "c"]), run("e"))
    )
    world = simulate(plan, seconds={"c": 5})
    assert world.time_of("start", "b") == 1
    assert world.time_of("start", "d") == 5
    assert world.time_of("start", "e") == 0


def test_what_needs_a_failure_is_omitted_or_was_waiting_for_it() -> None:
    plan = plans.plan(
        parallel(
            run("a"),
            run("b", needs=["a"]),
            run("c", needs=["b"]),
            run("on", needs=["a"], when="on_failure"),
            run("late", needs=["b"], when="on_failure"),
            run("ever", needs=["c"], when="always"),
        )
    )
    world = simulate(plan, {"a": BAD})
    states = {"b": "omitted", "c": "omitted", "on": "succeeded", "late": "succeeded", "ever": "succeeded"}
    assert world.states == {"": "failed", "a": "failed", **states}


def test_needs_reach_into_other_groups_and_whole_groups() -> None:
    plan = plans.plan(
        parallel(
            serial(run("a"), run("b"), name="one"),
            parallel(run("x", needs=["/one/a"]), run("y", needs=["/one"]), name="two"),
        )
    )
    world = simulate(plan)
    assert world.time_of("start", "two/x") == 1
    assert world.time_of("start", "two/y") == 2


def test_children_wait_for_what_their_group_waits_for() -> None:
    plan = plans.plan(parallel(run("a"), parallel(run("x"), name="p", needs=["a"])))
    assert simulate(plan, seconds={"a": 7}).time_of("start", "p/x") == 7
    world = simulate(plan, {"a": BAD})
    assert world.states["p/x"] == "omitted"


def test_a_circle_is_refused_at_its_place() -> None:
    plan = plans.plan(parallel(run("a", needs=["b"]), run("b", needs=["a"])))
    with pytest.raises(Deadlock) as caught:
        Schedule(load(plan).nodes, Limits())
    assert str(caught.value.refusal.place) == "pipeline.yaml:2:5"


def test_retry_by_cause_with_backoff_and_memory() -> None:
    retry = {"attempts": 3, "backoff": 10, "on": ["oom"], "mem_factor": 2}
    world = simulate(plans.plan(serial(run("a", retry=retry, mem=100))), {"a": [OOM, OOM, FINE]})
    assert world.states["a"] == "succeeded"
    starts = [(time, attempt) for time, what, _, attempt in world.log if what == "start"]
    assert starts == [(0, 1), (11, 2), (32, 3)]
    assert world.memory["a"] == 400
    assert simulate(plans.plan(serial(run("a", retry=retry))), {"a": BAD}).starts() == ["a"]
    assert simulate(plans.plan(serial(run("a", retry=retry))), {"a": OOM}).starts() == ["a"] * 3


def test_a_group_is_repeated_as_a_whole() -> None:
    retry = {"attempts": 2, "mem_factor": 3}
    plan = plans.plan(serial(serial(run("a"), run("b", mem=10), name="g", retry=retry), run("z")))
    world = simulate(plan, {"g/b": [BAD, FINE]})
    assert world.starts() == ["g/a", "g/b", "g/a", "g/b", "z"]
    assert world.states[""] == "succeeded"
    assert world.memory["g/b"] == 30
    attempts = [attempt for _, what, path, attempt in world.log if (what, path) == ("start", "g/a")]
    assert attempts == [1, 2]  # never one twice: they name containers and logs


def test_outside_a_repeated_group_its_last_try_counts() -> None:
    plan = plans.plan(
        parallel(
            serial(run("a"), run("b"), name="g", retry={"attempts": 2}),
            run("need_a", needs=["/g/a"]),
            run("need_b", needs=["/g/b"]),
        )
    )
    world = simulate(plan, {"g/b": [BAD, FINE]})
    assert world.starts() == ["g/a", "g/b", "g/a", "g/b", "need_a", "need_b"]
    assert set(world.states.values()) == {"succeeded"}
    circle = plans.plan(
        parallel(
            parallel(run("a"), run("c", needs=["/o"]), name="g", retry={"attempts": 2}),
            run("o", needs=["/g/a"]),
        )
    )
    with pytest.raises(Deadlock):
        Schedule(load(circle).nodes, Limits())


def test_max_time_of_a_leaf_counts_for_each_attempt() -> None:
    settings = {"max_time": 2, "retry": {"attempts": 2, "on": ["timeout"]}}
    world = simulate(plans.plan(serial(run("a", **settings))), seconds={"a": 60})
    assert world.states["a"] == "failed"
    assert [change.cause for change in world.changes if change.state in ("pending", "failed")][:2] == [
        "timeout",
        "timeout",
    ]
    assert world.now == 5  # twice 2 seconds, and half a second to stop


def test_max_time_of_a_group_bounds_the_whole() -> None:
    plan = plans.plan(
        serial(
            serial(run("a", retry={"attempts": 5}), run("b"), run("c", when="always"), name="g", max_time=10),
            run("z", when="on_failure"),
        )
    )
    world = simulate(plan, seconds={"g/a": 60})
    states = {"g": "failed", "g/a": "failed", "g/b": "omitted", "g/c": "omitted", "z": "succeeded"}
    assert world.states == {"": "failed", **states}
    assert world.time_of("start", "z") == 10.5


def test_waiting_for_another_try_ends_with_the_groups_time() -> None:
    leaf = run("a", retry={"attempts": 2, "backoff": 100})
    world = simulate(plans.plan(serial(leaf, max_time=10)), {"a": BAD})
    assert world.states == {"": "failed", "a": "failed"}
    assert world.now == 10


def test_what_the_engine_loses_is_started_again_and_does_not_count() -> None:
    assert simulate(plans.plan(serial(run("a"))), {"a": [LOST, LOST, FINE]}).states["a"] == "succeeded"
    world = simulate(plans.plan(serial(run("a"))), {"a": LOST})
    assert (len(world.starts()), world.states["a"]) == (4, "error")
    begun = simulate(plans.plan(serial(run("a"))), {"a": [KILLED, FINE]})
    assert begun.states["a"] == "error"  # it had begun, and nobody said that it may be repeated
    retried = simulate(plans.plan(serial(run("a", retry={"attempts": 2}))), {"a": [KILLED, BAD, FINE]})
    assert retried.states["a"] == "succeeded"


def test_an_interrupt_stops_what_runs_and_starts_nothing() -> None:
    plan = plans.plan(
        serial(
            parallel(
                run("a"), run("b", max_time=50), run("w", retry={"attempts": 9, "backoff": 9}), name="p"
            ),
            run("z", when="always"),
        )
    )
    world = simulate(plan, {"p/w": BAD}, seconds={"p/a": 60, "p/b": 60}, interrupt_at=5)
    states = {"p": "interrupted", "p/a": "interrupted", "p/b": "interrupted", "p/w": "failed", "z": "omitted"}
    assert world.states == {"": "interrupted", **states}
    assert world.now == 5.5


def test_an_interrupt_is_the_last_word_on_what_is_being_stopped_for_its_time() -> None:
    plan = plans.plan(serial(run("a"), max_time=2, retry={"attempts": 5, "on": ["timeout"]}))
    world = simulate(plan, seconds={"a": 60}, interrupt_at=2.2)
    assert world.states == {"": "interrupted", "a": "interrupted"}


def test_limits_hold_and_the_tree_gives_the_order() -> None:
    plan = plans.plan(
        parallel(
            parallel(*[run(str(n)) for n in range(6)], name="few", max_concurrent=2),
            *[run(name, cpu=2) for name in "xyz"],
        )
    )
    world = simulate(plan, limits=Limits(cpus=4, load=4, parallel=3))
    assert world.starts()[:3] == ["few/0", "few/1", "x"]
    assert world.states[""] == "succeeded"


def test_a_leaf_that_wants_more_than_there_is_runs_alone() -> None:
    plan = plans.plan(parallel(run("a"), run("big", cpu=64), run("b")))
    world = simulate(plan, limits=Limits(cpus=2, load=2))
    others = {path for _, what, path, _ in world.log if what == "start"} - {"big"}
    assert others == {"a", "b"}
    assert world.time_of("start", "big") >= 1


def test_small_leaves_do_not_keep_a_big_one_waiting_for_ever() -> None:
    small = [run(f"s{n}", cpu=1) for n in range(200)]
    plan = plans.plan(parallel(run("s"), run("big", cpu=2), *small))
    world = simulate(plan, limits=Limits(cpus=2, load=2), seconds={f"s{n}": 1 + n % 2 for n in range(200)})
    assert world.starts().index("big") < 40


def test_room_in_one_group_is_not_lost_to_a_leaf_that_another_keeps() -> None:
    inner = parallel(*[run(f"i{n}") for n in range(4)], name="inner", max_concurrent=1)
    plan = plans.plan(parallel(inner, run("o1"), run("o2"), max_concurrent=2))
    world = simulate(plan)
    assert world.time_of("start", "o1") == 0
    assert world.now == 4


def test_what_an_earlier_session_did_is_not_done_again() -> None:
    plan = plans.plan(serial(run("a"), run("b", retry={"attempts": 2, "mem_factor": 2}, mem=10), run("c")))
    past = {"a": Past("succeeded", None, 1, 1), "b": Past(None, None, 1, 1)}
    world = simulate(plan, past=past)
    assert world.starts() == ["b", "c"]
    assert world.memory["b"] == 20
    assert "a" not in world.states
    failed = simulate(plan, past={"a": Past("failed", "error", 1, 1)})
    assert failed.starts() == []
    assert failed.states[""] == "failed"


def test_a_group_whose_first_child_fails_is_tried_again() -> None:
    tree = serial(serial(run("a"), run("b"), name="g", retry={"attempts": 2}))
    world = simulate(plans.plan(tree), {"g/a": [BAD, FINE]})
    assert world.starts() == ["g/a", "g/a", "g/b"]
    assert world.states[""] == "succeeded"


@pytest.mark.parametrize(("asked", "at_once"), [(None, 8), (1, 1), (6, 6), (20, 10)])
def test_as_many_leaves_start_at_once_as_the_user_asks_for(asked: int | None, at_once: int) -> None:
    """Four a CPU when nobody asks."""
    scene = cast(Any, SimpleNamespace(facts=SimpleNamespace(cpus=2, memory=None)))
    nodes = load(plans.plan(parallel(*(run(f"n{number}") for number in range(10))))).nodes
    schedule = make_schedule(scene, nodes, Options(max_parallel=asked))
    schedule.begin(0.0)
    assert len([action for action in schedule.actions() if isinstance(action, Start)]) == at_once
