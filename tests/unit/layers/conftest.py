"""Fixtures for tests of layers."""

from __future__ import annotations

from pathlib import Path

import pytest

from code_layers import Kit


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return Kit(tmp_path)
