"""What a report says of a run, from its plan, journal and logs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from imgc.records import dataclass, field
from imgc_engine.failures import Failure
from imgc_engine.plan import Node, Plan
from imgc_engine.run import store
from imgc_engine.run.causes import failure_of_record
from imgc_engine.run.logs import read
from imgc_engine.run.naming import log_path
from imgc_engine.run.recall import recall

HEAD, TAIL = 16 << 10, 48 << 10  # bytes of a log that are shown: of its beginning, and of its end
ALL_LOGS = 16 << 20  # bytes of all logs together; the later ones are then shown by their ends alone
SHORT_TAIL = 2 << 10
LONGEST = 4 << 10  # bytes of a line
FRAME = 48  # bytes that a line takes beside its text


@dataclass(frozen=True, slots=True)
class Line:
    """`after` are the seconds since the attempt began; `text` has no newline."""

    after: float
    stream: str
    text: bytes


@dataclass(slots=True)
class Attempt:
    """`begin` and `end` are seconds of the run, without the time in which nobody ran it."""

    number: int
    begin: float
    end: float
    state: str = "cut off"
    message: str = ""
    exit: int | None = None
    log: Path | None = None
    head: list[Line] = field(default_factory=list)
    left_out: int = 0
    """Bytes between head and tail."""
    tail: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class Leaf:
    path: str
    node: Node | None
    state: str = "pending"
    message: str = ""
    attempts: list[Attempt] = field(default_factory=list)


@dataclass(slots=True)
class Run:
    """`breaks` are the moments at which a later session went on with it."""

    id: str
    folder: Path
    document: Mapping[str, Any]
    plan: Plan
    state: str
    begun: str
    seconds: float
    breaks: list[float]
    environment: Mapping[str, Any]
    leaves: list[Leaf]
    states: Mapping[str, str]
    """Of all nodes, groups too, by path."""
    failures: list[Failure]


class _Clock:
    """Times of the journal as seconds of the run: what lies between two sessions does not count."""

    def __init__(self) -> None:
        self.breaks: list[float] = []
        self.latest = 0.0
        self._start: datetime | None = None

    def new_session(self, time: str) -> None:
        if self._start is not None:
            self.breaks.append(self.latest)
        self._start = datetime.fromisoformat(time)
        self._before = self.latest

    def at(self, time: str) -> float:
        if self._start is None:
            self.new_session(time)
        assert self._start is not None
        since = (datetime.fromisoformat(time) - self._start).total_seconds()
        self.latest = max(self.latest, self._before + since)  # a clock may be set back
        return self.latest


def read_run(folder: Path) -> Run:
    """Everything, with the logs as far as they are shown. OSError, ReadError."""
    recalled = recall(folder)
    document, plan, history = recalled.document, recalled.plan, recalled.history
    records = store.records(folder)
    nodes = {node.path: node for node in history.nodes}
    clock, leaves = _Clock(), dict[str, Leaf]()
    for record in records:
        if record.get("e") == "run":
            clock.new_session(record["t"])
        moment = clock.at(record["t"])
        if record.get("e") == "node" and not _is_group(record["path"], nodes):
            leaf = leaves.setdefault(record["path"], Leaf(record["path"], nodes.get(record["path"])))
            _follow(leaf, record, moment, folder / "logs")
    ordered = [leaves[path] for path in nodes if path in leaves]
    ordered += [leaf for path, leaf in leaves.items() if path not in nodes]
    for attempt in (attempt for leaf in ordered for attempt in leaf.attempts if attempt.state == "cut off"):
        attempt.end = clock.latest
    _read_logs(ordered)
    failures = [
        failure_of_record(leaf.node, history.last[leaf.path], folder / "logs")
        for leaf in ordered
        if leaf.node is not None and leaf.state in ("failed", "error") and leaf.attempts
    ]
    return Run(
        folder.name, folder, document, plan,
        history.end or ("running" if store.holder(folder) else "cut off"), history.begun, clock.latest,
        clock.breaks, _environment(records), ordered,
        {path: record["state"] for path, record in history.last.items()}, failures,
    )  # fmt: skip


def _is_group(path: str, nodes: Mapping[str, Node]) -> bool:
    return path in nodes and nodes[path].is_group


def _follow(leaf: Leaf, record: Mapping[str, Any], moment: float, logs: Path) -> None:
    """A record of a leaf: an attempt begins or ends, or it never comes to one."""
    state, number = record["state"], record["attempt"]
    leaf.state, leaf.message = state, record.get("message", "")
    if state == "running":
        log = log_path(logs, leaf.path, number)
        if not leaf.attempts or leaf.attempts[-1].number != number:
            leaf.attempts.append(Attempt(number, moment, moment, log=log))
    elif leaf.attempts and leaf.attempts[-1].state == "cut off" and leaf.attempts[-1].number == number:
        attempt = leaf.attempts[-1]
        attempt.end, attempt.message, attempt.exit = moment, leaf.message, record.get("exit")
        attempt.state = "failed" if state == "pending" else state  # pending: it is tried again


def _environment(records: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What the first session said of where it ran."""
    for record in records:
        if record.get("e") == "run":
            found: Mapping[str, Any] = record.get("environment", {})
            return found
    return {}


def _read_logs(leaves: Iterable[Leaf]) -> None:
    """Of bounded size, however much was written. Failed attempts come first when there is too much."""
    attempts = [attempt for leaf in leaves for attempt in leaf.attempts]
    room = ALL_LOGS
    for attempt in sorted(attempts, key=lambda one: one.state == "succeeded"):
        _read_log(attempt, *((HEAD, TAIL) if room > 0 else (0, SHORT_TAIL)))
        room -= sum(len(line.text) + FRAME for line in (*attempt.head, *attempt.tail))


def _read_log(attempt: Attempt, head: int, tail: int) -> None:
    """The first lines and the last; a log in between is read through, but never held."""
    if attempt.log is None or not attempt.log.exists():
        return
    last: deque[Line] = deque()
    kept = 0
    for line in _lines(attempt.log):
        size = len(line.text) + FRAME
        if head > 0:
            attempt.head.append(line)
            head -= size
            continue
        last.append(line)
        kept += size
        while kept > tail and len(last) > 1:
            dropped = len(last.popleft().text)
            kept -= dropped + FRAME
            attempt.left_out += dropped + 1
    attempt.tail = list(last)


def _lines(log: Path) -> Iterator[Line]:
    """Whole lines, of which long ones are cut; the rest of an entry without an end is one too."""
    begun: datetime | None = None
    open_: dict[str, bytes] = {}
    for time, stream, text in read(log):
        moment = datetime.fromisoformat(time)
        begun = begun or moment
        whole = open_.pop(stream, b"") + text
        if text.endswith(b"\n"):
            yield Line((moment - begun).total_seconds(), stream, whole[:LONGEST].rstrip(b"\r\n"))
        else:
            open_[stream] = whole[:LONGEST]
    for stream, rest in open_.items():
        yield Line(0.0 if begun is None else (moment - begun).total_seconds(), stream, rest)
