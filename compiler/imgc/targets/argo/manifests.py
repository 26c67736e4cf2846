"""Templates by manifest: a Workflow, and WorkflowTemplates for what is too much for one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping

from imgc.targets.subject import Data

ENTRY = "main"
MAX_TEMPLATES = 200  # of a manifest, by Argo's CRD
MAX_LEAVES = 4000  # of a manifest: 8,000 small ones just fit
MAX_BYTES = 1_400_000  # of a manifest; Kubernetes takes 1.5 MiB


def parts(templates: Mapping[str, Data]) -> Iterator[list[str]]:
    """Templates by manifest. What is in a Workflow only that can name: of several manifests, the first has the entry alone."""
    whole = (
        sum(map(_leaves, templates.values())),
        sum(len(json.dumps(template)) for template in templates.values()),
    )
    if len(templates) <= MAX_TEMPLATES and whole[0] <= MAX_LEAVES and whole[1] <= MAX_BYTES:
        yield sorted(templates, key=lambda name: name != ENTRY)
        return
    yield [ENTRY]
    part: list[str] = []
    leaves = size = 0
    for name in (name for name in templates if name != ENTRY):
        here, own = _leaves(templates[name]), len(json.dumps(templates[name]))
        if part and (len(part) == MAX_TEMPLATES or leaves + here > MAX_LEAVES or size + own > MAX_BYTES):
            yield part
            part, leaves, size = [], 0, 0
        part.append(name)
        leaves, size = leaves + here, size + own
    yield part


def _leaves(template: Data) -> int:
    return sum("inline" in user for user in _users(template))


def _users(template: Data) -> Iterable[Data]:
    """What names other templates: tasks and steps."""
    if "dag" in template:
        tasks: list[Data] = template["dag"]["tasks"]
        return tasks
    return [step for steps in template["steps"] for step in steps]


def linked(template: Data, home: Mapping[str, int], here: int, part: Callable[[int], str]) -> Data:
    """The template with references to those in other manifests."""

    def link(user: Data) -> Data:
        name = user.get("template")
        if name is None or home[name] == here:
            return user
        reference = {"name": part(home[name]), "template": name}
        return {key: value for key, value in user.items() if key != "template"} | {"templateRef": reference}

    if "dag" in template:
        return {
            **template,
            "dag": {**template["dag"], "tasks": [link(task) for task in template["dag"]["tasks"]]},
        }
    return {**template, "steps": [[link(step) for step in steps] for steps in template["steps"]]}
