"""The templates of a workflow: a DAG for each group, and what its tasks run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from imgc.diagnostics import Span
from imgc.records import dataclass, replace
from imgc.targets.argo.containers import Containers, judge, judge_shared, plain, retry_of, seconds
from imgc.targets.argo.depends import ENDS, Depends, Term, is_order, joined
from imgc.targets.argo.groups import Groups, is_pod
from imgc.targets.argo.manifests import ENTRY, MAX_BYTES, linked, parts
from imgc.targets.argo.names import LONGEST_NAME, dns, name_for
from imgc.targets.flow import ROOT, Flow
from imgc.targets.subject import Data, Subject, is_group
from imgc.targets.target import Say, Support, approximated, refused
from imgc.targets.yaml import dump

FILE = "argo/workflow.yaml"
MAX_TASKS = 200  # of a DAG, by Argo's CRD
LONGEST_WORKFLOW = 40  # Kubernetes takes 63, with five random letters
WHENS = ("on_success", "always", "on_failure")
NOTHING = "nothing"


def emit(subject: Subject, say: Say) -> dict[str, str]:
    if not subject.plan["nodes"]:
        span = next(subject.image_span(name) for name in subject.images)
        say("a file without a pipeline", refused("there is nothing to run."), span)
        return {}
    flow = Flow(subject.plan["nodes"])
    refusals: list[str] = []

    def tell(what: str, support: Support, span: Span) -> None:
        refusals.extend([what] if support.level == "refused" else [])
        say(what, support, span)

    def refuse(node: Data, text: str) -> None:
        tell("needs of a node in another group", refused(text), subject.node_span(node, "needs"))

    groups = Groups(flow, refuse)
    if ROOT not in groups.live:
        span = subject.node_span(flow.nodes[ROOT], "skip")
        say("a pipeline of which nothing runs", refused("all of it is left out."), span)
        return {}
    _judge(subject, flow, groups, tell)
    if refusals:  # DAGs that cannot be are not made
        return {}
    made = _Workflow(subject, flow, groups, tell)
    made.fill()
    return {} if refusals else dict(made.files())


def _judge(subject: Subject, flow: Flow, groups: Groups, say: Say) -> None:
    """What values, and nodes together, tell beside the table."""
    local = False
    for leaf in flow.leaves(ROOT):
        node = flow.nodes[leaf]
        judge(subject, node, say)
        image = subject.images[node["image"]]
        if not local and not image["skip_build"] and not _has_registry(image["reference"]):
            local = True
            text = "without a 'registry' to push to, each node of the cluster has to have it."
            say("an image to run", approximated(text), subject.image_span(node["image"], "registry"))
    for path, node in flow.nodes.items():
        if not is_group(node) or path not in groups.live:
            continue
        if path != ROOT and node["max_time"]:
            text = "Argo bounds the time of a pod and that of the whole."
            say("max_time of a group inside", refused(text), subject.node_span(node, "max_time"))
        if is_pod(flow, path):
            judge_shared(subject, flow, path, say)
        elif (
            path != ROOT
            and node["max_concurrent"]
            and any(not is_pod(flow, task) for task in groups.tasks.get(path, ()))
        ):
            text = "Argo does not count the pods of groups below it."
            say(
                "max_concurrent of a group of groups",
                approximated(text),
                subject.node_span(node, "max_concurrent"),
            )


def _has_registry(reference: str) -> bool:
    host, slash, _ = reference.partition("/")
    return bool(slash) and ("." in host or ":" in host or host == "localhost")


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a DAG: what it runs (`template` names a template, `inline` is one) and on what it depends."""

    path: str
    name: str
    what: Data
    terms: tuple[Term, ...]
    target: bool = True
    when: str = "on_success"


