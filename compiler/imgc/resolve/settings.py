"""The settings of nodes: which are inherited, which belong to groups or leaves, and their plain values."""

from __future__ import annotations

from collections.abc import Callable

from imgc.diagnostics import Span
from imgc.document.nodes import Mapping, Node, Scalar, plain
from imgc.model.pipeline import entries, flag, items, text, texts
from imgc.model.secrets import secret_uses
from imgc.model.units import seconds, size
from imgc.records import dataclass

INHERITED = (
    "image", "env", "secrets", "workdir", "user", "cpu", "mem", "gpu", "shm_size", "network", "mounts",
    "requires_docker", "docker_run_args",
)  # fmt: skip
"""Settings that hold for everything below the node that has them; `env` is merged, the others are replaced."""

LEAF_ONLY = ("accept_return_code", "stdin", "input", "outputs")
GROUP_ONLY = ("max_concurrent",)
CONTAINER = (
    "image",
    "cpu",
    "mem",
    "gpu",
    "shm_size",
    "network",
    "mounts",
    "requires_docker",
    "docker_run_args",
)
"""What a container is started with: leaves that share one must agree on these."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as written: its value's node and its key's place."""

    node: Node
    span: Span


def _number(node: Node) -> object:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, (int, float)) else None


def _bytes(node: Node) -> object:
    try:
        return size(text(node)) if text(node) else None
    except ValueError:
        return None


def _duration(node: Node) -> object:
    try:
        return seconds(text(node)) if text(node) else None
    except ValueError:
        return None


def _text(node: Node) -> object:
    return text(node) or None


def env(node: Node) -> dict[str, str]:
    """Variables as text, numbers as written."""
    return {entry.name: entry.value.text for entry in entries(node) if isinstance(entry.value, Scalar)}


def _secrets(node: Node) -> object:
    return [
        {
            "name": use.name,
            "env": use.env or None,
            "target": None if use.env else use.target or f"/run/secrets/{use.name}",
        }
        for use in secret_uses(node)
    ]


def _mounts(node: Node) -> object:
    return [
        {"src": text(item.get("src")), "dst": text(item.get("dst")), "read_only": flag(item.get("read_only"))}
        for item in items(node)
        if isinstance(item, Mapping)
    ]


def _retry(node: Node) -> object:
    get = node.get if isinstance(node, Mapping) else lambda _: None
    return {
        "attempts": _number(get("attempts") or node) or 1,
        "backoff": _duration(get("backoff") or node) or 0,
        "on": list(texts(get("on"))) or ["error"],
        "mem_factor": _number(get("mem_factor") or node) or 1,
    }


def _values(node: Node) -> object:
    return plain(node)


VALUES: dict[str, Callable[[Node], object]] = {
    "env": env,
    "secrets": _secrets,
    "workdir": _text,
    "user": _text,
    "cpu": _number,
    "mem": _bytes,
    "gpu": _number,
    "shm_size": _bytes,
    "network": _text,
    "mounts": _mounts,
    "requires_docker": flag,
    "docker_run_args": lambda node: list(texts(node)),
    "max_time": _duration,
    "retry": _retry,
    "skip": flag,
    "max_concurrent": _number,
    "stop_on_error": flag,
    "suppress_errors": flag,
    "accept_return_code": _values,
    "stdin": lambda node: text(node),
    "outputs": lambda node: list(texts(node)),
    "when": _text,
    "title": _text,
    "doc": _text,
    "tags": lambda node: list(texts(node)),
}
"""Setting -> its value as the plan has it (seconds, bytes, plain data)."""
