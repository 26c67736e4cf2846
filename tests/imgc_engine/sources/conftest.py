"""Tests of sources: no configuration, cache or CI system of the machine, and no waiting."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitserver import Server, serving
from imgc_engine.sources import program

CI = ("GITHUB_", "CI_", "BITBUCKET_", "SYSTEM_PULLREQUEST_", "BUILDKITE", "CHANGE_")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "no-config"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(tmp_path / "no-config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(program, "DELAYS", (0.0, 0.0))
    for name in os.environ:
        if name.startswith(CI):
            monkeypatch.delenv(name)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "served") as running:
        yield running