class _Workflow:
    def __init__(self, subject: Subject, flow: Flow, groups: Groups, say: Say) -> None:
        self._subject, self._flow, self._groups, self._say = subject, flow, groups, say
        self._base = dns(subject.plan["name"], LONGEST_WORKFLOW)
        self._containers = Containers(subject, flow, f"{self._base}-secrets", f"{self._base}-project")
        self._names = {ENTRY, NOTHING}
        self._of = {ROOT: ENTRY}
        """Group -> its template."""
        self._rescued = {
            group
            for path, node in flow.nodes.items()
            if node["suppress_errors"]
            for group in flow.chain(path)
        }
        self.templates: dict[str, Data] = {}

    def fill(self) -> None:
        """Make the templates, and say which cannot be."""
        root = self._flow.nodes[ROOT]
        if root["suppress_errors"] and not is_pod(self._flow, ROOT):
            self._of[ROOT] = name_for("pipeline", self._names)
            self.templates[ENTRY] = _suppressed(ENTRY, "pipeline", {"template": self._of[ROOT]})
        for group, tasks in self._groups.tasks.items():
            self._template(group, tasks)
        for template in self.templates.values():
            size = len(json.dumps(template))
            if size > MAX_BYTES:
                text = f"its DAG is {size:,} bytes, and Kubernetes takes {MAX_BYTES:,} in one object."
                self._say(
                    "so large a group",
                    refused(text),
                    self._subject.node_span(self._flow.nodes[ROOT], "serial"),
                )

    def files(self) -> Iterator[tuple[str, str]]:
        manifests = list(parts(self.templates))
        home = {name: number for number, part in enumerate(manifests) for name in part}
        for number, part in enumerate(manifests):
            templates = [linked(self.templates[name], home, number, self._part) for name in part]
            manifest = self._manifest(number, templates)
            yield (FILE if number == 0 else f"argo/templates-{number}.yaml"), dump(manifest)

    def _part(self, number: int) -> str:
        return f"{self._base}-templates-{number}"

    def _manifest(self, number: int, templates: list[Data]) -> Data:
        plan, root = self._subject.plan, self._flow.nodes[ROOT]
        head: Data = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow" if number == 0 else "WorkflowTemplate",
        }
        if number:
            return {**head, "metadata": {"name": self._part(number)}, "spec": {"templates": templates}}
        texts = {"title": plan["title"], "description": plan["doc"]}
        annotations = {f"workflows.argoproj.io/{key}": plain(text) for key, text in texts.items() if text}
        metadata: Data = {"generateName": f"{self._base}-"}
        spec: Data = {"entrypoint": ENTRY}
        if annotations:
            metadata["annotations"] = annotations
        if is_group(root) and root["max_time"]:
            spec["activeDeadlineSeconds"] = seconds(root["max_time"])
        if root["max_concurrent"]:
            spec["parallelism"] = root["max_concurrent"]
        return {**head, "metadata": metadata, "spec": {**spec, "templates": templates}}

    # Templates

    def _template(self, group: str, paths: list[str]) -> None:
        """The DAG of a group. What is in it gets its templates later: a template may be named before it is there."""
        node = self._flow.nodes[group]
        taken: set[str] = set()
        names = {path: name_for(self._relative(group, path), taken) for path in paths}
        depends = Depends(self._groups, group, names.__getitem__)
        tasks = []
        for path in paths:
            inner = self._flow.nodes[path]
            aside = inner["when"] == "on_failure" and group in self._rescued
            terms = tuple(depends.of(path))
            tasks.append(Task(path, names[path], self._what(path), terms, not aside, inner["when"]))
            if aside:
                tasks.append(self._after(path, names[path], taken))
        extra: Data = {}
        if group != ROOT and node["max_concurrent"]:
            extra["parallelism"] = node["max_concurrent"]
        if is_group(node) and node["retry"]["attempts"] > 1 and not is_pod(self._flow, group):
            extra |= retry_of(node)
        self._add(self._template_of(group), tasks, group, extra)

    def _after(self, path: str, name: str, taken: set[str]) -> Task:
        """Argo takes a task that is left out for failed where anything before it has: so here another one, which runs
        nothing, is the target, and goes well when the first did or was left out."""
        if NOTHING not in self.templates:
            step = {"name": NOTHING, "when": "false", "inline": {"suspend": {}}}
            self.templates[NOTHING] = {"name": NOTHING, "steps": [[step]]}
        text = f"{name}.Succeeded || {name}.Skipped || {name}.Omitted"
        terms = (Term(text, frozenset([path])),)
        return Task(
            f"{path}/", name_for(f"{name}-end", taken), {"template": NOTHING}, terms, when="on_failure"
        )

    def _what(self, path: str) -> Data:
        node = self._flow.nodes[path]
        if not is_pod(self._flow, path):
            what: Data = {"template": self._template_of(path)}
        else:
            what = {
                "inline": self._containers.shared(node) if is_group(node) else self._containers.leaf(node)
            }
        if not node["suppress_errors"]:
            return what
        name = name_for(f"{path}-suppressed", self._names)
        self.templates[name] = _suppressed(name, node["name"], what)
        return {"template": name}

    def _template_of(self, group: str) -> str:
        if group not in self._of:
            self._of[group] = name_for(group, self._names)
        return self._of[group]

    def _relative(self, group: str, path: str) -> str:
        if path == group:
            return str(self._flow.nodes[path]["name"])
        return path.removeprefix(f"{group}/") if group else path

    def _is_inner(self, task: Task, group: str) -> bool:
        """Whether it is no child of the group, but of one in it."""
        node = self._flow.nodes.get(task.path)
        return node is not None and node["parent"] != group

    def _add(self, name: str, tasks: list[Task], group: str, extra: Data) -> None:
        """A template with these tasks; where they are too many, one with others that have them."""
        while len(tasks) > MAX_TASKS:
            made = self._split(name, tasks, group)
            if made is None:
                return
            tasks = made
        target = " ".join(task.name for task in tasks if task.target)
        dag = {"failFast": False, "target": target, "tasks": [_task(task) for task in tasks]}
        self.templates[name] = {"name": name, **extra, "dag": dag}

    def _split(self, name: str, tasks: list[Task], group: str) -> list[Task] | None:
        """Tasks with DAGs of up to MAX_TASKS of the tasks. In a serial group they follow each other as the tasks did."""
        node = self._flow.nodes[group]
        serial = node["kind"] == "serial"
        stops = serial and node["stop_on_error"]
        chunks = _in_turn(tasks) if serial else _by_need(tasks)
        parts: list[Task] = []
        before: set[str] = set()
        for number, chunk in enumerate(chunks, 1):
            inside = {task.path for task in chunk}
            left = [term for task in chunk for term in task.terms if not term.tasks <= inside]
            parted = [
                replace(task, terms=tuple(t for t in task.terms if t.tasks <= inside)) for task in chunk
            ]
            implied = all(term.tasks <= before | inside and (stops or is_order(term)) for term in left)
            allowed = ("on_success",) if stops else ("on_success", "always") if serial else WHENS
            strange = any(
                task.when not in allowed or (serial and self._is_inner(task, group)) for task in chunk
            )
            if not implied or len(chunk) > MAX_TASKS or strange:
                text = f"Argo takes {MAX_TASKS} tasks in a DAG, and these cannot be parted: they have 'when' or 'needs'."
                self._say("so large a group", refused(text), self._subject.node_span(node, node["kind"]))
                return None
            before |= inside
            own = name_for(f"{name}-part-{number}", self._names)
            self._add(own, parted, group, {})
            terms = (_behind(parts[-1], ENDS if not stops else ENDS[:1]),) if serial and parts else ()
            parts.append(Task(f"{name}/{number}", f"part-{number}", {"template": own}, terms))
        return parts


