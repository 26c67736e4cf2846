"""Puts this folder on the path, for `judge`: pytest runs with --import-mode=importlib."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))
