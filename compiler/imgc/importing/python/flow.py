"""Steps that need one another's results, as a tree: a chain is `serial`, anything else `parallel` with `needs`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from imgc.diagnostics import Span
from imgc.importing.draft import Block, Entry
from imgc.importing.names import unused
from imgc.records import dataclass, field

_FIRST = {"image": 0, "run": 1, "call": 1, "lazy": 1}


@dataclass(slots=True, eq=False)
class Step:
    """One node to be: its content, and the names of those that come before it."""

    name: str
    block: Block
    at: Span
    needs: list[str] = field(default_factory=list)


def arrange(steps: Sequence[Step], pipeline: Block, at: Span) -> None:
    chain = _is_chain(steps)
    group = pipeline.block("serial" if chain else "parallel", at)
    group.inline = False
    for step in steps:
        if step.needs and not chain:
            step.block.set("needs", list(dict.fromkeys(step.needs)), step.at)
        settings_last(step.block)
        put_child(group, step.name, step.block, step.at)


def _is_chain(steps: Sequence[Step]) -> bool:
    """Whether each step needs the one before it, so that no two could run at once."""
    return all(before.name in step.needs for before, step in pairwise(steps))


def child_name(text: str, group: Block) -> str:
    """A name for a child of the group that no other has, as near to this one as names can be."""
    clean = re.sub(r"[/\x00-\x1f\x7f]+", "-", text).strip()
    return unused(clean or "step", {entry.key for entry in group.entries})


def put_child(group: Block, name: str, block: Block, at: Span) -> None:
    """A child of a group; a comment where nothing of it is left."""
    entries = list(block.entries)
    if len(block.items) == 1 and entries and entries[0].key == "run" and isinstance(entries[0].value, str):
        group.set(name, entries[0].value, entries[0].at)
    elif entries:
        group.set(name, {}, at)
        entry = group.entry(name)
        assert entry is not None
        entry.value = block
    else:
        group.items += block.items


def written_if_empty(block: Block, key: str) -> None:
    """Sees to it that a value without an entry, which means the defaults, is written too: `{}`, behind its comments."""
    entry = block.entry(key)
    if entry is not None and isinstance(entry.value, Block) and not any(entry.value.entries):
        at = block.items.index(entry)
        block.items[at:at] = entry.value.items
        entry.value = Block(inline=True)


def settings_last(block: Block) -> None:
    """What a node is, then its settings."""
    if any(entry.key in ("run", "call", "lazy") for entry in block.entries):
        block.items.sort(key=lambda item: _FIRST.get(item.key, 2) if isinstance(item, Entry) else 2)
