"""The VS Code extension: its packages from npm, its own unit tests, and a real VS Code.

The workbench tests take minutes. They run when `vscode`, `lsp` or `schema` are not what they were when these tests
last passed on this machine (a note in the cache says so; no note: they run), and with IMGC_TEST_VSCODE=1 always, with
IMGC_TEST_VSCODE=0 never.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
for folder in (HERE, HERE.parent / "engine"):
    if str(folder) not in sys.path:
        sys.path.insert(
            0, str(folder)
        )  # for `vscodekit`, `harness`: pytest runs with --import-mode=importlib

from vscodekit import CODE_SERVER, FOLDER, locked, run  # noqa: E402


@pytest.fixture(scope="session")
def extension() -> Path:
    """The extension's folder, with the packages of its lock installed."""
    assert shutil.which("npm"), "the VS Code extension needs Node 20 or newer with npm"
    digest = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    note = FOLDER / "node_modules" / ".imgc-lock"
    with locked("npm"):
        if not note.exists() or note.read_text() != digest:
            run("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline")
            note.write_text(digest)
    return FOLDER


@pytest.fixture(scope="session")
def vsix(extension: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("vsix") / "imgc.vsix"
    with locked("package"):
        run("node", "scripts/package.mjs", str(file), env={"IMGC_PYTHON": sys.executable})
    assert extension.is_dir()
    return file


@pytest.fixture(scope="session")
def code_server() -> Path:
    """The folder of a code-server that works, from the cache where it is there."""
    with locked("code-server") as cache:
        folder = cache / f"code-server-{CODE_SERVER}"
        run(str(FOLDER / "test" / "workbench" / "install.sh"), str(folder), CODE_SERVER, timeout=1500)
    return folder
