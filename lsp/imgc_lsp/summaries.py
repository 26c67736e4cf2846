"""What a whole analysis says of an image, a reference, a node or a key, for hover. Imported when it is
first needed."""

from __future__ import annotations

from collections.abc import Iterable

from imgc.document.nodes import Mapping, Node, Scalar, Sequence
from imgc.layers.facts import BaseFacts
from imgc.lock.lock import Lock
from imgc.resolve.start import base_of
from imgc_lsp import compiled
from imgc_lsp.locate import Spot
from imgc_lsp.snapshot import Snapshot
from imgc_lsp.sources import Images

_MOST_LINES = 14


def image_summary(snapshot: Snapshot, name: str, engine: Images) -> str:
    analysis = snapshot.analysis
    image = analysis.images.get(name) if analysis is not None else None
    if image is None or analysis is None:
        return f"**{name}**\n\nan image of this file"
    facts = [f"starts from `{image.base}`" if image.base else ""]
    if image.parent:
        facts.append(f"extends `{image.parent}`")
    if image.user:
        facts.append(f"runs as `{image.user}`")
    if image.workdir:
        facts.append(f"in `{image.workdir}`")
    parts = [
        f"**{name}**: " + ", ".join(fact for fact in facts if fact),
        reference_summary(snapshot, image.base, engine, short=True),
    ]
    dockerfile = compiled.dockerfile_of(snapshot, name)
    if dockerfile is not None:
        rows = [row for row in dockerfile.rows if row and not row.startswith("#")]
        parts.append(_dockerfile_block(rows))
    users = [node.path for node in analysis.nodes.values() if node.leaf and node.image == name]
    if users:
        parts.append(
            "Used by "
            + ", ".join(f"`{path or 'pipeline'}`" for path in users[:8])
            + (" …" if len(users) > 8 else "")
        )
    return "\n\n".join(part for part in parts if part)


def reference_summary(snapshot: Snapshot, reference: str, engine: Images, short: bool = False) -> str:
    """What the lock, or the table of well-known bases, and the engine of this machine know of a reference."""
    analysis = snapshot.analysis
    lock = analysis.lock if analysis is not None else Lock()
    stated = (
        [image.facts for image in analysis.images.values() if image.base == reference] if analysis else []
    )
    facts = _facts(stated[0] if stated else base_of(reference, lock, None).facts)
    locked = lock.images.get(reference)
    if locked is not None and locked.digest:
        facts.append(f"locked at `{locked.digest[:19]}…`")
    if reference and (here := engine.about(reference)):
        facts.append(here)
    if not facts:
        return "" if short else f"`{reference}`: not in the lock; `imgc lock` looks it up"
    return f"`{reference}`: " + "; ".join(facts)


def _facts(known: BaseFacts) -> list[str]:
    if not known.source:
        return []
    words = [
        known.distro or "",
        f"{known.manager} packages" if known.manager else "",
        f"Python {known.python}" if known.python else "",
        f"user {known.user}",
    ]
    return [", ".join(word for word in words if word) + f" (from {known.source})"]


def node_summary(snapshot: Snapshot, path: str) -> str:
    """The effective settings of a node and where each comes from."""
    nodes = snapshot.analysis.nodes if snapshot.analysis is not None else {}
    found = nodes.get(path)
    if found is None:
        return f"**{path}**"
    kind = found.kind
    rows = [
        f"**{path or found.name}**: a `{kind}` node" + (f" in image `{found.image}`" if found.image else "")
    ]
    for name, setting in found.settings.items():
        line = setting.span.start[0] + 1
        own = (
            found.own.entry(name) is not None
            or found.span.start[0] <= setting.span.start[0] <= found.tree.value.span.end[0]
        )
        rows.append(f"- `{name}`: {_short(setting.node)}" + ("" if own else f" (from line {line})"))
    if found.after:
        rows.append("- after " + ", ".join(f"`{name}`" for name in found.after))
    return rows[0] + "\n\n" + "\n".join(rows[1:])


def _short(node: Node) -> str:
    match node:
        case Scalar():
            return f"`{node.text[:60]}`"
        case Sequence():
            return f"{len(node.items)} items"
        case Mapping():
            return "`" + ", ".join(entry.name for entry in node.entries)[:60] + "`"


def effective(snapshot: Snapshot, spot: Spot) -> Iterable[str]:
    """Of a node's setting: what inherits it."""
    if spot.path[0] != "pipeline" or snapshot.analysis is None or spot.entry is None:
        return
    name = str(spot.path[-1])
    here = spot.entry.key.span.start
    holders = [
        node.path for node in snapshot.analysis.nodes.values()
        if node.leaf and name in node.settings and node.settings[name].span.start == here
    ]  # fmt: skip
    if holders and len(spot.path) >= 2:
        shown = ", ".join(f"`{path or 'pipeline'}`" for path in holders[:6])
        yield f"Holds for {shown}" + (f" and {len(holders) - 6} more" if len(holders) > 6 else "")


def compiles_to(snapshot: Snapshot, spot: Spot) -> Iterable[str]:
    """Of an image's key: the Dockerfile lines it becomes."""
    if spot.entry is None or snapshot.analysis is None:
        return
    first = spot.entry.key.span.start[0]
    image = compiled.image_at(snapshot, first)
    if image is None or (spot.path[0] == "pipeline" and "image" not in spot.path):
        return
    dockerfile = compiled.dockerfile_of(snapshot, image)
    if dockerfile is None:
        return
    last = max(first, spot.entry.value.span.end[0])
    lines = compiled.lines_of(dockerfile, first, last)
    rows = [row for line in lines for row in dockerfile.excerpt(line).split("\n")]
    if rows:
        yield f"Compiles to line {lines[0].line} of `images/{image}/Dockerfile`:\n\n" + _dockerfile_block(
            rows
        )


def _dockerfile_block(rows: list[str]) -> str:
    more = [f"# … {len(rows) - _MOST_LINES} more lines"] if len(rows) > _MOST_LINES else []
    return "```dockerfile\n" + "\n".join([*rows[:_MOST_LINES], *more]) + "\n```"
