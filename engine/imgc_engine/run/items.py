"""The tree of a plan's nodes with what the scheduler remembers of each, and the edges between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imgc.records import dataclass, field
from imgc_engine.failures import Refusal
from imgc_engine.plan import Node
from imgc_engine.run.ready import Need
from imgc_engine.run.states import FINAL, Cause, End, State

ALONE = Need()


class Deadlock(Exception):
    """Nodes that wait for each other."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


@dataclass(slots=True, eq=False)
class Item:
    """A node in the scheduler's eyes.

    `gates` have to end before it starts: `open` counts those that have not. `strict` are the nodes that
    have to be fine then. The two differ where a group is tried again: its end is the gate to what is in it.
    `followers` have it as a gate. Of a group, `below` counts the children that have not ended, and
    `spoiled` says that one of them is not fine. `attempts` are all starts, `tries` those since the group
    around it last began. `again`: another try is to come; how the last one ended.
    """

    node: Node
    index: int
    parent: Item | None
    limited: tuple[int, ...]
    children: list[Item] = field(default_factory=list)
    gates: list[Item] = field(default_factory=list)
    strict: list[Item] = field(default_factory=list)
    followers: list[Item] = field(default_factory=list)
    state: State = "pending"
    open: int = 0
    below: int = 0
    spoiled: bool = False
    causes: set[Cause] = field(default_factory=set)
    attempts: int = 0
    tries: int = 0
    lost: int = 0
    again: tuple[State, Cause, End | None] | None = None
    stopping: Cause | None = None
    need: Need = ALONE
    ticket: int = 0

    @property
    def is_fine(self) -> bool:
        """Whether what comes after it may go on as if it had succeeded."""
        if self.state == "failed":
            return self.node.suppress_errors
        return self.state in ("succeeded", "skipped")

    @property
    def has_ended(self) -> bool:
        return self.state in FINAL

    def around(self) -> Iterator[Item]:
        """The groups that hold it, from the inside."""
        item = self.parent
        while item is not None:
            yield item
            item = item.parent

    def within(self) -> Iterator[Item]:
        """All below it, a group before its children."""
        stack = self.children[::-1]
        while stack:
            item = stack.pop()
            yield item
            stack.extend(reversed(item.children))

    def forget(self) -> None:
        """Be as before the first start, but for the number of attempts. Its gates have to be counted anew."""
        self.state, self.stopping, self.again = "pending", None, None
        self.spoiled, self.tries, self.lost = False, 0, 0
        self.causes.clear()

    def count_gates(self) -> None:
        self.open = sum(not gate.has_ended for gate in self.gates)


def arrange(nodes: Sequence[Node]) -> list[Item]:
    """The nodes, in the order given (groups before their children), joined to a tree with edges. Deadlock."""
    items: dict[str, Item] = {}
    for index, node in enumerate(nodes):
        parent = None if node.parent is None else items[node.parent]
        limited = () if parent is None else parent.limited + _limit(parent)
        item = items[node.path] = Item(node, index, parent, limited)
        if parent is not None:
            parent.children.append(item)
    for item in items.values():
        _join(item, items)
    made = list(items.values())
    _check_order(made)
    return made


def _limit(group: Item) -> tuple[int, ...]:
    return () if group.node.max_concurrent is None else (group.index,)


def _join(item: Item, items: dict[str, Item]) -> None:
    around = {id(group) for group in item.around()}
    for path in item.node.after:
        target = items[path]
        outermost = [target, *target.around()][::-1]
        gate = next(
            (group for group in outermost if group.node.retry.attempts > 1 and id(group) not in around),
            target,
        )
        if gate not in item.gates:
            item.gates.append(gate)
            gate.followers.append(item)
        if (
            path in item.node.needs
            or item.parent is None
            or target.parent is not item.parent
            or item.parent.node.kind != "serial"
        ):
            item.strict.append(target)
    item.open = len(item.gates)


def _is_sibling_in_serial(item: Item, other: Item) -> bool:
    return item.parent is not None and other.parent is item.parent and item.parent.node.kind == "serial"


def _check_order(items: list[Item]) -> None:
    """Everything must be able to end:

    a node starts after its group and gates, a group ends after its children.
    """
    waits = [0] * (2 * len(items))  # of the start (2 n) and the end (2 n + 1) of each
    later: list[list[int]] = [[] for _ in waits]

    def edge(before: int, after: int) -> None:
        later[before].append(after)
        waits[after] += 1

    for item in items:
        start, end = 2 * item.index, 2 * item.index + 1
        edge(start, end)
        if item.parent is not None:
            edge(2 * item.parent.index, start)
            edge(end, 2 * item.parent.index + 1)
        for gate in item.gates:
            edge(2 * gate.index + 1, start)
    free = [point for point, count in enumerate(waits) if not count]
    while free:
        for point in later[free.pop()]:
            waits[point] -= 1
            if not waits[point]:
                free.append(point)
    stuck = next((item for item in items if waits[2 * item.index] and item.gates), None)
    if stuck is not None:
        names = ", ".join(repr(gate.node.path) for gate in stuck.gates)
        raise Deadlock(
            Refusal(
                stuck.node.place("needs"),
                f"{stuck.node.path!r} can never start: it waits for the end of {names}, which waits for it "
                "(a group that is tried again counts as ended with its last try).",
            )
        )
