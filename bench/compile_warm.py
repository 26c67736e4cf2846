"""Compile of one image in a process that has compiled before, files written to memory only: python bench/compile_warm.py [ROUNDS]."""

from __future__ import annotations

import gc
import statistics
import sys
import tempfile
import time
from pathlib import Path

from compile_cold import PIPELINE

from imgc.analysis.analysis import analyse
from imgc.plan.compiled import compile_pipeline


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    gc.disable()  # as the command does
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app").mkdir()
        (folder / "app" / "main.py").write_text("print('hello')\n")
        times = []
        for _ in range(rounds + 10):
            started = time.process_time()
            analysis = analyse("pipeline.yaml", PIPELINE, folder)
            compile_pipeline(analysis.resolved, folder / "compiled")
            times.append((time.process_time() - started) * 1000)
    print("| | CPU ms |\n| --- | --- |")
    print(f"| first compile in the process | {times[0]:.2f} |")
    print(f"| warm, median | {statistics.median(times[10:]):.2f} |")
    print(f"| warm, fastest | {min(times):.2f} |")


if __name__ == "__main__":
    main()
