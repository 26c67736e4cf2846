"""The order of nodes: an end that waits for itself is found here, with the whole chain."""

from __future__ import annotations

from collections.abc import Callable

from imgc.diagnostics import Diagnostic, Related, Severity, Span
from imgc.resolve.tree import ResolvedNode

Event = tuple[str, str]
"""("start" or "end", path): a group starts before its children and ends after them."""


def check_order(nodes: dict[str, ResolvedNode], report: Callable[[Diagnostic], None]) -> None:
    """Reports every cycle at the first of its references in file order, and needs that are not needed."""
    spans = {
        (node.path, target): span for node in nodes.values() for target, span in (*node.needs, *node.reads)
    }
    if not spans:
        return
    for (path, target), span in spans.items():
        if path == target or path.startswith(f"{target}/"):
            what = "itself" if path == target else f"'{target}', which it is part of"
            report(Diagnostic("cycle", Severity.ERROR, f"'{_name(path)}' cannot wait for {what}", span))
            nodes[path].after.remove(target)
    for cycle in _cycles(nodes):
        _report(cycle, spans, report)


def _before(nodes: dict[str, ResolvedNode], event: Event) -> list[Event]:
    """The events that must have been before an event."""
    when, path = event
    node = nodes[path]
    if when == "end":
        return [("start", path), *(("end", child) for child in node.children)]
    around: list[Event] = [("start", node.parent)] if node.parent is not None else []
    return [*around, *(("end", other) for other in node.after if other in nodes)]


def _cycles(nodes: dict[str, ResolvedNode]) -> list[list[Event]]:
    """The cycles that a depth-first search meets, one for each edge that closes one."""
    state: dict[Event, int] = {}
    found: list[list[Event]] = []
    for root in nodes:
        path: list[Event] = []
        stack: list[tuple[Event, int]] = [(("end", root), 0)]
        while stack:
            event, position = stack.pop()
            if position == 0:
                if state.get(event):
                    continue
                state[event] = 1
                path.append(event)
            before = _before(nodes, event)
            while position < len(before) and state.get(before[position]) == 2:
                position += 1
            if position == len(before):
                state[event] = 2
                path.pop()
                continue
            stack.append((event, position + 1))
            following = before[position]
            if state.get(following) == 1:
                found.append(path[path.index(following) :])
            else:
                stack.append((following, 0))
    return found


def _report(
    cycle: list[Event], spans: dict[tuple[str, str], Span], report: Callable[[Diagnostic], None]
) -> None:
    """A cycle by its references: those edges of it that somebody wrote."""
    edges = [
        (first[1], second[1])
        for first, second in zip(cycle, [*cycle[1:], cycle[0]], strict=True)
        if (first[1], second[1]) in spans and first[0] == "start" and second[0] == "end"
    ]
    if not edges:
        return
    edges.sort(key=lambda edge: spans[edge].start)
    first = edges[0]
    chain = [path for when, path in cycle if when == "start"]
    names = list(dict.fromkeys(chain))
    start = names.index(first[0]) if first[0] in names else 0
    names = [*names[start:], *names[:start]]
    related = tuple(
        Related(spans[edge], f"'{_name(edge[0])}' waits for '{_name(edge[1])}' here") for edge in edges[1:]
    )
    message = f"these nodes wait for each other: {' -> '.join(_name(name) for name in [*names, names[0]])}"
    report(Diagnostic("cycle", Severity.ERROR, message, spans[first], related=related))


def _name(path: str) -> str:
    return path or "the pipeline"
