"""The page of the samples names every one, and none that is not there."""

from __future__ import annotations

import re

from tests_support import ROOT


def test_every_sample_has_its_line() -> None:
    page = (ROOT / "docs" / "samples.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)
    assert sorted(named) == sorted(path.parent.name for path in (ROOT / "samples").glob("*/pipeline.yaml"))
