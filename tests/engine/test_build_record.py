"""What a build leaves for editors, and what the language server makes of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

LSP_TESTS = str(Path(__file__).parents[1] / "lsp")
if LSP_TESTS not in sys.path:
    sys.path.append(LSP_TESTS)

from lspkit import editor  # noqa: E402
from lsprotocol import types as lsp  # noqa: E402

FILE = """version: 1
images:
  good: {base: "busybox:1.35", env: {A: "1"}}
  bad:
    base: busybox:1.35
    env: {B: "2"}
    commands: ["echo about to fail && exit 3"]
"""


def build(engine: Any, folder: Path, *names: str) -> int:
    command = [sys.executable, "-m", "imgc.cli.main", "build", *names]
    return subprocess.run(command, cwd=folder, env=engine.env, capture_output=True, check=False).returncode


def records(folder: Path) -> dict[str, dict[str, Any]]:
    rows = (folder / ".imgc/builds/last.jsonl").read_text().splitlines()
    return {row["image"]: row for row in map(json.loads, rows)}


def remove(engine: Any, folder: Path) -> None:
    """The images of a folder."""
    plan = json.loads(next(folder.rglob("plan.json")).read_text())
    for image in plan["images"].values():
        subprocess.run(
            [str(engine.cli), "rmi", image["reference"]], env=engine.env, capture_output=True, check=False
        )


@pytest.mark.asyncio
async def test_a_failed_build_is_a_diagnostic_until_the_next(engine: Any, tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_text(FILE)
    assert build(engine, tmp_path) == 4
    found = records(tmp_path)
    assert found["good"]["state"] in ("built", "exists")
    assert found["bad"]["state"] == "failed"
    assert found["bad"]["place"]["line"] == 7
    assert found["bad"]["source"]["line"] == 4
    assert found["bad"]["path"] == ["images", "bad", "commands", 0]
    assert found["bad"]["text"] == "echo about to fail && exit 3"
    assert build(engine, tmp_path, "good") == 0
    assert records(tmp_path)["bad"] == found["bad"], "a build of another image changes nothing of this one"
    async with editor(tmp_path) as ed:
        uri, _ = ed.open_at(path, FILE)
        items = await ed.codes(uri, "build-failed")
        assert [i.range.start.line for i in items if i.code == "build-failed"] == [6]
        assert any("exit code 3" in item.message for item in items)
        ed.edit(uri, (0, 0), (0, 0), "# a comment\n")
        await ed.until(
            uri, lambda items: [i.range.start.line for i in items if i.code == "build-failed"] == [7]
        )
        path.write_text(FILE.replace("exit 3", "exit 0"))
        assert build(engine, tmp_path, "bad") == 0
        event = lsp.FileEvent((tmp_path / ".imgc/builds/last.jsonl").as_uri(), lsp.FileChangeType.Changed)
        ed.client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([event]))
        await ed.until(uri, lambda items: all(item.code != "build-failed" for item in items))
    remove(engine, tmp_path)
