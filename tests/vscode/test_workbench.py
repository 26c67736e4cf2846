"""A real VS Code in a real browser, with the packaged extension, on a real engine: vscode/test/workbench."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import harness
import pytest
from harness import cache_folder
from vscodekit import FOLDER, locked, run, state

ASKED = os.environ.get("IMGC_TEST_VSCODE", "")
PASSED = "passed"


def _needed() -> bool:
    if ASKED in ("0", "1"):
        return ASKED == "1"
    with locked("state") as cache:
        note = cache / PASSED
        return not note.exists() or note.read_text() != state()


@pytest.mark.engine
@pytest.mark.skipif(
    ASKED == "0" or os.environ.get("IMGC_TEST_ENGINE") == "0", reason="left out by the environment"
)
def test_workbench(request: pytest.FixtureRequest) -> None:
    if not _needed():
        pytest.skip("vscode, lsp and schema are what they were when this passed (IMGC_TEST_VSCODE=1 runs it)")
    vsix: Path = request.getfixturevalue("vsix")
    code_server: Path = request.getfixturevalue("code_server")
    before = state()
    pictures = cache_folder() / "vscode" / "pictures"  # of what failed, too
    pictures.mkdir(parents=True, exist_ok=True)
    shared = harness.shared_engine("installed")
    with harness.lease(shared):
        harness.base_images(shared, harness.cache_folder())
        env = {
            **shared.variables(),
            "IMGC_CODE_SERVER": str(code_server),
            "IMGC_VSIX": str(vsix),
            "IMGC_COMMAND": str(Path(sys.executable).with_name("imgc")),
            "IMGC_PICTURES": str(pictures),
        }
        tests = sorted(str(file) for file in (FOLDER / "test" / "workbench").glob("*.test.mjs"))
        run("node", "--test", "--test-concurrency=1", *tests, env=env, timeout=1200)
    with locked("state") as cache:
        (cache / PASSED).write_text(before)
