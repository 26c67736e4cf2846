"""What of a plan starts when, and how each node ends: a state machine that knows neither Docker nor a clock.

The runner tells what happened (`ended`, `tick`, `interrupt`, each with the time in seconds of a clock that
never jumps), and does what `actions` gives it. How nodes follow each other:

- A node is *fine* when it succeeded, was skipped, or failed under suppress_errors. In a serial group a
  child that is not fine keeps the later ones from starting, unless stop_on_error is false. What is needed
  by name has to be fine.
- `when: on_failure` wants an earlier sibling, or something needed, that is not fine; else the node is
  skipped. `always` wants nothing. What may not start is omitted, which is not fine.
- A group ends when all below it have ended, and as its worst child that is not fine.
- Outside a group that is tried again, what is below it counts as ended with the group's last try.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Literal

from imgc.records import dataclass
from imgc_engine.plan import Node
from imgc_engine.run import rules
from imgc_engine.run.actions import Action, Changed, Expanded, Start, Stop
from imgc_engine.run.items import Item, arrange, collapse, expand
from imgc_engine.run.ready import Limits, Need, Ready
from imgc_engine.run.states import WORST_CAUSE_FIRST, WORST_FIRST, Cause, End, Past, State


@dataclass(frozen=True, slots=True)
class _Timer:
    """Due at `time`; void once the item has another attempt, or has expanded. `number` keeps equal times in
    order.
    """

    time: float
    number: int
    kind: Literal["deadline", "again"]
    attempt: int
    node: Node
    item: Item

    def __lt__(self, other: _Timer) -> bool:
        return (self.time, self.number) < (other.time, other.number)


class Schedule:
    """Feed it with what happens; take `actions` out after each call, in order."""

    def __init__(
        self,
        nodes: Sequence[Node],
        limits: Limits,
        *,
        keep_going: bool = False,
        past: Mapping[str, Past] | None = None,
        leaves: Mapping[str, Node] | None = None,
    ) -> None:
        """`nodes` in tree order. `keep_going`: serial groups go on after failures. `leaves` are what groups were
        before they expanded, in an earlier session, by path. Deadlock.
        """
        self._by_path = arrange(nodes)
        self._root = next(iter(self._by_path.values()))
        self._keep_going = keep_going
        self._past = dict(past or {})
        self._settled: dict[str, End] = {}
        self._actions: list[Action] = []
        self._agenda: deque[Item] = deque()
        self._timers: list[_Timer] = []
        self._numbers = count()
        self._now = 0.0
        self._ready: Ready[Item] = Ready(limits)
        for path, item in self._by_path.items():
            item.leaf = (leaves or {}).get(path)
            self._limit(item)
            self._remember(item)

    @property
    def state(self) -> State:
        """The root's, which is the run's."""
        return self._root.state

    @property
    def fine(self) -> bool:
        """Whether the run is a success."""
        return self._root.is_fine

    @property
    def finished(self) -> bool:
        return self._root.has_ended

    @property
    def paths(self) -> list[str]:
        """Of all nodes, with those that leaves have expanded to, in tree order."""
        return sorted(self._by_path, key=lambda path: self._by_path[path].index)

    @property
    def wake(self) -> float | None:
        """When `tick` is due, if ever."""
        return self._timers[0].time if self._timers else None

    def actions(self) -> list[Action]:
        """What has come up since the last time."""
        taken, self._actions = self._actions, []
        return taken

    def begin(self, now: float) -> None:
        self._now = now
        self._agenda.append(self._root)
        self._settle()

    def started(self, path: str, now: float) -> None:
        """The leaf's command runs as of now: its max_time counts."""
        self._now = now
        item = self._by_path[path]
        if item.state == "running":
            self._set_deadline(item)

    def ended(self, path: str, end: End, now: float) -> None:
        """The running attempt of a leaf has ended."""
        self._now = now
        item = self._by_path[path]
        self._ready.gone(item)
        cause = rules.cause(item, end)
        if cause is None:
            self._end(item, "succeeded", None, end)
        elif cause == "interrupt":
            self._end(item, "interrupted", cause, end)
        else:
            self._fail(
                item,
                "error" if cause == "lost" else "failed",
                cause,
                end,
                rules.delay_of_leaf(item, cause, end),
            )
        self._settle()

    def expand(
        self, path: str, nodes: tuple[Node, ...], now: float, settled: Mapping[str, End] | None = None
    ) -> None:
        """The running attempt of a leaf has ended, and gave what runs in its place: the group `nodes[0]` of the
        same path, and all below it, in tree order. Leaves that are `settled`, by path, succeed without running.

        TooMany, Deadlock: it is still to be told how the attempt has ended.
        """
        item = self._by_path[path]
        if item.stopping == "interrupt" or any(group.stopping for group in item.around()):
            self.ended(path, End(stopped=True), now)
            return
        made = expand(item, nodes, self._by_path)
        self._now = now
        self._ready.gone(item)
        for new in (item, *made):
            self._limit(new)
        for new in made:
            self._remember(new)
        self._settled |= settled or {}
        self._actions.append(Expanded(nodes))
        item.stopping, item.tries = None, 1
        self._begin_group(item)
        self._settle()

    def tick(self, now: float) -> None:
        """What time brings: deadlines, and the ends of waiting for another try."""
        self._now = now
        while self._timers and self._timers[0].time <= now:
            timer = heapq.heappop(self._timers)
            item = timer.item
            if timer.attempt != item.attempts or timer.node is not item.node:
                continue
            if timer.kind == "again" and item.again is not None:
                self._try_again(item)
            elif timer.kind == "deadline" and item.state == "running" and item.stopping is None:
                self._stop(item, "timeout")
        self._settle()

    def interrupt(self, now: float) -> None:
        """Start nothing more, and stop what runs."""
        self._now = now
        if not self.finished:
            self._stop(self._root, "interrupt")
            self._settle()

    def soon(self, running: Iterable[str], count: int) -> Iterator[Start]:
        """What may start soon, as it would: worth preparing, though some of it may never start after all."""
        after = [other for path in running for other in self._by_path[path].followers if _is_next(other)]
        for item in [*self._ready.next(count), *after][:count]:
            yield Start(item.node, item.attempts + 1, rules.memory(item, ahead=1))

    def _settle(self) -> None:
        while self._agenda:
            self._consider(self._agenda.popleft())
        for item in self._ready.take():
            item.stopping = None
            self._run(item)
            self._say(item)
            self._actions.append(Start(item.node, item.attempts, rules.memory(item)))

    def _run(self, item: Item) -> None:
        item.state = "running"
        item.attempts += 1
        item.tries += 1

    def _consider(self, item: Item) -> None:
        """Start it, or decide that it will not, if it is its turn."""
        if item.state != "pending" or item.open or item.again is not None:
            return
        if item.parent is not None and item.parent.state != "running":
            return
        if item.node.skip:
            self._leave_out(item, "skipped", "skip")
        elif (hindrance := self._hindrance(item)) is not None:
            self._leave_out(item, *hindrance)
        elif item.node.is_group:
            self._run(item)
            self._begin_group(item)
        else:
            self._queue(item)

    def _hindrance(self, item: Item) -> tuple[State, Cause] | None:
        """How it ends without having run, if it must."""
        when, group = item.node.when, item.parent
        unmet = any(not target.is_fine for target in item.strict)
        spoiled = group is not None and group.node.kind == "serial" and group.spoiled
        if when == "on_failure":
            return None if unmet or spoiled else ("skipped", "when")
        if when == "always":
            return None
        stopped = spoiled and group is not None and group.node.stop_on_error and not self._keep_going
        return ("omitted", "needs") if unmet or stopped else None

    def _begin_group(self, item: Item) -> None:
        self._say(item)
        self._set_deadline(item)
        item.below = len(item.children)
        if not item.children:
            self._end_group(item)
        self._agenda.extend(item.children)

    def _queue(self, item: Item) -> None:
        before = self._past.pop(item.node.path, None)
        if before is not None and before.state is not None:
            self._end(item, before.state, before.cause, told=False)
            return
        if (end := self._settled.pop(item.node.path, None)) is not None:
            self._end(item, "succeeded", None, end)
            return
        item.need = Need(item.node.cpu, rules.memory(item, ahead=1) or 0, item.node.gpu)
        self._ready.add(item)

    def _remember(self, item: Item) -> None:
        """Count on from what was before it: an attempt's number is not used twice."""
        if before := self._past.get(item.node.path):
            item.attempts, item.tries = before.attempts, before.tries

    def _limit(self, item: Item) -> None:
        if item.node.max_concurrent is not None and item.node.is_group:
            self._ready.limit(item.index, item.node.max_concurrent)

    def _set_deadline(self, item: Item) -> None:
        if item.node.max_time is not None:
            self._set_timer(item.node.max_time, "deadline", item)

    def _set_timer(self, delay: float, kind: Literal["deadline", "again"], item: Item) -> None:
        timer = _Timer(self._now + delay, next(self._numbers), kind, item.attempts, item.node, item)
        heapq.heappush(self._timers, timer)

    def _fail(self, item: Item, state: State, cause: Cause, end: End | None, delay: float | None) -> None:
        """It ends so, or (with a delay in seconds) is tried again; so it ends then if that never comes."""
        if delay is None:
            self._end(item, state, cause, end)
            return
        item.state, item.again = "pending", (state, cause, end)
        self._actions.append(Changed(item.node, "pending", item.attempts, item.tries, cause, end, delay))
        self._set_timer(delay, "again", item)

    def _try_again(self, item: Item) -> None:
        item.again = None
        if not item.node.is_group:
            self._queue(item)
            return
        for inner in list(item.within()):
            if inner.leaf is not None and self._by_path.get(inner.node.path) is inner:
                for gone in collapse(inner, self._by_path):
                    self._past[gone.node.path] = Past(attempts=gone.attempts)
        for inner in item.within():
            inner.forget()
        for inner in item.within():
            inner.count_gates()
        item.spoiled = False
        item.causes.clear()
        self._run(item)
        self._begin_group(item)

    def _stop(self, top: Item, cause: Cause) -> None:
        """End what runs in it, and leave out what does not yet."""
        for item in (top, *top.within()):
            if item.state != "running":
                continue
            if item.stopping is None and not item.node.is_group:
                self._actions.append(Stop(item.node, item.attempts, cause))
            if item.stopping is None or cause == "interrupt":
                item.stopping = cause
        for item in (top, *top.within()):
            if item.again is not None:
                (state, why, end), item.again = item.again, None
                self._end(item, state, why, end)
            elif item.state == "pending" and (item.parent is None or item.parent.state == "running"):
                self._ready.withdraw(item)
                self._leave_out(item, "omitted", cause)

    def _leave_out(self, item: Item, state: State, cause: Cause) -> None:
        """It ends with all below it, without having run."""
        for inner in item.within():
            inner.state = state
            self._say(inner, cause)
            self._release(inner)
        self._end(item, state, cause)

    def _end(
        self, item: Item, state: State, cause: Cause | None, end: End | None = None, *, told: bool = True
    ) -> None:
        item.state = state
        if told:
            self._say(item, cause, end)
        self._release(item)
        group = item.parent
        if group is None:
            return
        group.below -= 1
        if not item.is_fine:
            group.spoiled = True
            if state != "omitted" and cause is not None:  # that has no cause of its own
                group.causes |= item.causes if item.node.is_group else {cause}
        if group.below == 0 and group.state == "running":
            self._end_group(group)

    def _end_group(self, group: Item) -> None:
        """All its children have ended."""
        bad = {child.state for child in group.children if not child.is_fine}
        late = group.stopping == "timeout" and any(not rules.is_done(item) for item in group.within())
        if late:
            group.causes = {"timeout"}
            end = End(message=f"It took longer than its max_time, {group.node.max_time or 0:g} s.")
            self._fail(group, "failed", "timeout", end, rules.delay_of_group(group))
        elif not bad:
            self._end(group, "succeeded", None)
        elif group.stopping == "interrupt":
            self._end(group, "interrupted", "interrupt")
        else:
            worst = next(state for state in WORST_FIRST if state in bad)
            cause: Cause = next((why for why in WORST_CAUSE_FIRST if why in group.causes), "needs")
            self._fail(group, worst, cause, None, rules.delay_of_group(group) if worst == "failed" else None)

    def _release(self, item: Item) -> None:
        for follower in item.followers:
            follower.open -= 1
            if not follower.open:
                self._agenda.append(follower)

    def _say(self, item: Item, cause: Cause | None = None, end: End | None = None) -> None:
        self._actions.append(Changed(item.node, item.state, item.attempts, item.tries, cause, end))


def _is_next(item: Item) -> bool:
    """Whether it is a leaf that waits for one thing alone, and for its success."""
    pending = item.state == "pending" and item.open == 1 and item.again is None
    return pending and not item.node.is_group and not item.node.skip and item.node.when == "on_success"
