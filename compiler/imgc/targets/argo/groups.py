"""Which nodes are tasks of which DAG. Argo's tasks see only those of their own DAG: where a node needs one in another
group, the groups between them become tasks of the DAG that holds both."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from imgc.targets.flow import ROOT, Flow
from imgc.targets.subject import Data, is_group

Refuse = Callable[[Data, str], None]
"""Says why a node's `needs` cannot be had."""


class Groups:
    """`tasks` has the nodes of each DAG, by the path of its group; `inlined` the groups that have none."""

    def __init__(self, flow: Flow, refuse: Refuse) -> None:
        self.flow = flow
        self.live = _live(flow)
        self.inlined: set[str] = set()
        for path, node in flow.nodes.items():
            if path in self.live:
                ended = [one for target in node["after"] for one in flow.ended(target, path, self.live)]
                for target in dict.fromkeys(ended):
                    self._open(node, target, refuse)
        self.tasks: dict[str, list[str]] = {}
        for path in flow.nodes:
            if path == ROOT or (self._is_dag(path) and not self._within_pod(path)):
                self.tasks[path] = list(self._below(path))

    def is_task(self, path: str) -> bool:
        """Whether it is one task for those that wait for it."""
        return path not in self.inlined

    def _open(self, node: Data, target: str, refuse: Refuse) -> None:
        own, other = list(self.flow.chain(node["path"])), list(self.flow.chain(target))
        common = next(n for n, pair in enumerate(zip(own, other, strict=False)) if pair[0] != pair[1])
        for group in [*own[common:-1], *other[common:-1]]:
            if reason := self._closed(group):
                refuse(node, f"{target!r} is in another DAG: the group {group!r} {reason}.")
                return
            self.inlined.add(group)

    def _closed(self, path: str) -> str:
        """Why a group has to be a DAG of its own."""
        node = self.flow.nodes[path]
        if node["when"] != "on_success" or node["suppress_errors"]:
            return "has 'when' or 'suppress_errors'"
        if node["retry"]["attempts"] > 1 or node["max_time"] or node["max_concurrent"]:
            return "has 'retry', 'max_time' or 'max_concurrent'"
        if self._is_pod(path) or self._within_pod(path):
            return "is one container"
        if any(self.flow.nodes[child]["when"] == "on_failure" for child in self.flow.children[path]):
            return "has children with 'when: on_failure'"
        return ""

    def _below(self, path: str) -> Iterator[str]:
        if self._is_pod(path):
            yield path
            return
        for child in self.flow.children[path]:
            if child in self.inlined:
                yield from self._below(child)
            elif child in self.live:
                yield child

    def _is_dag(self, path: str) -> bool:
        node = self.flow.nodes[path]
        return is_group(node) and path in self.live and path not in self.inlined and not self._is_pod(path)

    def _is_pod(self, path: str) -> bool:
        return is_pod(self.flow, path)

    def _within_pod(self, path: str) -> bool:
        return any(self._is_pod(group) for group in list(self.flow.chain(path))[:-1])


def is_pod(flow: Flow, path: str) -> bool:
    """Whether a node runs in one pod: a leaf, or a group whose leaves share a container."""
    return not is_group(flow.nodes[path]) or any(
        flow.nodes[leaf]["container"]["group"] == path for leaf in flow.leaves(path)
    )


def _live(flow: Flow) -> set[str]:
    """The nodes that may run: not those that are left out, that have nothing below them, or that want the failure of
    nothing."""
    live: set[str] = set()
    vain: set[str] = set()
    for event, path in flow.events:
        node = flow.nodes[path]
        if event == "start":
            gates = {*flow.needed(path, live), *flow.spoilers(path, live)}
            if node["parent"] in vain or (node["when"] == "on_failure" and not live & gates):
                vain.add(path)
        elif (
            not node["skip"] and path not in vain and (not is_group(node) or live & set(flow.children[path]))
        ):
            live.add(path)
    return live
