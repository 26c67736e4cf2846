"""Where the tests find what lies beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("IMGC_SHARED", ROOT.parent / "shared"))
