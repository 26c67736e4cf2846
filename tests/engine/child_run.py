"""A run in a process of its own, which may kill itself: `python child_run.py PLAN PROJECT [RESUME]`.

KILL_AT=3:after sends SIGKILL to the process right after its third write to the journal (before: instead of it).
Events go to standard output as JSON lines.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from imgc_engine import api
from imgc_engine.run.store import Record, Store
from imgc_engine.show.json_lines import JsonLines

number, _, moment = os.environ.get("KILL_AT", "0:").partition(":")
append = Store.append
count = 0


def counted(self: Store, records: list[Record]) -> None:
    global count
    if records:
        count += 1
    kill = count == int(number) and bool(records)
    if kill and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    append(self, records)
    if kill:
        os.kill(os.getpid(), signal.SIGKILL)


Store.append = counted  # type: ignore[method-assign,assignment]

if __name__ == "__main__":
    plan = json.loads(Path(sys.argv[1]).read_text())
    project = Path(sys.argv[2])
    resume = sys.argv[3] if len(sys.argv) > 3 else None
    result = api.run(plan, project / "compiled", project, resume=resume, listener=JsonLines(sys.stdout))
    print(json.dumps({"event": "result", "code": int(result.code), "problem": result.problem}), flush=True)
    sys.exit(int(result.code))
