"""How a run ended, and how those of its leaves did that are not run again; whatever they ran on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imgc_engine.events import Listener, NodeChanged, RunState
from imgc_engine.failures import Code, Failure, worst
from imgc_engine.plan import Node
from imgc_engine.run import store as storing
from imgc_engine.run.causes import failure_of_record
from imgc_engine.run.history import History
from imgc_engine.run.runner import Runner
from imgc_engine.run.schedule import Schedule
from imgc_engine.run.states import Past


def verdict(schedule: Schedule, failures: Sequence[Failure]) -> tuple[RunState, Code]:
    if schedule.state == "interrupted":
        return "interrupted", Code.INTERRUPTED
    if schedule.fine:
        return "succeeded", Code.FINE
    code = worst(failures) or Code.STEP_FAILED
    return ("error" if code == Code.ENVIRONMENT else "failed"), code


def tell_past(
    node: Node,
    pasts: Mapping[str, Past],
    history: History,
    runner: Runner,
    store: storing.Store,
    tell: Listener,
) -> None:
    """Say how a leaf ended that is not run again, and count its failure among those of the run."""
    past = pasts.get(node.path)
    if node.is_group or past is None or past.state is None:
        return
    record = history.last[node.path]
    message = record.get("message", "")
    tell(NodeChanged(node.path, past.state, past.attempts, past.cause, message, record.get("exit")))
    if past.state == "succeeded":
        runner.succeeded.add(node.path)
    if past.state in ("failed", "error"):
        runner.failures[node.path] = failure_of_record(node, record, store.logs)
