"""Every golden Dockerfile under BuildKit's own rules (`docker build --check`): no findings.

The rules need the bases' metadata, so bases that cannot be had here are replaced by one that can.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from tests_support import ROOT

FILES = sorted((ROOT / "tests" / "expected").rglob("images/*/Dockerfile"))
LOCAL = "debian:bookworm-slim"


def test_no_findings(newer_engine: Any, tmp_path: Path) -> None:
    found = {}
    for number, file in enumerate(FILES):
        text = file.read_text(encoding="utf-8")
        stages = set(re.findall(r"^FROM \S+ AS (\S+)", text, re.MULTILINE))

        def local(match: re.Match[str], stages: set[str] = stages) -> str:
            known = match[1] in stages or match[1] == "scratch"
            return match[0] if known else f"FROM {LOCAL}"

        text = re.sub(r"^FROM (\S+)", local, text, flags=re.MULTILINE)
        text = re.sub(r"--from=docker:\S+", f"--from={LOCAL}", text)
        checked = tmp_path / f"{number}.Dockerfile"
        checked.write_text(text, encoding="utf-8")
        result = subprocess.run(
            ["docker", "buildx", "build", "--check", "-f", str(checked), str(ROOT / "samples" / "hello")],
            env=newer_engine.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if "no warnings found" not in result.stdout + result.stderr:
            found[str(file.relative_to(ROOT))] = (result.stdout + result.stderr)[-600:]
    assert not found
