"""What imgc compile --context writes is built by docker alone, from nothing but the output folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

PIPELINE = """\
version: 1
images:
  app:
    base: busybox:1.35
    copy_dir: src
    commands: ["cat deep/a > /built"]
    cmd: [sh, -c, "cat /built; ls -A; sh run.sh"]
"""


def test_plain_docker_builds_it(any_engine: Any, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "src" / "deep").mkdir(parents=True)
    (project / "src" / "deep" / "a").write_text("deep\n")
    (project / "src" / "run.sh").write_text("echo ran\n")
    (project / "src" / ".env").write_text("SECRET=1\n")
    (project / "pipeline.yaml").write_text(PIPELINE)
    subprocess.run(
        [sys.executable, "-m", "imgc.cli.main", "compile", "--context"], cwd=project, check=True
    )  # fmt: skip
    # The project is gone: nothing of it is needed.
    (project / "compiled").rename(tmp_path / "compiled")
    shutil.rmtree(project)
    tag = f"imgc-test/context:{uuid.uuid4().hex[:12]}"
    folder = tmp_path / "compiled" / "images" / "app"
    try:
        built = subprocess.run(
            ["docker", "build", "-q", "-t", tag, "-f", str(folder / "Dockerfile"), str(folder / "context")],
            env={**any_engine.env, "DOCKER_BUILDKIT": "1"}, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert built.returncode == 0, built.stderr
        told = any_engine.client.containers.run(tag, remove=True).decode().split()
        assert told == ["deep", "deep", "run.sh", "ran"]
    finally:
        any_engine.client.images.remove(tag, force=True)
