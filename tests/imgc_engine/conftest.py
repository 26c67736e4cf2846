"""Tests of the engine that need no Docker. They share the short way of writing plans with those that do."""

from __future__ import annotations

import sys
from pathlib import Path

SHARED = Path(__file__).parents[1] / "engine"
if str(SHARED) not in sys.path:
    sys.path.insert(0, str(SHARED))  # for `plans`: pytest runs with --import-mode=importlib
