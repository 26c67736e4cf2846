"""The nodes of plan.json."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Names
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from imgc.diagnostics import Span
from imgc.document.nodes import Mapping, Node, Scalar
from imgc.model.pipeline import items, text
from imgc.resolve.image import ResolvedImage
from imgc.resolve.settings import VALUES

if TYPE_CHECKING:
    from imgc.resolve.tree import ResolvedNode

_DEFAULTS: dict[str, Any] = {
    "title": None, "doc": None, "tags": [], "image": None, "command": None, "call": None, "env": {}, "secrets": [],
    "workdir": None, "user": None, "cpu": None, "mem": None, "gpu": 0, "shm_size": None, "network": None, "mounts": [],
    "requires_docker": False, "docker_run_args": [], "max_time": None,
    "retry": {"attempts": 1, "backoff": 0, "on": ["error"], "mem_factor": 1}, "skip": False, "max_concurrent": None,
    "container": {"mode": "own", "group": None}, "stop_on_error": True, "suppress_errors": False,
    "accept_return_code": [], "stdin": None, "when": "on_success", "matrix": {}, "input": None, "outputs": [],
}  # fmt: skip
_KINDS = ("run", "call", "lazy", "serial", "parallel")
_RUN_BUILT = ["sh", "/pfs/build/run.sh"]

PathIn = Callable[[str, ResolvedImage], str | None]


def place(span: Span) -> dict[str, Any]:
    """A place as the plan has it: the file by its name alone, for the plan is the same wherever imgc is called from."""
    at = span.place
    own = at.file.startswith(("<", "--set "))  # what a lazy node has printed, or an argument
    file = at.file if own else PurePath(at.file).name
    return {"file": file, "line": at.line, "column": at.column}


def as_data(node: ResolvedNode, images: Names[str, ResolvedImage], path_in: PathIn) -> dict[str, Any]:
    """A node as the plan has it. `path_in` tells where a local path is inside an image."""
    image = images.get(node.image)
    data: dict[str, Any] = {
        "path": node.path, "name": node.name, "parent": node.parent, "kind": node.kind, "after": list(node.after),
        "needs": [target for target, _ in node.needs], "source": place(node.span), **_DEFAULTS,
    }  # fmt: skip
    places: dict[str, Any] = {}
    written = {entry.name: (entry.value, entry.key.span) for entry in node.own.entries}
    if node.leaf:
        written |= {name: (setting.node, setting.span) for name, setting in node.settings.items()}
    for name, (value, span) in written.items():
        if name in VALUES and name not in ("image",):
            converted = VALUES[name](value)
            if converted is not None:
                data[name] = converted
        if name not in _KINDS:
            places[name] = place(span)
    data["skip"] = node.skip
    data["matrix"] = dict(node.matrix)
    data["container"] = _container(node)
    if node.leaf:
        data["image"] = node.image or None
        data["workdir"] = data["workdir"] or (image.workdir or None if image else None)
        _command(node, image, data, path_in)
        if (read := node.own.get("input")) is not None:
            data["input"] = _input(read, {span: target for target, span in node.reads})
    data["places"] = dict(sorted(places.items()))
    return data


def _container(node: ResolvedNode) -> dict[str, Any]:
    if not node.leaf or node.group in ("", node.path):  # `new` on a leaf: nothing shares it
        return {"mode": "own", "group": None}
    if node.group == "pool":
        return {"mode": "pool", "group": None}
    return {"mode": "group", "group": "" if node.group == "." else node.group}


def _command(node: ResolvedNode, image: ResolvedImage | None, data: dict[str, Any], path_in: PathIn) -> None:
    shell = list(image.shell) if image else ["/bin/sh", "-ec"]
    match node.kind:
        case "run":
            value = node.own.get("run")
            is_text = isinstance(value, Scalar)
            data["command"] = _shell(shell, text(value)) if is_text else [text(item) for item in items(value)]
        case "lazy":
            data["command"] = _shell(shell, text(node.own.get("lazy")))
        case "build":
            data["command"] = list(_RUN_BUILT)
        case "call":
            call = node.own.get("call")
            if isinstance(call, Mapping):
                from imgc.resolve.calls import arguments, command

                file, function, args = text(call.get("file")), text(call.get("function")), arguments(call)
                inside = path_in(file, image) if image else None
                data["call"] = {"file": file, "function": function, "args": args, "path": inside}
                data["command"] = command(inside or file, function, args)


def _shell(shell: list[str], command: str) -> list[str]:
    """Shell text as an argv. Where it begins with a dash, a shell would take it for options."""
    return [*shell, f" {command}" if command.startswith(("-", "+")) else command]


def _input(node: Node, targets: Names[Span, str]) -> dict[str, Any]:
    """An input with its default name and glob. `targets`: the nodes that are read, by where they are named."""
    if not isinstance(node, Mapping):
        return {}
    for key in ("cross", "union"):
        if node.get(key) is not None:
            return {key: [_input(item, targets) for item in items(node.get(key))]}
    kind = "repo" if node.get("repo") is not None else "node"
    value = node.get(kind)
    written = text(value).strip("/")
    source = targets.get(value.span, written) if kind == "node" and value is not None else written
    name = text(node.get("name")) or written.rsplit("/", 1)[-1]
    return {kind: source, "glob": text(node.get("glob"), "/"), "name": name}
