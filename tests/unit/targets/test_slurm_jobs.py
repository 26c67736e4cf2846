"""The jobs of a plan on a model of Slurm: what runs, in which order, and how it ends is as the engine has it."""

from __future__ import annotations

import heapq
import random
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import plans
import pytest
import trees
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import parallel, run, serial

import imgc.targets.slurm.jobs
from imgc.targets.flow import Flow
from imgc.targets.registry import make
from imgc.targets.slurm.jobs import Job, Jobs
from imgc.targets.slurm.lanes import lanes
from imgc.targets.slurm.scripts import rows

AWK = Path(imgc.targets.slurm.jobs.__file__).with_name("states.awk")


class Slurm:
    """Jobs start when their dependencies hold, and are cancelled when these no longer can; so do they on a real one
    (tests/engine/test_slurm.py)."""

    def __init__(self, plan: dict[str, Any], folder: Path, bad: set[str], seconds: dict[str, float]) -> None:
        self.flow = Flow(plan["nodes"])
        self.jobs = Jobs(self.flow)
        self.lanes = lanes(self.flow, self.jobs.all)
        self.folder, self.bad, self.seconds = folder, bad, seconds
        self.table = folder / "nodes.tsv"
        self.table.write_text("".join(f"{row}\n" for row in rows(self.flow)))
        (folder / "states").mkdir()
        self.fine: dict[str, bool] = {}
        """Of the jobs that have ended."""
        self.log: list[tuple[str, str]] = []
        self.ends: list[tuple[float, str, bool]] = []

    def run(self) -> Slurm:
        now, pending = 0.0, dict(self.jobs.all)
        while True:
            while changed := [name for name, job in pending.items() if self._look(name, job, now)]:
                for name in changed:
                    del pending[name]
            if not self.ends:
                assert not pending
                return self
            now, name, fine = heapq.heappop(self.ends)
            self.fine[name] = fine
            self.log.append(("end", name))

    def _look(self, name: str, job: Job, now: float) -> bool:
        if any(self.fine.get(other) is False for other in job.fine) or self.fine.get(job.failed):
            self.fine[name] = False
            return True
        if any(other not in self.fine for other in job.waits):
            return False
        if any(other not in self.fine for other in self._before_in_lane(name)):
            return False
        number = self.flow.numbers[job.path]
        if job.barrier:
            heapq.heappush(self.ends, (now, name, self.awk(f"fine={number}")[0] == 0))
            return True
        if job.gate and (said := self.awk(f"ask={number}")[1].strip()) != "run":
            self._record(number, said)
            heapq.heappush(self.ends, (now, name, said == "skipped"))
            return True
        node = self.flow.nodes[name]
        failed = name in self.bad
        self.log.append(("start", name))
        self._record(number, "failed" if failed else "succeeded")
        heapq.heappush(self.ends, (now + self.seconds[name], name, not failed or node["suppress_errors"]))
        return True

    def _before_in_lane(self, name: str) -> list[str]:
        """As `singleton` has it: those of the same name that were submitted before."""
        names = list(self.jobs.all)
        lane = self.lanes.get(name)
        return [
            other
            for other in names[: names.index(name)]
            if lane is not None and self.lanes.get(other) == lane
        ]

    def _record(self, number: int, state: str) -> None:
        (self.folder / "states" / str(number)).write_text(f"{state}\n")

    def awk(self, question: str) -> tuple[int, str]:
        done = subprocess.run(
            ["awk", "-v", f"states={self.folder / 'states'}", "-v", question, "-f", AWK, self.table],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stderr == ""
        return done.returncode, done.stdout

    def states(self) -> dict[str, str]:
        code, said = self.awk("all=1")
        lines = [line.split(maxsplit=1) for line in said.splitlines()]
        found = dict(zip(self.flow.nodes, (state for state, _ in lines), strict=True))
        assert code == (not self.is_fine(found, ""))
        return found

    def is_fine(self, states: dict[str, str], path: str) -> bool:
        state = states[path]
        suppressed = self.flow.nodes[path]["suppress_errors"]
        return state in ("succeeded", "skipped") or (state == "failed" and suppressed)

    def check_order(self) -> None:
        """Nothing starts before what it waits for has ended, with all that was to run of it, and no group has more
        running than its limit."""
        ended: set[str] = set()
        started: set[str] = set()
        ran = {name for what, name in self.log if what == "start"}
        for what, name in self.log:
            if what == "end":
                ended.add(name)
                continue
            started.add(name)
            for member in self.flow.chain(name):
                running = set(self.flow.leaves(member)) & started - ended
                assert len(running) <= (self.flow.nodes[member]["max_concurrent"] or len(running))
                for target in self.flow.nodes[member]["after"]:
                    for waited in self.flow.ended(target, member):
                        assert set(self.flow.leaves(waited)) & ran <= ended, f"{name} before {waited}"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_slurm_runs_what_the_engine_runs(seed: int) -> None:
    plan = trees.a_plan(seed, limits=True)
    rng = random.Random(seed)
    paths = trees.leaves(plan)
    bad = {path for path in paths if rng.random() < 0.25}
    seconds = {path: rng.choice([0.0, 1.0, 1.0, 5.0]) for path in paths}
    with TemporaryDirectory() as folder:
        slurm = Slurm(plan, Path(folder), bad, seconds).run()
        slurm.check_order()
        world = trees.run(plan, bad, seconds)
        assert slurm.states() == world.states
        assert sorted(name for what, name in slurm.log if what == "start") == sorted(world.starts())


@pytest.mark.parametrize("folder", trees.FOLDERS, ids=lambda folder: folder.name)
def test_each_valid_pipeline_runs_as_the_engine_runs_it(folder: Path, tmp_path: Path) -> None:
    subject = trees.of_folder(folder)
    plan = subject.plan
    if not make(["slurm"], subject).files or any(
        node["container"]["group"] is not None for node in plan["nodes"]
    ):
        return
    seconds = dict.fromkeys(trees.leaves(plan), 1.0)
    for number, bad in enumerate(trees.some_fail(plan)):
        (tmp_path / str(number)).mkdir()
        slurm = Slurm(plan, tmp_path / str(number), bad, seconds).run()
        slurm.check_order()
        assert slurm.states() == trees.run(plan, bad, seconds).states


def test_a_job_stands_between_crowds(tmp_path: Path) -> None:
    crowd = [run(f"n{number}") for number in range(50)]
    plan = plans.plan(serial(parallel(*crowd, name="a"), parallel(*crowd, name="b")))
    jobs = Jobs(Flow(plan["nodes"])).all
    assert len(jobs) == 101
    assert jobs["b/n7"].waits == {"a/"}
    seconds = dict.fromkeys(trees.leaves(plan), 1.0)
    states = Slurm(plan, tmp_path, {"a/n7"}, seconds).run().states()
    assert states["a"] == "failed"
    assert states["b/n7"] == "omitted"


@pytest.mark.parametrize(
    ("tree", "path", "fine", "ended", "failed", "gate"),
    [
        (serial(run("a"), run("b"), run("c")), "c", {"b"}, set(), "", False),
        (serial(run("a"), run("b"), run("c"), stop_on_error=False), "c", set(), {"b"}, "", False),
        (serial(run("a"), run("b", when="on_failure")), "b", set(), set(), "a", False),
        (serial(run("a"), run("b", when="always")), "b", set(), {"a"}, "", True),
        (serial(run("a"), run("b", skip=True), run("c")), "c", {"a"}, set(), "", False),
        (parallel(run("a"), run("b", needs=["a"])), "b", {"a"}, set(), "", False),
        (
            serial(parallel(run("x"), run("y"), name="a"), run("b"), run("c", when="on_failure")),
            "c", set(), {"a/x", "a/y"}, "b", False,  # b may be cancelled while y runs
        ),
    ],
)  # fmt: skip
def test_dependencies(tree: Any, path: str, fine: set[str], ended: set[str], failed: str, gate: bool) -> None:
    job = Jobs(Flow(plans.plan(tree)["nodes"])).all[path]
    assert (job.fine, job.ended, job.failed, job.gate) == (fine, ended, failed, gate)


def test_long_pipelines_are_arranged_in_no_time() -> None:
    plan = plans.plan(serial(*(run(f"n{number}") for number in range(4000)), run("end", when="always")))
    jobs = Jobs(Flow(plan["nodes"])).all
    assert len(jobs["end"].ended) == 4000
