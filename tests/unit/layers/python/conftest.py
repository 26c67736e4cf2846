"""Fixtures for tests of Python layers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from python_layers import Kit


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return Kit(tmp_path)


UNPINNED = ("DL3008", "DL3013", "DL3018", "DL3033", "DL3037", "DL3041")


@pytest.fixture
def hadolint(tmp_path: Path):
    """Findings of hadolint on a Dockerfile, without those on versions that the user did not pin and on the
    names of users, which Recipe writes."""

    def check(text: str) -> str:
        file = tmp_path / "Dockerfile.checked"
        file.write_text(text)
        ignored = [word for rule in (*UNPINNED, "DL3066") for word in ("--ignore", rule)]
        done = subprocess.run(["hadolint", *ignored, str(file)], text=True, capture_output=True, check=False)
        return done.stdout + done.stderr

    return check
