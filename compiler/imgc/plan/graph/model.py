"""The tree of a plan with what a person wants to see of each node. Made of plan.json's data alone."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from imgc.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Item:
    """A setting for people; `place` is where it is written (`pipeline.yaml:12`), "" where it is a default."""

    name: str
    value: str
    place: str = ""


@dataclass(slots=True)
class Box:
    """A node. `text` is its command on one line, `edges` the paths that it waits for beyond the tree's order."""

    path: str
    name: str
    kind: str
    place: str
    text: str = ""
    image: str = ""
    doc: str = ""
    skip: bool = False
    items: list[Item] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)
    children: list[Box] = field(default_factory=list)

    @property
    def leaf(self) -> bool:
        return self.kind not in ("serial", "parallel")

    def walk(self) -> Iterator[Box]:
        """The node and all below it, in tree order."""
        stack = [self]
        while stack:
            box = stack.pop()
            yield box
            stack.extend(reversed(box.children))


@dataclass(frozen=True, slots=True)
class Graph:
    """A pipeline: its images by name (what each is, and how many nodes run in it) and its tree. `of_images`: the
    file has no tree, so this one is of the images and what they stand on."""

    name: str
    file: str
    images: dict[str, ImageBox]
    root: Box
    of_images: bool = False


@dataclass(frozen=True, slots=True)
class ImageBox:
    name: str
    base: str
    reference: str
    place: str
    nodes: int


def graph(plan: Mapping[str, Any]) -> Graph:
    """The graph of a plan."""
    boxes = {node["path"]: _box(node) for node in plan["nodes"]}
    root: Box | None = None
    before: dict[str, str] = {}
    for node in plan["nodes"]:
        box = boxes[node["path"]]
        if node["parent"] is None:
            root = box
            continue
        parent = boxes[node["parent"]]
        implied = before.get(parent.path) if parent.kind == "serial" else None
        box.edges = [path for path in node["after"] if path != implied]
        before[parent.path] = box.path
        parent.children.append(box)
    counts: dict[str, int] = {}
    for box in boxes.values():
        counts[box.image] = counts.get(box.image, 0) + 1
    images = {
        name: ImageBox(
            name,
            image["base"] or "a Dockerfile",
            image["reference"],
            _place(image["source"]),
            counts.get(name, 0),
        )
        for name, image in plan["images"].items()
    }
    if root is None:
        return Graph(plan["name"], plan["file"], images, _of_images(plan), of_images=True)
    return Graph(plan["name"], plan["file"], images, root)


def _of_images(plan: Mapping[str, Any]) -> Box:
    root = Box("", plan["name"], "parallel", plan["file"])
    for name, image in plan["images"].items():
        place = _place(image["source"])
        box = Box(
            name, name, "image", place, image["base"] or "", image["reference"], edges=list(image["after"])
        )
        root.children.append(box)
    return root


def _box(node: Mapping[str, Any]) -> Box:
    return Box(
        node["path"], node["name"], node["kind"], _place(node["source"]), _text(node), node["image"] or "",
        node["doc"] or "", node["skip"], list(_items(node)),
    )  # fmt: skip


def _text(node: Mapping[str, Any]) -> str:
    """The command as a person would write it: without the shell around text, a call as its function."""
    if node["call"]:
        return f"{node['call']['file']}: {node['call']['function']}"
    command: list[str] = node["command"] or []
    if len(command) == 3 and command[1] in ("-c", "-ec"):
        return " ".join(command[2].split())
    return shlex.join(command)


def _place(source: Mapping[str, Any]) -> str:
    return f"{source['file']}:{source['line']}"


# Settings


def _items(node: Mapping[str, Any]) -> Iterator[Item]:
    places = node["places"]

    def item(name: str, value: str, key: str = "") -> Item:
        written = places.get(key or name)
        return Item(name, value, _place(written) if written else "")

    for name, value in node["env"].items():
        yield item(f"env {name}", value, "env")
    for secret in node["secrets"]:
        yield item(f"secret {secret['name']}", secret["env"] or secret["target"] or "", "secrets")
    for name in ("workdir", "user", "cpu", "network", "max_concurrent", "stdin"):
        if node[name] is not None:
            yield item(name, str(node[name]))
    for name in ("mem", "shm_size"):
        if node[name] is not None:
            yield item(name, size(node[name]))
    if node["gpu"]:
        yield item("gpu", str(node["gpu"]))
    for mount in node["mounts"]:
        mode = ", read only" if mount["read_only"] else ""
        yield item("mount", f"{mount['src']} at {mount['dst']}{mode}", "mounts")
    if node["max_time"] is not None:
        yield item("max_time", duration(node["max_time"]))
    if node["retry"]["attempts"] != 1:
        on = ", ".join(node["retry"]["on"])
        yield item("retry", f"{node['retry']['attempts']} attempts on {on}")
    yield from _others(node, item)


def _others(node: Mapping[str, Any], item: Any) -> Iterator[Item]:
    if node["requires_docker"]:
        yield item("requires_docker", "the engine's socket")
    if node["docker_run_args"]:
        yield item("docker_run_args", shlex.join(node["docker_run_args"]))
    if node["container"]["mode"] == "group":
        yield item(
            "container", f"shared below '{node['container']['group'] or 'the root'}'", "container_reuse"
        )
    elif node["container"]["mode"] == "pool":
        yield item("container", "from the pool", "container_reuse")
    if not node["stop_on_error"]:
        yield item("stop_on_error", "false")
    if node["suppress_errors"]:
        yield item("suppress_errors", "true")
    if node["accept_return_code"]:
        yield item("accept_return_code", ", ".join(map(str, node["accept_return_code"])))
    if node["when"] != "on_success":
        yield item("when", node["when"])
    for name, value in node["matrix"].items():
        yield item(f"matrix {name}", value, "matrix")
    if node["input"]:
        yield item("input", _input(node["input"]))
    if node["outputs"]:
        yield item("outputs", ", ".join(node["outputs"]))
    if node["tags"]:
        yield item("tags", ", ".join(node["tags"]))


def _input(data: Mapping[str, Any]) -> str:
    for kind in ("cross", "union"):
        if kind in data:
            return f"{kind} of {' and '.join(_input(inner) for inner in data[kind])}"
    return f"{data.get('repo') or data.get('node')} by {data['glob']} as {data['name']}"


_UNITS = ("", "Ki", "Mi", "Gi", "Ti")


def size(count: int) -> str:
    """Bytes as they are written: 2Gi."""
    power = 0
    while power < len(_UNITS) - 1 and count >= 1024 and count % 1024 == 0:
        count //= 1024
        power += 1
    return f"{count}{_UNITS[power]}"


def duration(seconds: float) -> str:
    """Seconds as they are written: 1h30m."""
    whole, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(whole), 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{rest:g}s" if rest else ""]
    return "".join(parts) or "0s"
