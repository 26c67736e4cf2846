"""What a schedule wants done."""

from __future__ import annotations

from imgc.records import dataclass
from imgc_engine.plan import Node
from imgc_engine.run.states import Cause, End, State


@dataclass(frozen=True, slots=True)
class Start:
    """Start this attempt of a leaf; tell `ended` once. `mem` is in bytes, None without a limit."""

    node: Node
    attempt: int
    mem: int | None


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop this attempt of a leaf, which was started and has not ended; `ended` is still to be told."""

    node: Node
    attempt: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class Changed:
    """A node is in another state. `seconds` is the time to wait when it is pending once more; `tries` are the
    attempts since the group around it last began."""

    node: Node
    state: State
    attempt: int
    tries: int
    cause: Cause | None = None
    end: End | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Expanded:
    """A leaf has become the group `nodes[0]`, with the others below it. Its start is told next."""

    nodes: tuple[Node, ...]


Action = Start | Stop | Changed | Expanded
