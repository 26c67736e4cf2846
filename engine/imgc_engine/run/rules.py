"""What the end of an attempt means, whether there is another, and what that one gets."""

from __future__ import annotations

from imgc_engine.plan import Node
from imgc_engine.run.items import Item
from imgc_engine.run.states import Cause, End

LOST_AGAIN = 3  # attempts that the engine may lose before a leaf is given up


def cause(item: Item, end: End) -> Cause | None:
    """Why the attempt is no success; None when it is one."""
    success = is_success(item.node, end)
    if item.stopping is not None and (end.stopped or not success):
        return item.stopping
    if success:
        return None
    return "lost" if end.lost else "oom" if end.oom else "error"


def is_success(leaf: Node, end: End) -> bool:
    return not end.lost and (end.exit_code == 0 or end.exit_code in leaf.accept_return_code)


def delay_of_leaf(item: Item, cause: Cause, end: End) -> float | None:
    """Seconds until a leaf is tried again; None when it is not."""
    retry = item.node.retry
    if any(group.stopping for group in item.around()):
        return None
    if cause == "lost":
        if item.lost >= LOST_AGAIN or end.permanent or (end.began and retry.attempts == 1):
            return None  # a command that has begun is not repeated for a user who did not say that it may be
        item.lost += 1
        item.tries -= 1
        return float(2 ** (item.lost - 1))
    if cause not in retry.on or item.tries >= retry.attempts:
        return None
    return float(retry.backoff * 2 ** (item.tries - 1))


def delay_of_group(group: Item) -> float | None:
    """Seconds until a group is tried again; None when it is not."""
    retry = group.node.retry
    if any(outer.stopping for outer in group.around()) or group.tries >= retry.attempts:
        return None
    if not group.causes or not group.causes <= set(retry.on):
        return None
    return float(retry.backoff * 2 ** (group.tries - 1))


def memory(item: Item, ahead: int = 0) -> int | None:
    """Bytes for the leaf's try that runs (`ahead` = 1: for the one to come)."""
    if item.node.mem is None:
        return None
    factor = item.node.retry.mem_factor ** (item.tries - 1 + ahead)
    for group in item.around():
        factor *= group.node.retry.mem_factor ** (group.tries - 1)
    return round(item.node.mem * factor)


def is_done(item: Item) -> bool:
    return item.state in ("succeeded", "skipped")
