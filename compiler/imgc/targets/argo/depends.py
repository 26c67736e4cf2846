"""What a task depends on, in Argo's terms.

A task has Succeeded when its node was fine, but for `when: on_failure`: that is Omitted when nothing failed. Argo looks at
a condition when every task that it names has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from imgc.records import dataclass
from imgc.targets.argo.groups import Groups
from imgc.targets.flow import ROOT

ENDS = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted")


@dataclass(frozen=True, slots=True)
class Term:
    """One condition of several that all have to hold, and the tasks (by path) that it names."""

    text: str
    tasks: frozenset[str]


class Depends:
    """The conditions of the tasks of one DAG. `name` gives the name of a task."""

    def __init__(self, groups: Groups, dag: str, name: Callable[[str], str]) -> None:
        self._groups, self._flow, self._dag, self._name = groups, groups.flow, dag, name

    def of(self, path: str) -> list[Term]:
        """Those of a task: its own, and those of the groups around it that are no DAGs."""
        found: dict[str, Term] = {}
        inside = [member for member in self._flow.chain(path) if self._is_inside(member)]
        for member in inside:
            for text, tasks in self._of_member(member):
                if text and tasks:
                    found[text] = Term(text, frozenset(tasks))
        named = {task for term in found.values() if not is_order(term) for task in term.tasks}
        return [term for term in found.values() if not (is_order(term) and term.tasks <= named)]

    def _is_inside(self, member: str) -> bool:
        return member != self._dag and (self._dag == ROOT or member.startswith(f"{self._dag}/"))

    def _of_member(self, member: str) -> Iterator[tuple[str, set[str]]]:
        flow = self._flow
        when = flow.nodes[member]["when"]
        live = self._groups.live
        if when == "on_success":
            for gate in [
                *flow.needed(member, live),
                *(flow.spoilers(member, live) if flow.stops(member) else []),
            ]:
                for task in self._tasks(gate):
                    yield self._fine(task), {task}
        elif when == "on_failure":
            gates = [*flow.needed(member, live), *flow.spoilers(member, live)]
            tasks = list(dict.fromkeys(task for gate in gates for task in self._tasks(gate)))
            yield " || ".join(self._bad(task) for task in tasks), set(tasks)
        for target in flow.nodes[member]["after"]:
            for ended in flow.ended(target, member, live):
                for task in self._tasks(ended):
                    yield self._ended(task), {task}

    def _tasks(self, path: str) -> Iterator[str]:
        """The tasks of this DAG that a node has become."""
        if path not in self._groups.live:
            return
        if self._groups.is_task(path):
            yield path
            return
        for child in self._flow.children[path]:
            yield from self._tasks(child)

    def _fine(self, task: str) -> str:
        name = self._name(task)
        return _any(name, "Succeeded", "Skipped", "Omitted") if self._rescues(task) else f"{name}.Succeeded"

    def _bad(self, task: str) -> str:
        ends = ("Failed", "Errored") if self._rescues(task) else ("Failed", "Errored", "Omitted")
        return _any(self._name(task), *ends)

    def _ended(self, task: str) -> str:
        return _any(self._name(task), *ENDS)

    def _rescues(self, task: str) -> bool:
        return bool(self._flow.nodes[task]["when"] == "on_failure")


def joined(terms: list[Term]) -> str:
    return " && ".join(
        f"({term.text})" if "||" in term.text and len(terms) > 1 else term.text for term in terms
    )


def is_order(term: Term) -> bool:
    """Whether it only says that a task has ended."""
    return len(term.tasks) == 1 and term.text.count("||") == len(ENDS) - 1


def _any(name: str, *ends: str) -> str:
    return " || ".join(f"{name}.{end}" for end in ends)
