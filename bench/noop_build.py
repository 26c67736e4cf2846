"""A build of 20 images that are all there, as `imgc build` does it, process start and compile included.

DOCKER_HOST=… python bench/noop_build.py [ROUNDS]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
IMAGES = 20


def main() -> None:
    images = "".join(
        f'  i{n}: {{base: "busybox:1.35", env: {{N: "{n}"}}, commands: ["true"]}}\n' for n in range(IMAGES)
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pipeline.yaml").write_text(f"version: 1\nname: noop-build\nimages:\n{images}")
        command = [sys.executable, "-m", "imgc.cli.main", "build", "-q"]
        subprocess.run(command, cwd=folder, check=True)
        wall = []
        for _ in range(ROUNDS):
            begin = time.monotonic()
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
            wall.append(time.monotonic() - begin)
        print(
            f"{IMAGES} images, load {os.getloadavg()[0]:.1f}: {statistics.median(wall):.2f} s, least {min(wall):.2f} s"
        )


if __name__ == "__main__":
    main()
