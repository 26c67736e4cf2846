"""`imgc check` of 200 pipeline files in one folder, the samples over and over: python bench/check_many.py [ROUNDS]."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from measure import PYTHON, run, side_by_side, table

FILES = 200
SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    imgc = str(Path(PYTHON).parent / "imgc")
    samples = sorted(path.parent for path in SAMPLES.glob("*/pipeline.yaml"))
    with tempfile.TemporaryDirectory() as name:
        for number in range(FILES):
            sample = samples[number % len(samples)]
            shutil.copytree(sample, Path(name) / f"{number:03}-{sample.name}")
        rivals = {
            "check of one": lambda: run([imgc, "check", "-q", "000-" + samples[0].name], cwd=name),
            f"check of {FILES}": lambda: run([imgc, "check", "-q", "."], cwd=name),
            "the same as SARIF": lambda: run([imgc, "check", "-q", "--format", "sarif", "."], cwd=name),
        }
        table(side_by_side(rivals, rounds))


if __name__ == "__main__":
    main()
