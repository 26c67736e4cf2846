"""`max_concurrent` for Slurm, which knows no limit for a part of a user's jobs, but runs those of one name one after the
other (`singleton`): each leaf below a limit gets one of so many names."""

from __future__ import annotations

from collections.abc import Mapping

from imgc.targets.flow import Flow
from imgc.targets.slurm.jobs import Job


def lanes(flow: Flow, jobs: Mapping[str, Job]) -> dict[str, str]:
    """Job -> its lane, for jobs below a limit. They fill in the order of submission.

    The lanes are those of the outermost limit; a group with a limit inside of it uses some of them.
    """
    blocks: dict[str, list[int]] = {}
    filled: dict[str, int] = {}
    found = {}
    for name, job in jobs.items():
        limited = [group for group in flow.chain(job.path) if flow.nodes[group]["max_concurrent"]]
        if job.barrier or not limited:
            continue
        outer = str(flow.numbers[limited[0]])
        around = list(range(flow.nodes[limited[0]]["max_concurrent"]))
        for group in limited:
            if group not in blocks:
                limit = flow.nodes[group]["max_concurrent"]
                blocks[group] = sorted(around, key=lambda lane: filled.get(f"{outer}-{lane}", 0))[:limit]
            around = blocks[group]
        chosen = min((f"{outer}-{lane}" for lane in around), key=lambda lane: filled.get(lane, 0))
        filled[chosen] = filled.get(chosen, 0) + 1
        found[name] = chosen
    return found
