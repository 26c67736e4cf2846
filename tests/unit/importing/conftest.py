"""Puts the judge of Dockerfiles on the path: pytest runs with --import-mode=importlib."""

from __future__ import annotations

import sys
from pathlib import Path

JUDGE = Path(__file__).parents[1] / "dockerfile"
if str(JUDGE) not in sys.path:
    sys.path.insert(0, str(JUDGE))
