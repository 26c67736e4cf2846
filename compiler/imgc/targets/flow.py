"""What follows what in a plan, for targets that have no groups: the tree with its edges, and its events in order.

The words are those of the engine's own schedule: a node is *fine* when it succeeded, was skipped, or failed under
suppress_errors; a serial group is spoiled for the children behind one that is not fine.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Set
from functools import cached_property
from typing import Literal

from imgc.targets.subject import Data, is_group

Event = tuple[Literal["start", "end"], str]
ROOT = ""


class Flow:
    """The nodes of a plan by path, those that are skipped too."""

    def __init__(self, nodes: Iterable[Data]) -> None:
        self.nodes: dict[str, Data] = {node["path"]: node for node in nodes}
        self.numbers = {path: number for number, path in enumerate(self.nodes)}
        self.children: dict[str, list[str]] = {path: [] for path in self.nodes}
        self.places: dict[str, int] = {}
        """Path -> its place among its siblings."""
        for path, node in self.nodes.items():
            if node["parent"] is not None:
                self.places[path] = len(self.children[node["parent"]])
                self.children[node["parent"]].append(path)

    def leaves(self, path: str) -> Iterator[str]:
        """Those at or below a node that run."""
        if self.nodes[path]["skip"]:
            return
        if not is_group(self.nodes[path]):
            yield path
        for child in self.children[path]:
            yield from self.leaves(child)

    def chain(self, path: str) -> Iterator[str]:
        """The node and the groups that hold it, from the outside."""
        parent = self.nodes[path]["parent"]
        if parent is not None:
            yield from self.chain(parent)
        yield path

    def in_serial(self, path: str) -> bool:
        parent = self.nodes[path]["parent"]
        return parent is not None and self.nodes[parent]["kind"] == "serial"

    def stops(self, path: str) -> bool:
        """Whether an earlier sibling that is not fine keeps it from starting, as far as siblings decide that."""
        parent = self.nodes[path]["parent"]
        return self.in_serial(path) and bool(self.nodes[parent]["stop_on_error"])

    def earlier(self, path: str) -> list[str]:
        """The siblings before it, the nearest first, when they follow each other."""
        if not self.in_serial(path):
            return []
        return self.children[self.nodes[path]["parent"]][: self.places[path]][::-1]

    def strict(self, path: str) -> list[str]:
        """What it waits for that is no earlier sibling in a serial group, or is needed by name."""
        node = self.nodes[path]
        return [
            target
            for target in node["after"]
            if target in node["needs"]
            or not (self.in_serial(path) and self.nodes[target]["parent"] == node["parent"])
        ]

    def needed(self, path: str, live: Set[str] | None = None) -> Iterator[str]:
        """What of `strict` has to be fine; in place of a node of which nothing runs, what keeps that from starting."""
        for target in self.strict(path):
            yield from self._standing_in(target, path, live)

    def _standing_in(self, path: str, seen_from: str, live: Set[str] | None) -> Iterator[str]:
        if self.runs(path, live):
            yield path
            return
        around = set(self.chain(seen_from))
        for member in self.chain(path):
            node = self.nodes[member]
            if member in around:
                continue
            if node["skip"] or node["when"] == "on_failure":
                return  # it is skipped, at the worst, which is fine
            if node["when"] == "on_success":
                for target in [
                    *self.strict(member),
                    *(self.spoilers(member, live) if self.stops(member) else []),
                ]:
                    yield from self._standing_in(target, seen_from, live)

    def runs(self, path: str, live: Set[str] | None = None) -> bool:
        """Whether anything of a node runs. `live` are those of which something does, where that is known better."""
        return any(True for _ in self.leaves(path)) if live is None else path in live

    def ended(self, path: str, seen_from: str, live: Set[str] | None = None) -> Iterator[str]:
        """What has to have ended for a node to have ended: itself, or what it waits for where nothing of it runs."""
        if self.runs(path, live):
            yield path
            return
        around = set(self.chain(seen_from))
        for member in self.chain(path):
            if member not in around:
                for target in self.nodes[member]["after"]:
                    yield from self.ended(target, seen_from, live)

    def spoilers(self, path: str, live: Set[str] | None = None) -> list[str]:
        """Of earlier siblings, those of which one has to be not fine for the group to be spoiled, nearest first.

        One that only runs when all before it are fine speaks for these.
        """
        found = []
        for sibling in self.earlier(path):
            if self.runs(sibling, live):
                found.append(sibling)
                node = self.nodes[sibling]
                if self.stops(path) and node["when"] == "on_success" and not node["suppress_errors"]:
                    break
        return found

    @cached_property
    def events(self) -> list[Event]:
        """The starts and ends of all nodes, each behind those that it depends on; in tree order where that is open."""
        waits: dict[Event, int] = {}
        later: dict[Event, list[Event]] = {}
        for path in self.nodes:
            waits[("start", path)] = waits[("end", path)] = 0

        def edge(before: Event, after: Event) -> None:
            later.setdefault(before, []).append(after)
            waits[after] += 1

        for path, node in self.nodes.items():
            edge(("start", path), ("end", path))
            if node["parent"] is not None:
                edge(("start", node["parent"]), ("start", path))
                edge(("end", path), ("end", node["parent"]))
            for target in node["after"]:
                edge(("end", target), ("start", path))
        ready = [self._turn(event) for event, count in waits.items() if not count]
        heapq.heapify(ready)
        order = []
        while ready:
            *_, event = heapq.heappop(ready)
            order.append(event)
            for follower in later.get(event, ()):
                waits[follower] -= 1
                if not waits[follower]:
                    heapq.heappush(ready, self._turn(follower))
        return order

    def _turn(self, event: Event) -> tuple[int, bool, Event]:
        return self.numbers[event[1]], event[0] == "start", event
