"""Tests of the engine that need no Docker. They share the short way of writing plans with those that do."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
for folder in (HERE, HERE.parent / "engine"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))  # for `simulation` and `plans`: pytest has --import-mode=importlib
