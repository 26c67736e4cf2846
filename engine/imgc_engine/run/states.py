"""The states of nodes, and how an attempt of a leaf ended."""

from __future__ import annotations

from typing import Literal

from imgc.records import dataclass

State = Literal["pending", "running", "succeeded", "failed", "error", "skipped", "omitted", "interrupted"]
"""Argo's, in lower case. "failed" is the user's command, "error" the engine or what it lacks."""

Cause = Literal["error", "oom", "timeout", "lost", "needs", "when", "skip", "interrupt"]
"""Why a node is in its state. The first three are what `retry: on` names."""

FINAL: frozenset[State] = frozenset({"succeeded", "failed", "error", "skipped", "omitted", "interrupted"})
WORST_FIRST: tuple[State, ...] = ("interrupted", "error", "failed", "omitted")
WORST_CAUSE_FIRST: tuple[Cause, ...] = ("lost", "oom", "timeout", "error")


@dataclass(frozen=True, slots=True)
class End:
    """How an attempt ended, as the engine tells it.

    `exit_code` is None when there was none. `lost`: the engine, not the command, was the reason;
    `permanent`: and would be again. `began`: the command may have run. `stopped`: it ended because we
    stopped it. `message` is a sentence for people.
    """

    exit_code: int | None = None
    oom: bool = False
    lost: bool = False
    permanent: bool = False
    began: bool = True
    stopped: bool = False
    message: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Past:
    """What an earlier session of the run left of a node.

    Its end state, or None where it has to run; how often it was started in all, and since its group last
    began.
    """

    state: State | None = None
    cause: Cause | None = None
    attempts: int = 0
    tries: int = 0
