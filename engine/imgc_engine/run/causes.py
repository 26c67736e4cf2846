"""States and causes in sentences, and the failures of nodes as summaries show them."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imgc_engine.failures import Code, Failure
from imgc_engine.plan import Node, Place
from imgc_engine.run.actions import Changed
from imgc_engine.run.logs import last_lines
from imgc_engine.run.naming import log_path
from imgc_engine.run.states import End

_SETTING_OF = {"timeout": "max_time", "oom": "mem"}


def sentence(change: Changed) -> str:
    """Why the node is in its state; empty where the state says it all."""
    node, end = change.node, change.end
    if end is not None and end.message:
        return end.message
    match change.cause:
        case "error":
            return f"It ended with {exit_code(end)}." if end else "Something in it failed."
        case "oom":
            return "Something in it ran out of memory."
        case "timeout" if node.is_group:
            return "Something in it took too long."
        case "timeout" if node.max_time is not None:
            return f"It took longer than its max_time, {node.max_time:g} s."
        case "timeout":
            return "A group around it took longer than its max_time."
        case "lost":
            return "The engine lost something in it."
        case "needs":
            return "What it waits for failed, or was left out."
        case "when":
            return "Nothing before it had failed."
        case "interrupt":
            return "The run was interrupted."
        case _:
            return ""


def exit_code(end: End) -> str:
    """`exit code 137 (SIGKILL)`."""
    return "no exit code" if end.exit_code is None else exit_text(end.exit_code)


def exit_text(code: int) -> str:
    """The same of the code alone."""
    if code > 128 and code - 128 in {number.value for number in signal.Signals}:
        return f"exit code {code} ({signal.Signals(code - 128).name})"
    return f"exit code {code}"


def failure_of(change: Changed, lines: tuple[str, ...], log: Path | None) -> Failure:
    """The failure of a node that ended so."""
    node, end = change.node, change.end
    return Failure(
        subject=node.path,
        message=sentence(change),
        place=place_of(node, change.cause),
        code=Code.ENVIRONMENT if change.state == "error" else Code.STEP_FAILED,
        last_lines=lines,
        log=log,
        exit_code=end.exit_code if end else None,
        detail=" ".join(node.command or ()),
    )


def failure_of_record(node: Node, record: Mapping[str, Any], logs: Path) -> Failure:
    """The same from the journal and the log, for a later session."""
    log = log_path(logs, node.path, record["attempt"])
    return Failure(
        subject=node.path,
        message=record.get("message", ""),
        place=place_of(node, record.get("cause")),
        code=Code.ENVIRONMENT if record["state"] == "error" else Code.STEP_FAILED,
        last_lines=last_lines(log),
        log=log,
        exit_code=record.get("exit"),
        detail=" ".join(node.command or ()),
    )


def place_of(node: Node, cause: str | None) -> Place:
    """Where to look in the YAML: at the setting that was the reason, else at the node."""
    setting = _SETTING_OF.get(cause or "")
    return node.source if setting is None else node.place(setting)
