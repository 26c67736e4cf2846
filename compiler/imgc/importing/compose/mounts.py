"""Volumes of a service: folders of this machine are mounts, what the engine keeps is an argument of `docker run`."""

from __future__ import annotations

from imgc.document.nodes import Mapping, Node, Scalar, Sequence
from imgc.importing.compose.values import ComposeFields
from imgc.importing.draft import Block, Draft, Given, like
from imgc.importing.source import Source
from imgc.importing.yaml import lost_item

_SOCKET = "/var/run/docker.sock"


def mounts(fields: ComposeFields, block: Block, source: Source, made: Draft) -> list[str]:
    """Writes the mounts of a node; the arguments that say the rest."""
    listed = fields.peek("volumes")
    if not isinstance(listed, Sequence):
        return []
    fields.node("volumes")
    arguments: list[str] = []
    for item in listed:
        found = _long(item, fields, block) if isinstance(item, Mapping) else _short(item, fields)
        if found is None:
            lost_item(made, block, "volumes", item, "it is no mount of a file or folder, and no named volume")
        elif isinstance(found, str):
            arguments.append(found)
        elif _SOCKET in found:
            block.set("requires_docker", True, item.span)
        else:
            src, dst, read_only = found
            given: dict[str, Given] = {
                "src": src if src.startswith("~") else like(source.local(src), src),
                "dst": dst,
            }
            block.list("mounts", item.span).add(
                {**given, "read_only": True} if read_only else given, item.span
            )
    return arguments


Found = tuple[str, str, bool] | str | None
"""Source, destination and whether it is read-only; or an argument."""


def _short(item: Node, fields: ComposeFields) -> Found:
    if not isinstance(item, Scalar):
        return None
    text = fields.values.text(item)
    first, *rest = (like(part, text) for part in text.split(":"))
    if not rest:
        return like(f"--volume={first}", first)
    return _mount(first, rest[0], len(rest) > 1 and "ro" in rest[1].split(","))


def _long(item: Mapping, fields: ComposeFields, block: Block) -> Found:
    inner = ComposeFields(fields.values, item, block, fields.reasons, "volumes.")
    kind, src, dst = inner.text("type"), inner.text("source"), inner.text("target")
    read_only = inner.flag("read_only") or False
    if not dst or kind not in ("bind", "volume", "tmpfs") or (kind == "bind" and not src):
        return None
    inner.done()
    if kind == "tmpfs":
        return like(f"--tmpfs={dst}", dst)
    if not src:
        return like(f"--volume={dst}", dst)
    if kind == "bind" and not src.startswith((".", "/", "~")):
        src = like(f"./{src}", src)
    return _mount(src, dst, read_only)


def _mount(src: str, dst: str, read_only: bool) -> Found:
    if src.startswith((".", "/", "~")):
        return src, dst, read_only
    return like(f"--volume={src}:{dst}" + (":ro" if read_only else ""), src, dst)
