"""What a node does when something happens: `node.on_error(co.callback.retry(3))`."""

from __future__ import annotations

from imgc.importing.draft import Block
from imgc.importing.python.arguments import Importing, said
from imgc.importing.python.values import Call, Value

_ELSEWHERE = {
    "email": "add a node with `when` behind it that sends the mail",
    "slack_status": "add a node with `when` behind it that writes to Slack",
    "github_status": "`imgc run --report` and the CI job say how a run ended",
    "github_pipeline_status": "`imgc run --report` and the CI job say how a run ended",
    "skip_some_errors": "`suppress_errors` suppresses the errors of all children",
}


def callback(importing: Importing, event: str, value: Value, block: Block, line: int) -> None:
    name = value.name.rsplit(".", 1)[-1] if isinstance(value, Call) else ""
    span = importing.span(line)
    attempts = _attempts(value) if isinstance(value, Call) else None
    if name in ("retry", "retry_then_skip") and attempts:
        block.set("retry", {"attempts": attempts}, span)
        if name == "retry_then_skip":
            block.set("suppress_errors", True, span)
    elif name == "retry_with_double_mem" and attempts:
        block.set("retry", {"attempts": attempts, "on": ["error", "oom"], "mem_factor": 2}, span)
    elif name == "handle_memory_errors":
        block.set("retry", {"attempts": 3, "on": ["oom"], "mem_factor": 2}, span)
        if isinstance(value, Call) and (value.args or value.named):
            importing.lost(block, f"the limits of `{value.text}`", "`retry` has attempts and a factor", line)
    elif isinstance(value, bool):
        return
    else:
        why = _ELSEWHERE.get(name, "add a node with `when: always`, `on_success` or `on_failure` behind it")
        importing.lost(block, f"`{event}({said(value)})`", why, line)


def _attempts(call: Call) -> int | None:
    """How often it runs at most: Conducto counts only those after the first."""
    retries = call.args[0] if call.args else call.named.get("max_num_retries")
    return retries + 1 if isinstance(retries, int) and 0 <= retries < 1 << 31 else None
