"""A step that writes 1 GB: the time, and the most memory that imgc has meanwhile.

DOCKER_HOST=… python bench/log_flood.py [BYTES] [own|pool]
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / folder) for folder in ("engine", "compiler", "schema", "tests/engine")]

import plans  # noqa: E402

from imgc_engine import api  # noqa: E402
from imgc_engine.run.logs import read  # noqa: E402

BYTES = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000_000
MODE = sys.argv[2] if len(sys.argv) > 2 else "own"


def main() -> None:
    settings = {"container": {"mode": "pool", "group": None}} if MODE == "pool" else {}
    leaf = plans.run("flood", f"head -c {BYTES} /dev/zero | tr '\\0' y | fold -w 100", **settings)
    plan = plans.plan(plans.serial(leaf), images={"box": plans.image()})
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        begin = time.monotonic()
        result = api.run(plan, Path(folder), Path(folder), listener=lambda _event: None)
        seconds = time.monotonic() - begin
        assert result.code == 0, result
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        assert result.folder is not None
        kept = sum(len(text) for _, _, text in read(result.folder / "logs/flood/1.log"))
    print(
        f"{BYTES / 1e6:.0f} MB, {MODE}, load {os.getloadavg()[0]:.1f}: {seconds:.0f} s, most memory {most:.0f} MiB "
        f"({before:.0f} before), {kept:,} bytes kept"
    )


if __name__ == "__main__":
    main()
