"""The site is built without a warning: every page is there, every link and anchor in it leads somewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests_support import ROOT

pytest.importorskip("mkdocs", reason="the site needs the extra 'docs', which ./setup.sh --dev installs")


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    made = {
        path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("index.html")
    }
    assert {"index.html", "tutorial/index.html", "format/index.html", "features/index.html"} <= made
    reference = (tmp_path / "site/format/index.html").read_text(encoding="utf-8")
    assert 'id="image-copy_dir"' in reference
