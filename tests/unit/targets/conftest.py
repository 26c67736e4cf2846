"""These tests share the short way of writing plans, and a world for the scheduler, with those of the engine."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
for folder in (HERE, HERE.parents[1] / "engine", HERE.parents[1] / "imgc_engine"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))  # pytest has --import-mode=importlib
