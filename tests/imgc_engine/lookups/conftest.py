"""Fixtures for look-ups: a registry that a test can make faulty, and no engine and no Docker configuration of ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))  # for `fake_registry`: pytest runs with --import-mode=importlib

import fake_registry  # noqa: E402


@pytest.fixture
def registry() -> Iterator[fake_registry.Registry]:
    with fake_registry.registry() as fake:
        yield fake


@pytest.fixture(autouse=True)
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's configuration, empty; there is no engine."""
    folder = tmp_path / "docker-config"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")
    return folder / "config.json"
