"""imgc doctor on a real engine: old without buildx, new with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def test_an_engine_that_works(any_engine: Any, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "imgc.cli.main", "doctor", "--format", "json"],
        cwd=tmp_path, env=any_engine.env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    looked_at = {name: check["state"] for name, check in checks.items() if name != "disk space"}
    assert {looked_at[name] for name in ("engine", "engine version", "BuildKit", "clock")} == {"fine"}, checks
    assert any_engine.client.version()["Version"] in checks["engine version"]["found"]
    # How full this machine's disk is, is not a matter of the test.
    assert checks["disk space"]["state"] in ("fine", "warning", "problem")
    assert "GiB free" in checks["disk space"]["found"]
    stopped = any(check["state"] == "problem" for check in checks.values())
    assert done.returncode == (1 if stopped else 0)
