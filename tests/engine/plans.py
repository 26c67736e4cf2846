"""Plans for tests, written short: what the compiler would make of a tree, without the compiler.

    plan(serial(run("a"), parallel(run("b"), run("c", needs=["b"]), name="fan")), images={"box": image()})

Node number N of the tree (depth first, from 1) is written at pipeline.yaml:N:1, its settings in column 5.
"""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]

GROUP_SETTINGS = {"max_concurrent", "stop_on_error"}
DEFAULTS: JSON = {
    "title": None, "doc": None, "tags": [], "image": "box", "command": None, "call": None, "env": {},
    "secrets": [], "workdir": None, "user": None, "cpu": None, "mem": None, "gpu": 0, "shm_size": None,
    "network": None, "mounts": [], "requires_docker": False, "docker_run_args": [], "max_time": None,
    "retry": {"attempts": 1, "backoff": 0, "on": ["error"], "mem_factor": 1}, "skip": False,
    "max_concurrent": None, "container": {"mode": "own", "group": None}, "stop_on_error": True,
    "suppress_errors": False, "accept_return_code": [], "stdin": None, "when": "on_success", "matrix": {},
    "input": None, "outputs": [],
}  # fmt: skip


def run(name: str, command: str | list[str] = "true", **settings: Any) -> JSON:
    """A leaf. A text runs under `/bin/sh -ec`. `needs` names siblings, or (with a leading /) any path."""
    argv = command if isinstance(command, list) else ["/bin/sh", "-ec", command]
    return {"name": name, "kind": "run", "command": argv, **settings}


def serial(*children: JSON, name: str = "root", **settings: Any) -> JSON:
    return {"name": name, "kind": "serial", "children": children, **settings}


def parallel(*children: JSON, name: str = "root", **settings: Any) -> JSON:
    return {"name": name, "kind": "parallel", "children": children, **settings}


def image(reference: str = "debian:bookworm-slim", **settings: Any) -> JSON:
    """An image that is used as it is; with `dockerfile` one that is built."""
    built = settings.get("dockerfile") is not None
    return {
        "tag": reference.rpartition(":")[2], "content": None, "reference": reference, "source": place(2),
        "base": None if built else reference, "dockerfile": None, "context": "." if built else None,
        "after": [], "args": {}, "target": None, "same_as": None, "skip_build": not built, "reuse": True,
        "platforms": [], "secrets": [], "ssh": [], "registry_secret": None, "build": build(), "sources": [],
        "builder": None, "path_map": {}, "workdir": None, "shell": ["/bin/sh", "-ec"], "user": None,
        **settings,
    }  # fmt: skip


def build(**settings: Any) -> JSON:
    return {
        "network": None, "no_cache": False, "pull": False, "shm_size": None, "cache_from": [], "cache_to": [],
        "options": {}, **settings,
    }  # fmt: skip


def plan(
    root: JSON | None = None, *, images: dict[str, JSON] | None = None, secrets: JSON | None = None
) -> JSON:
    """The whole document; without images there is one, `box`, debian:bookworm-slim as it is."""
    nodes: list[JSON] = []
    if root is not None:
        _add(nodes, root, parent=None, after=[])
    return {
        "$schema": "https://imgc.dev/schema/plan-1.json", "version": 1, "name": "test", "title": None,
        "doc": None, "tags": [], "file": "pipeline.yaml", "params": {}, "secrets": secrets or {}, "repos": {},
        "images": {"box": image()} if images is None else images, "nodes": nodes,
    }  # fmt: skip


def place(line: int, column: int = 3) -> JSON:
    return {"file": "pipeline.yaml", "line": line, "column": column}


def _add(nodes: list[JSON], tree: JSON, parent: JSON | None, after: list[str]) -> str:
    settings = {key: value for key, value in tree.items() if key not in ("children", "needs")}
    path = "" if parent is None else _below(parent["path"], tree["name"])
    needs = [_need(parent, need) for need in tree.get("needs", [])]
    line = len(nodes) + 1
    node = {
        **DEFAULTS,
        "path": path,
        "parent": None if parent is None else parent["path"],
        "after": list(dict.fromkeys([*after, *needs])),
        "needs": needs,
        "source": place(line, 1),
        **settings,
        "places": {key: place(line, 5) for key in tree if key != "children"},
    }
    node["retry"] = {**DEFAULTS["retry"], **settings.get("retry", {})}
    nodes.append(node)
    before: list[str] = []
    for child in tree.get("children", ()):
        added = _add(nodes, child, node, before)
        before = [added] if node["kind"] == "serial" else []
    return path


def _below(parent: str, name: str) -> str:
    return f"{parent}/{name}" if parent else name


def _need(parent: JSON | None, need: str) -> str:
    return need[1:] if need.startswith("/") or parent is None else _below(parent["path"], need)
