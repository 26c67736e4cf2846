"""What Argo Workflows makes of manifests, as far as these use it: DAGs with `depends` and `target`, steps with
`continueOn` and `when`. How the phase of a DAG comes about is as its controller has it (workflow/controller/dag.go)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]
RESULT = re.compile(r"([a-z][a-z0-9-]*)\.([A-Z][a-z]+)")
PHASES = {"Succeeded", "Failed", "Errored", "Skipped", "Omitted"}


@dataclass(eq=False)
class Node:
    """`children` are those that follow it in the graph, `outbound` those where its own end is."""

    phase: str
    end: float
    children: list[Node] = field(default_factory=list)
    outbound: list[Node] = field(default_factory=list)

    def ends(self) -> list[Node]:
        return [end for node in self.outbound for end in node.ends()] if self.outbound else [self]


class Argo:
    """Runs the manifests of a workflow. `bad` are the leaves that fail; `log` has when leaves started and ended."""

    def __init__(self, manifests: list[JSON], bad: set[str], seconds: Mapping[str, float]) -> None:
        self.bad, self.seconds = bad, seconds
        self.log: dict[str, tuple[float, float]] = {}
        self.homes = {
            manifest["metadata"].get("name", ""): {t["name"]: t for t in manifest["spec"]["templates"]}
            for manifest in manifests
        }
        entry = manifests[0]["spec"]["entrypoint"]
        self.root = self.template(self.homes[""][entry], "", 0.0)

    def run(self, user: JSON, home: str, now: float) -> Node:
        """A task's or a step's own doing."""
        assert len({"inline", "template", "templateRef"} & user.keys()) == 1
        if "inline" in user:
            return self.pod(user["inline"], now)
        reference = user.get("templateRef", {"name": home, "template": user.get("template")})
        return self.template(self.homes[reference["name"]][reference["template"]], reference["name"], now)

    def pod(self, template: JSON, now: float) -> Node:
        path = template["metadata"]["annotations"]["imgc.dev/node"]
        path = path if path in self.seconds else ""  # the root has the pipeline's name there
        assert path not in self.log
        self.log[path] = (now, now + self.seconds[path])
        return Node("Failed" if path in self.bad else "Succeeded", now + self.seconds[path])

    def template(self, template: JSON, home: str, now: float) -> Node:
        if "dag" in template:
            return self.dag(template["dag"], home, now)
        (group,) = template["steps"]
        (step,) = group
        if step.get("when") == "false":
            inner = Node("Skipped", now)
        else:
            inner = self.run(step, home, now)
        failed = inner.phase == "Failed" and not step.get("continueOn", {}).get("failed")
        return Node("Failed" if failed else "Succeeded", inner.end, [inner], [inner])

    def dag(self, dag: JSON, home: str, now: float) -> Node:
        assert dag["failFast"] is False
        tasks = {task["name"]: task for task in dag["tasks"]}
        assert len(tasks) == len(dag["tasks"]) <= 200
        targets = dag["target"].split(" ")
        boundary = Node("Running", now)
        done: dict[str, Node] = {}

        def execute(name: str) -> None:
            if name in done:
                return
            condition = tasks[name].get("depends", "")
            needed = list(dict.fromkeys(task for task, _ in RESULT.findall(condition)))
            for other in needed:
                execute(other)
            start = max([now, *(done[other].end for other in needed)])
            node = self.run(tasks[name], home, start) if holds(condition, done) else Node("Omitted", start)
            done[name] = node
            parents = [end for other in needed for end in done[other].ends()] or [boundary]
            for parent in parents:
                parent.children.append(node)

        for name in targets:
            execute(name)
        boundary.phase = assess(boundary, [done[name] for name in targets])
        boundary.end = max(node.end for node in done.values())
        boundary.outbound = [done[name] for name in targets]
        return boundary


def holds(condition: str, done: Mapping[str, Node]) -> bool:
    def result(match: re.Match[str]) -> str:
        assert match[2] in PHASES
        return str(done[match[1]].phase == match[2])

    text = RESULT.sub(result, condition).replace("||", "or").replace("&&", "and").replace("!", "not ")
    assert re.fullmatch(r"(True|False|or|and|not|[() ])*", text), condition
    return bool(eval(text or "True"))


def assess(boundary: Node, targets: list[Node]) -> str:
    """A task that was left out has the phase of what was before it, a bad one rather than a good one."""
    found: dict[int, str] = {}
    seen: set[tuple[int, str]] = set()
    queue = [(child, "Succeeded") for child in boundary.children]
    while queue:
        node, phase = queue.pop(0)
        if (id(node), phase) in seen:
            continue
        seen.add((id(node), phase))
        branch = node.phase if node.phase in ("Succeeded", "Failed") else phase
        if any(node is target for target in targets) and found.get(id(node)) != "Failed":
            found[id(node)] = branch
        queue += [(child, branch) for child in node.children]
    assert all(id(target) in found for target in targets)
    return "Failed" if "Failed" in found.values() else "Succeeded"
