"""The jobs of a pipeline: which leaves each runs, and what Slurm is to wait for before it starts one."""

from __future__ import annotations

from collections.abc import Iterator

from imgc.records import dataclass, field
from imgc.targets.flow import Flow
from imgc.targets.subject import is_group

CROWD = 1000  # dependencies between two nodes from which on a job stands between them


@dataclass(slots=True)
class Job:
    """A job for the leaf or the group at `path`: of a group, one that runs its leaves in one container, or
    (`barrier`) nothing but the end of it.

    `fine` has to be fine, `ended` has to have ended, `failed` not to be fine; all name jobs. `gate`: the job itself
    finds out whether it is its turn, since those do not say it all.
    """

    path: str
    barrier: bool = False
    fine: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    failed: str = ""
    gate: bool = False

    @property
    def waits(self) -> set[str]:
        return self.fine | self.ended | ({self.failed} if self.failed else set())


class Jobs:
    """All jobs by name, each behind those that it waits for. A job that waits in vain ends early, before what else
    it waits for has ended: who waits for its end also waits for all of that.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self.all: dict[str, Job] = {}
        self._of: dict[str, str] = {}
        """Leaf -> its job."""
        self._barriers = set(self._crowded())
        for event, path in flow.events:
            if event == "start":
                self._start(path)
            elif path in self._barriers:
                self._add(f"{path}/", Job(path, barrier=True), {path: self._jobs(path, barrier=False)})
        self._use_failures()

    def _start(self, path: str) -> None:
        node = self._flow.nodes[path]
        shared = node["container"]["group"]
        if path in self._of or is_group(node) or not any(True for _ in self._flow.leaves(path)):
            return
        name = path if shared is None else shared
        for leaf in self._flow.leaves(name):
            self._of[leaf] = name
        job = Job(name)
        self._add(name, job, dict(self._gates(name, job)))

    def _add(self, name: str, job: Job, gates: dict[str, set[str]]) -> None:
        for jobs in gates.values():
            for other in jobs - job.fine:
                self._wait(other, job.ended)
        if job.ended - job.fine:
            job.ended -= self._behind(job.fine)
        job.ended -= job.fine
        self.all[name] = job

    def _behind(self, names: set[str]) -> set[str]:
        """What has ended when these are fine: they have run."""
        found: set[str] = set()
        open_ = list(names)
        while open_:
            new = self.all[open_.pop()].waits - found
            found |= new
            open_ += new
        return found

    def _wait(self, name: str, ended: set[str]) -> None:
        """Adds a job, and what else it waits for where it may end before that."""
        open_ = [name]
        while open_:
            other = open_.pop()
            if other not in ended:
                ended.add(other)
                open_ += self.all[other].waits if self.all[other].fine else ()

    def _gates(self, path: str, job: Job) -> Iterator[tuple[str, set[str]]]:
        """What has to have ended, with the jobs of it; what of that has to be fine is put into the job."""
        flow = self._flow
        may_be_skipped = False  # which is fine, and so nothing that Slurm may cancel a job for
        for member in flow.chain(path):
            when = flow.nodes[member]["when"]
            may_be_skipped |= when == "on_failure"
            job.gate |= when != "on_success"
            if when == "on_success":
                for target in [*flow.needed(member), *(flow.spoilers(member) if flow.stops(member) else [])]:
                    fine, exact = self._fine(target)
                    job.gate |= may_be_skipped or not exact
                    job.fine |= set() if may_be_skipped else fine
            for target in flow.nodes[member]["after"]:
                for ended in flow.ended(target, member):
                    yield ended, self._jobs(ended)

    def _fine(self, path: str) -> tuple[set[str], bool]:
        """Jobs that are fine when the node is, and whether the reverse holds too."""
        flow = self._flow
        if path in self._barriers:
            return {f"{path}/"}, True
        leaves = list(flow.leaves(path))
        if not leaves:
            return set(), True
        if all(
            self._of[leaf] == path for leaf in leaves
        ):  # its own job, of one leaf or of a shared container
            return {path}, True
        if not is_group(flow.nodes[path]) or flow.nodes[path]["suppress_errors"]:
            return set(), False
        parts = [self._fine(child) for child in flow.children[path]]
        return set().union(*(jobs for jobs, _ in parts)), all(exact for _, exact in parts)

    def _jobs(self, path: str, *, barrier: bool = True) -> set[str]:
        """Those that have ended when the node has."""
        if barrier and path in self._barriers:
            return {f"{path}/"}
        return {self._of[leaf] for leaf in self._flow.leaves(path)}

    def _crowded(self) -> Iterator[str]:
        """Groups that so many jobs wait for that it pays to have one between them."""
        flow = self._flow
        waiting: dict[str, int] = {}
        for path, node in flow.nodes.items():
            size = sum(1 for _ in flow.leaves(path)) if node["after"] else 0
            for target in node["after"]:
                waiting[target] = waiting.get(target, 0) + size
        for target, count in waiting.items():
            leaves = list(flow.leaves(target))
            apart = all(flow.nodes[leaf]["container"]["group"] is None for leaf in leaves)
            if is_group(flow.nodes[target]) and apart and len(leaves) * count > CROWD:
                yield target

    def _use_failures(self) -> None:
        """`when: on_failure` behind a single job that nobody waits for: then Slurm itself can leave it out."""
        flow = self._flow
        waited = set().union(*(job.waits for job in self.all.values()))
        for name, job in self.all.items():
            if job.barrier or name in waited or not job.gate or is_group(flow.nodes[name]):
                continue
            *around, own = flow.chain(name)
            if flow.nodes[own]["when"] != "on_failure" or not flow.stops(own) or flow.strict(own):
                continue
            if any(flow.nodes[member]["when"] != "on_success" for member in around):
                continue
            behind = flow.spoilers(own)
            fine, exact = self._fine(behind[0]) if behind else (set(), False)
            if len(behind) == 1 and exact and len(fine) == 1 and not job.fine:
                (job.failed,) = fine
                job.ended -= fine
                job.gate = False
