"""The files of slurm/: the script that submits, a script a job, and what these share."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from imgc.patterns import lazy
from imgc.targets.flow import ROOT, Flow
from imgc.targets.slurm.jobs import Job, Jobs
from imgc.targets.slurm.lanes import lanes
from imgc.targets.subject import Data, Subject, is_group
from imgc.targets.target import Say, approximated, refused

FOLDER = "slurm"
MAX_JOBS = 10_000  # MaxJobCount of Slurm, unless a cluster says otherwise
SECRETS = "/run/secrets"
STARTING = 5  # minutes for an image to come
LONGEST = 365 * 86400.0  # seconds
_HERE = Path(__file__).parent
_NOT_IN_NAMES = lazy(r"[^A-Za-z0-9.]+")
_CONTROL = lazy(r"[\x00-\x1f\x7f]")


def emit(subject: Subject, say: Say) -> dict[str, str]:
    if not subject.plan["nodes"]:
        span = next(subject.image_span(name) for name in subject.images)
        say("a file without a pipeline", refused("there is nothing to run."), span)
        return {}
    flow = Flow(subject.plan["nodes"])
    jobs = Jobs(flow)
    _judge(subject, flow, jobs, say)
    scripts = _Scripts(subject, flow, jobs)
    files = {
        f"{FOLDER}/{name}": (_HERE / name).read_text(encoding="utf-8") for name in ("imgc.sh", "states.awk")
    }
    files[f"{FOLDER}/nodes.tsv"] = "".join(f"{row}\n" for row in rows(flow))
    files[f"{FOLDER}/submit.sh"] = scripts.submit()
    for name in jobs.all:
        files |= scripts.job(name)
    files[f"{FOLDER}/jobs/verdict.sh"] = scripts.verdict()
    return files


def _judge(subject: Subject, flow: Flow, jobs: Jobs, say: Say) -> None:
    """What values, and nodes together, tell beside the table."""
    if len(jobs.all) > MAX_JOBS:
        text = (
            f"it has {len(jobs.all):,} jobs, and a cluster takes {MAX_JOBS:,} unless it is set up for more."
        )
        say("so large a pipeline", refused(text), subject.node_span(flow.nodes[ROOT], "serial"))
    local = ""
    for leaf in flow.leaves(ROOT):
        node = flow.nodes[leaf]
        if node["retry"]["mem_factor"] != 1 and node["mem"]:
            text = "a job reserves what the last attempt may need from the first one on."
            say("retry.mem_factor", approximated(text), subject.node_span(node, "retry"))
        image = subject.images[node["image"]]
        if not local and not image["skip_build"] and not _has_registry(image["reference"]):
            local = node["image"]
            text = "without a 'registry' to push to, each node of the cluster has to have built it."
            say("an image to run", approximated(text), subject.image_span(local, "registry"))
        if any(source["source_files"] == "download" for source in image["sources"]):
            text = "'imgc run' fetches it when a container starts."
            say("source_files: download", refused(text), subject.image_span(node["image"], "source_files"))
    for name, job in jobs.all.items():
        if is_group(flow.nodes[name]) and not job.barrier:
            _judge_shared(subject, flow, name, say)


def _judge_shared(subject: Subject, flow: Flow, name: str, say: Say) -> None:
    for path, node in flow.nodes.items():
        if not _below(name, path) or node["skip"]:
            continue
        if node["kind"] == "parallel":
            text = "the leaves of a job run one after the other."
            say("parallel leaves in one container", refused(text), subject.node_span(node, "parallel"))
        elif not is_group(node) and node["container"]["group"] != name:
            text = "a job is for the leaves of one container, and this one lies between them."
            say("a container of its own here", refused(text), subject.node_span(node, "container_reuse"))
        elif node["retry"]["mem_factor"] != 1 and node["mem"]:
            text = "in a container that is shared, an attempt cannot have more memory than the one before."
            say("retry.mem_factor", refused(text), subject.node_span(node, "retry"))


def _below(group: str, path: str) -> bool:
    return group in ("", path) or path.startswith(f"{group}/")


def _has_registry(reference: str) -> bool:
    host, slash, _ = reference.partition("/")
    return bool(slash) and ("." in host or ":" in host or host == "localhost")


def rows(flow: Flow) -> Iterator[str]:
    """What states.awk reads."""
    for event, path in flow.events:
        node = flow.nodes[path]
        parent = "" if node["parent"] is None else str(flow.numbers[node["parent"]])
        number = str(flow.numbers[path])
        if event == "start":
            strict = [str(flow.numbers[target]) for target in flow.strict(path)]
            flags = [_flag(flow.in_serial(path)), _flag(flow.stops(path)), _flag(node["skip"])]
            yield "\t".join(["start", number, parent, node["when"], *flags, *strict])
        else:
            flags = [_flag(not is_group(node)), _flag(node["suppress_errors"])]
            yield "\t".join(["end", number, parent, *flags, _plain(path or node["name"])])


def _flag(value: object) -> str:
    return "1" if value else "0"


def _plain(text: str) -> str:
    """A text for one line of a comment or a table."""
    return _CONTROL.sub("?", text)


class _Scripts:
    def __init__(self, subject: Subject, flow: Flow, jobs: Jobs) -> None:
        self.subject = subject
        self.flow = flow
        self.jobs = jobs
        self.lanes = lanes(flow, jobs.all)
        self.waited = set().union(*(job.waits for job in jobs.all.values()))
        digits = len(str(len(flow.nodes)))
        self.files = {}
        for name, job in jobs.all.items():
            number = flow.numbers[job.path]
            slug = _NOT_IN_NAMES.sub("-", job.path or "all").strip("-.")[-60:].strip("-.")
            end = "-end" if job.barrier else ""
            self.files[name] = f"{number:0{digits}}{'-' if slug else ''}{slug}{end}"

    # submit.sh

    def submit(self) -> str:
        plan = self.subject.plan
        project = PurePosixPath("..", self.subject.project)
        lines = [
            f"{plan['name']}: {len(self.jobs.all)} jobs and one for the verdict.",
            "",
            "usage: submit.sh [--wait] [RUN]",
            "",
            "RUN is the folder for the states and logs of this run, runs/TIME here by default. One that is already",
            "there is not submitted again. --wait ends with the pipeline, and with its exit code. All nodes of the",
            "cluster have to see this folder and the project. sbatch reads SBATCH_PARTITION, SBATCH_ACCOUNT and the like",
            "from the environment; IMGC_CONTAINERS chooses docker, podman or apptainer.",
        ]
        head = "".join(f"# {line}".rstrip() + "\n" for line in lines)
        used = {use["name"] for leaf in self.flow.leaves(ROOT) for use in self.flow.nodes[leaf]["secrets"]}
        secrets = "".join(
            f"    secret {shlex.quote(name)} {' '.join(map(shlex.quote, source))}\n"
            for name in sorted(used)
            for source in plan["secrets"][name].items()
        )
        text = (_HERE / "submit.sh").read_text(encoding="utf-8")
        parts = {
            "HEAD": head,
            "PROJECT": shlex.quote(str(project)),
            "NAME": shlex.quote(plan["name"]),
            "SECRETS": secrets,
            "JOBS": "".join(self._submission(name) for name in self.jobs.all),
        }
        for key, value in parts.items():
            text = text.replace(f"#{key}#" if key in ("PROJECT", "NAME") else f"#{key}#\n", value)
        return text

    def _submission(self, name: str) -> str:
        job = self.jobs.all[name]
        waits = [
            f"{kind}:{':'.join(f'$j{self._variable(other)}' for other in self.jobs.all if other in others)}"
            for kind, others in (
                ("afterok", job.fine),
                ("afterany", job.ended),
                ("afternotok", {job.failed} - {""}),
            )
            if others
        ]
        lane = self.lanes.get(name)
        dependency = f' "{",".join(waits)}"' if waits else " ''" if lane else ""
        dependency += f" {lane}" if lane else ""
        if name in self.waited:
            return f"    j{self._variable(name)}=$(submit {self.files[name]}{dependency})\n"
        return f"    submit {self.files[name]}{dependency} >/dev/null\n"

    def _variable(self, name: str) -> str:
        job = self.jobs.all[name]
        return f"{self.flow.numbers[job.path]}{'_end' if job.barrier else ''}"

    # jobs

    def job(self, name: str) -> dict[str, str]:
        job = self.jobs.all[name]
        node = self.flow.nodes[job.path]
        file = f"{FOLDER}/jobs/{self.files[name]}"
        if job.barrier:
            return {f"{file}.sh": self._small(job, f"close {self.flow.numbers[job.path]}")}
        leaves = [self.flow.nodes[path] for path in self.flow.leaves(job.path)]
        files = {
            f"{FOLDER}/jobs/{self.flow.numbers[leaf['path']]}.stdin": leaf["stdin"]
            for leaf in leaves
            if leaf["stdin"] is not None
        }
        lines = [*self._head(self.files[name], leaves), f"# {self._title(node)}", *_SOURCED]
        if is_group(node):
            lines += [self._begin(node), *self._container(leaves), "open"]
            for leaf in leaves:
                lines += [
                    "",
                    f"# {self._title(leaf)}",
                    self._begin(leaf),
                    "gate=yes",
                    *self._command(leaf),
                    "inside",
                ]
            lines += ["", f"close {self.flow.numbers[job.path]}"]
        else:
            lines += [self._begin(node), *(["gate=yes"] if job.gate else []), *self._container(leaves)]
            lines += [*self._command(node), "leaf"]
        return {f"{file}.sh": "\n".join(lines) + "\n", **files}

    def verdict(self) -> str:
        return self._small(None, "verdict")

    def _small(self, job: Job | None, command: str) -> str:
        """A job that takes a moment."""
        title = f"the end of {self._title(self.flow.nodes[job.path])}" if job else "what became of everything"
        head = self._head(self.files[f"{job.path}/"] if job else "verdict", [])
        return "\n".join([*head, f"# {title}", *_SOURCED, "job '' verdict", command]) + "\n"

    def _head(self, name: str, leaves: list[Data]) -> Iterator[str]:
        """What the job reserves: the most that any of its leaves does."""
        yield "#!/bin/bash"
        yield f"#SBATCH --job-name={self.subject.plan['name']}-{name}"
        yield "#SBATCH --ntasks=1"
        yield f"#SBATCH --cpus-per-task={max([math.ceil(leaf['cpu'] or 1) for leaf in leaves], default=1)}"
        memory = max((_reserved(leaf) for leaf in leaves), default=0)
        if memory:
            yield f"#SBATCH --mem={-(-memory // 2**20)}M"
        if leaves and all(leaf["max_time"] for leaf in leaves):
            yield f"#SBATCH --time={math.ceil(sum(map(_longest, leaves)) / 60) + STARTING}"
        gpus = max((leaf["gpu"] for leaf in leaves), default=0)
        if gpus:
            yield f"#SBATCH --gres=gpu:{gpus}"

    def _title(self, node: Data) -> str:
        place = node["source"]
        return _plain(f"{node['path'] or node['name']}, {place['file']}:{place['line']}:{place['column']}")

    def _begin(self, node: Data) -> str:
        return f"job {self.flow.numbers[node['path']]} {shlex.quote(_plain(node['path'] or node['name']))}"

    def _container(self, leaves: list[Data]) -> Iterator[str]:
        first = leaves[0]
        yield _set("image", self.subject.images[first["image"]]["reference"])
        if first["docker_run_args"]:
            yield _array("arguments", first["docker_run_args"])
        for mount in first["mounts"]:
            mode = "ro" if mount["read_only"] else "rw"
            yield f"mount {shlex.quote(mount['src'])} {shlex.quote(mount['dst'])} {mode}"
        files = {_target(use): use["name"] for leaf in leaves for use in leaf["secrets"] if _is_file(use)}
        if files:
            yield _array("secret_files", [f"{target}={name}" for target, name in files.items()])
        for name, value in (
            ("cpu", f"{first['cpu']:g}" if first["cpu"] else ""),
            ("memory", first["mem"]),
            ("shm", first["shm_size"]),
            ("network", first["network"]),
            ("gpu", first["gpu"]),
        ):
            if value:
                yield _set(name, str(value))

    def _command(self, leaf: Data) -> Iterator[str]:
        retry = leaf["retry"]
        if leaf["env"]:
            yield _array("variables", [f"{name}={value}" for name, value in leaf["env"].items()])
        variables = [f"{use['env']}={use['name']}" for use in leaf["secrets"] if use["env"]]
        if variables:
            yield _array("secret_variables", variables)
        for name in ("workdir", "user"):
            if leaf[name]:
                yield _set(name, leaf[name])
        if leaf["max_time"]:
            yield _set("limit", f"{leaf['max_time']:g}")
        if retry["attempts"] > 1:
            yield f"attempts={retry['attempts']} backoff={retry['backoff']:g} factor={retry['mem_factor']:g}"
            yield _set("again", " ".join(retry["on"]))
        if leaf["accept_return_code"]:
            yield _array("accept", map(str, leaf["accept_return_code"]))
        if leaf["suppress_errors"]:
            yield "suppress=yes"
        if leaf["stdin"] is not None:
            yield f'stdin="$run/jobs/{self.flow.numbers[leaf["path"]]}.stdin"'
        yield _array("command", leaf["command"])


_SOURCED = (
    "# shellcheck disable=SC1091,SC2016,SC2034  # imgc.sh reads what is set here; commands expand it",
    'run=$1 && . "$run/imgc.sh"',
)


def _reserved(leaf: Data) -> int:
    retry = leaf["retry"]
    memory: float = (leaf["mem"] or 0) * retry["mem_factor"] ** (retry["attempts"] - 1)
    return math.ceil(memory)


def _longest(leaf: Data) -> float:
    """Seconds that all attempts may take, with the pauses between them."""
    attempts, backoff = leaf["retry"]["attempts"], leaf["retry"]["backoff"]
    time: float = attempts * (leaf["max_time"] + 10) + backoff * (2 ** (attempts - 1) - 1)
    return min(time, LONGEST)


def _set(name: str, value: str) -> str:
    return f"{name}={shlex.quote(value)}"


def _array(name: str, values: Iterable[str]) -> str:
    return f"{name}=({' '.join(shlex.quote(value) for value in values)})"


def _is_file(use: Data) -> bool:
    return use["env"] is None or use["target"] is not None


def _target(use: Data) -> str:
    return str(PurePosixPath(SECRETS, use["target"] or use["name"]))
