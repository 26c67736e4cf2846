"""What a journal says of a run: how far it came, and what another session has to do.

A run has sessions: the first, and one for each `--resume`. A session that ended has its `end` in the
journal. After one that did not (kill -9, power), the next goes on as if nothing had been: what was
committed holds, failures too. After one that ended, the next repeats what was no success, and what was done
about it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from imgc.records import dataclass, field, replace
from imgc_engine.plan import Node
from imgc_engine.run.actions import Changed
from imgc_engine.run.expansion import Expansion, grow
from imgc_engine.run.states import Past, State
from imgc_engine.run.store import Record


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for, which holds for later sessions too."""

    nodes: tuple[str, ...] = ()
    max_parallel: int | None = None
    keep_going: bool = False
    allow: tuple[str, ...] = ()
    keep: bool = False


@dataclass(slots=True)
class History:
    """`pasts` and `last` records of the nodes by path; `running` are the attempts that ran when the journal ends.

    `base` are the plan's nodes, `expansions` what leaves have become, by path.
    """

    options: Options = field(default_factory=Options)
    pasts: dict[str, Past] = field(default_factory=dict)
    last: dict[str, Record] = field(default_factory=dict)
    running: dict[str, int] = field(default_factory=dict)
    sessions: int = 0
    base: tuple[Node, ...] = ()
    expansions: dict[str, Expansion] = field(default_factory=dict)
    end: State | None = None
    begun: str = ""
    ended: str = ""

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes of the run, with those of expansions."""
        return grow(self.base, self.expansions) if self.expansions else self.base

    def leaves(self, base: Iterable[Node]) -> dict[str, Node]:
        """What groups were before they expanded, by path; `base` are those of the plan that run."""
        known = [*base, *(node for one in self.expansions.values() for node in one.nodes[1:])]
        return {node.path: node for node in known if node.path in self.expansions}


def replay(
    records: Iterable[Record], nodes: Sequence[Node], load: Callable[[str], Expansion] | None = None
) -> History:
    """The journal's records, oldest first, as a history. `nodes` are the plan's; `load` gives an expansion by
    the name of its file.
    """
    history = History(base=tuple(nodes))
    for record in records:
        match record.get("e"):
            case "run":
                _begin(history, record)
            case "expand" if load is not None:
                history.expansions[record["path"]] = load(record["file"])
            case "node":
                _change(history, record)
            case "end":
                history.end, history.ended = record["state"], record["t"]
    return history


def begin_record(
    options: Options, time: str, kept: Collection[str] = (), environment: Mapping[str, str] | None = None
) -> Record:
    """The first record of a session. `kept` is as for `to_do`; `environment` is where it runs, for people."""
    return {
        "t": time,
        "e": "run",
        "nodes": list(options.nodes),
        "max_parallel": options.max_parallel,
        "keep_going": options.keep_going,
        "allow": list(options.allow),
        "keep": options.keep,
        "kept": sorted(kept),
        "environment": dict(environment or {}),
    }


def to_do(history: History, nodes: Sequence[Node], kept: Collection[str] = ()) -> dict[str, Past]:
    """What the next session's schedule has to know.

    `kept` are the groups whose shared container is still there, as the session that was cut off left it.
    """
    pasts = dict(history.pasts)
    groups = [node.path for node in nodes if node.is_group and node.path in pasts]
    if history.end is not None:
        pasts = _repeat(pasts, nodes)
        return pasts | {path: Past(None, None, pasts[path].attempts, 0) for path in groups}
    for path in groups:
        if pasts[path].state == "pending":  # it waits for another try, which all below it gets too
            _forget_below(path, pasts)
    # What was running is the next to start, by the same number: its container is taken over.
    began = {path for path in groups if pasts[path].state != "pending" and pasts[path].attempts}
    began |= history.running.keys() & pasts.keys()
    for path, past in pasts.items():
        if path in began:
            pasts[path] = Past(None, None, past.attempts - 1, past.tries - 1)
        elif past.state not in ("succeeded", "failed", "error"):
            pasts[path] = replace(past, state=None, cause=None)
    leaves = [node for node in nodes if not node.is_group]
    open_ = {leaf.path for leaf in leaves if leaf.path not in pasts or pasts[leaf.path].state is None}
    for path in _beside(open_, leaves, kept) & pasts.keys():
        pasts[path] = replace(pasts[path], state=None, cause=None)
    return pasts


def _begin(history: History, record: Record) -> None:
    if history.sessions:
        history.pasts = to_do(history, history.nodes, record.get("kept", ()))
    else:
        history.options = Options(
            tuple(record["nodes"]),
            record["max_parallel"],
            record["keep_going"],
            tuple(record["allow"]),
            record.get("keep", False),
        )
        history.begun = record["t"]
    history.sessions += 1
    history.end, history.running = None, {}


def _change(history: History, record: Mapping[str, Any]) -> None:
    path, state = record["path"], record["state"]
    past = Past(state, record.get("cause"), record["attempt"], record["tries"])
    before = history.pasts.get(path)
    if state == "running" and before is not None and past.tries > 1 and past.attempts > before.attempts:
        _forget_below(path, history.pasts)  # a group is tried again; of a leaf there is nothing below
    if state == "pending":
        history.expansions = {
            other: kept for other, kept in history.expansions.items() if not _is_below(other, path)
        }
    history.pasts[path], history.last[path] = past, dict(record)
    if state == "running":
        history.running[path] = past.attempts
    else:
        history.running.pop(path, None)


def node_record(change: Changed, message: str, time: str) -> Record:
    """A change of a node, for the journal."""
    record: Record = {"t": time, "e": "node", "path": change.node.path, "state": change.state}
    record |= {"attempt": change.attempt, "tries": change.tries}
    if change.cause is not None:
        record |= {"cause": change.cause, "message": message}
    if change.end is not None:
        record |= {"exit": change.end.exit_code, "seconds": round(change.end.seconds, 3)}
    return record


def expand_record(path: str, file: str, time: str) -> Record:
    """A leaf has become a group, for the journal. `file` has what it has become."""
    return {"t": time, "e": "expand", "path": path, "file": file}


def _forget_below(path: str, pasts: dict[str, Past]) -> None:
    for other, past in pasts.items():
        if _is_below(other, path):
            pasts[other] = Past(None, None, past.attempts, 0)


def _repeat(pasts: Mapping[str, Past], nodes: Sequence[Node]) -> dict[str, Past]:
    """Keep what is fine, but for what was done about something that is repeated, or shares its container."""
    leaves = [node for node in nodes if not node.is_group]
    again = {node.path for node in leaves if not _is_fine(node, pasts)}
    before: set[str] = set()
    while again != before:
        before = set(again)
        again |= _about(again, nodes, leaves)
        again |= _beside(again, leaves)
    return {
        path: Past(None, None, past.attempts, 0)
        if path in again or past.state not in ("succeeded", "failed")
        else past
        for path, past in pasts.items()
    }


def _is_fine(node: Node, pasts: Mapping[str, Past]) -> bool:
    state = pasts[node.path].state if node.path in pasts else None
    return state == "succeeded" or (state == "failed" and node.suppress_errors)


def _about(again: set[str], nodes: Sequence[Node], leaves: Sequence[Node]) -> set[str]:
    """Leaves of nodes that look at failures (`when`) before them, if something before them is repeated."""
    found: set[str] = set()
    for node in nodes:
        if node.when == "on_success":
            continue
        earlier = [*node.after, *_earlier_siblings(node, nodes)]
        if any(_is_in(path, group) for path in again for group in earlier):
            found |= {leaf.path for leaf in leaves if _is_in(leaf.path, node.path)}
    return found


def _beside(again: set[str], leaves: Sequence[Node], kept: Collection[str] = ()) -> set[str]:
    """Leaves that share a container with one that is repeated: the container, and what it held, is gone."""
    groups = {leaf.container.group for leaf in leaves if leaf.path in again} - {None, *kept}
    return {leaf.path for leaf in leaves if leaf.container.group in groups}


def _earlier_siblings(node: Node, nodes: Sequence[Node]) -> list[str]:
    parent = next((other for other in nodes if other.path == node.parent), None)
    if parent is None or parent.kind != "serial":
        return []
    siblings = [other.path for other in nodes if other.parent == node.parent]
    return siblings[: siblings.index(node.path)]


def _is_in(path: str, group: str) -> bool:
    return path == group or _is_below(path, group)


def _is_below(path: str, group: str) -> bool:
    return path != group and (not group or path.startswith(f"{group}/"))