def _behind(part: Task, ends: Iterable[str]) -> Term:
    return Term(" || ".join(f"{part.name}.{end}" for end in ends), frozenset([part.path]))


def _suppressed(name: str, step: str, what: Data) -> Data:
    """A template that goes well when what it runs has failed."""
    return {
        "name": name,
        "steps": [[{"name": dns(step, LONGEST_NAME), **what, "continueOn": {"failed": True}}]],
    }


def _task(task: Task) -> Data:
    depends = {"depends": joined(list(task.terms))} if task.terms else {}
    return {"name": task.name, **depends, **task.what}


def _in_turn(tasks: list[Task]) -> list[list[Task]]:
    return [tasks[start : start + MAX_TASKS] for start in range(0, len(tasks), MAX_TASKS)]


def _by_need(tasks: list[Task]) -> list[list[Task]]:
    """Those that depend on each other together, as many in a part as fit."""
    leader = {task.path: task.path for task in tasks}

    def find(one: str) -> str:
        while leader[one] != one:
            leader[one] = leader[leader[one]]
            one = leader[one]
        return one

    for task in tasks:
        for term in task.terms:
            for other in term.tasks:
                leader[find(task.path)] = find(other)
    together: dict[str, list[Task]] = {}
    for task in tasks:
        together.setdefault(find(task.path), []).append(task)
    parts: list[list[Task]] = []
    for some in together.values():
        if parts and len(parts[-1]) + len(some) <= MAX_TASKS:
            parts[-1] += some
        else:
            parts.append(list(some))
    return parts
