"""The tree of a plan's nodes with what the scheduler remembers of each, and the edges between them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from imgc.records import dataclass, field
from imgc_engine.failures import Refusal
from imgc_engine.plan import Node
from imgc_engine.run.ready import Index, Need
from imgc_engine.run.states import FINAL, Cause, End, State

ALONE = Need()
MAX_NODES = 100_000
MAX_DEPTH = 20  # of leaves that expand below leaves that have: one may print itself


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
    `followers` have it as a gate. `leaf` is what it was before it expanded to a group. Of a group, `below` counts the children that have not ended, and
    `spoiled` says that one of them is not fine. `attempts` are all starts, `tries` those since the group
    around it last began. `again`: another try is to come; how the last one ended.
    """

    node: Node
    index: Index
    parent: Item | None
    limited: tuple[Index, ...]
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
    leaf: Node | None = None

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


def arrange(nodes: Sequence[Node]) -> dict[str, Item]:
    """The nodes, in the order given (groups before their children), joined to a tree with edges; by path.
    Deadlock.
    """
    items: dict[str, Item] = {}
    for number, node in enumerate(nodes):
        _add(node, (number,), items)
    for item in items.values():
        _join(item, items)
    _check_order(items.values())
    return items


class TooMany(ValueError):
    """An expansion that is too large, or one too deep. The text says which."""


def expand(item: Item, nodes: Sequence[Node], items: dict[str, Item]) -> list[Item]:
    """Make a leaf the group `nodes[0]` with the others below it, and give these.

    What they need and is not there, since only a part of the tree runs, counts as fine. TooMany, Deadlock:
    then nothing has changed.
    """
    if len(items) + len(nodes) > MAX_NODES:
        raise TooMany(f"the run would have more than {MAX_NODES:,} nodes")
    if sum(group.leaf is not None for group in item.around()) >= MAX_DEPTH:
        raise TooMany(f"it is the {MAX_DEPTH + 1}th below each other: does it print itself?")
    item.leaf, item.node = item.node, nodes[0]
    made = [_add(node, (*item.index, number), items) for number, node in enumerate(nodes[1:])]
    for new in made:
        _join(new, items)
    among = [item, *made]
    inside = {id(one) for one in among}
    if any(id(gate) not in inside for new in made for gate in new.gates):
        among = list(items.values())
    try:
        _check_order(among)
    except Deadlock:
        collapse(item, items)
        raise
    return made


def collapse(item: Item, items: dict[str, Item]) -> list[Item]:
    """Make it the leaf that it was; what was below it. None of that runs."""
    assert item.leaf is not None
    gone = list(item.within())
    for inner in gone:
        for gate in inner.gates:
            gate.followers.remove(inner)
        del items[inner.node.path]
    item.children.clear()
    item.node, item.leaf = item.leaf, None
    return gone


def _add(node: Node, index: Index, items: dict[str, Item]) -> Item:
    parent = None if node.parent is None else items[node.parent]
    limited = () if parent is None else parent.limited + _limit(parent)
    item = items[node.path] = Item(node, index, parent, limited)
    if parent is not None:
        parent.children.append(item)
    return item


def _limit(group: Item) -> tuple[Index, ...]:
    return () if group.node.max_concurrent is None else (group.index,)


def _join(item: Item, items: dict[str, Item]) -> None:
    around = {id(group) for group in item.around()}
    for path in item.node.after:
        target = items.get(path)
        if target is None:
            continue
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
    item.count_gates()


def _is_sibling_in_serial(item: Item, other: Item) -> bool:
    return item.parent is not None and other.parent is item.parent and item.parent.node.kind == "serial"


def _check_order(items: Collection[Item]) -> None:
    """Everything must be able to end: a node starts after its group and gates, a group ends after its children.

    What is not among the items is taken to end.
    """
    waits = [0] * (2 * len(items))  # of the start (2 n) and the end (2 n + 1) of each
    later: list[list[int]] = [[] for _ in waits]

    def edge(before: int, after: int) -> None:
        later[before].append(after)
        waits[after] += 1

    numbers = {id(item): number for number, item in enumerate(items)}
    for item in items:
        start = 2 * numbers[id(item)]
        edge(start, start + 1)
        if (group := numbers.get(id(item.parent))) is not None:
            edge(2 * group, start)
            edge(start + 1, 2 * group + 1)
        for gate in item.gates:
            if (before := numbers.get(id(gate))) is not None:
                edge(2 * before + 1, start)
    free = [point for point, count in enumerate(waits) if not count]
    while free:
        for point in later[free.pop()]:
            waits[point] -= 1
            if not waits[point]:
                free.append(point)
    stuck = next((item for item in items if waits[2 * numbers[id(item)]] and item.gates), None)
    if stuck is not None:
        names = ", ".join(repr(gate.node.path) for gate in stuck.gates)
        raise Deadlock(
            Refusal(
                stuck.node.place("needs"),
                f"{stuck.node.path!r} can never start: it waits for the end of {names}, which waits for it "
                "(a group that is tried again counts as ended with its last try).",
            )
        )
