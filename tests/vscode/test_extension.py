"""What needs no editor: types, the extension's own unit tests, the package, and rules shared with the server."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

from vscodekit import run

from imgc_lsp.claims import claims
from tests_support import ROOT

_TEXTS = (
    "", "version: 1\nimages: {}\n", "version: 1\npipeline:\n", "version: '1'\nimages:\n", "version: 2\nimages:\n",
    "version: 1.0 # first\nimages:\n", "version:\nimages:\n", "images:\n", "version: 1\n", "# imgc\nx: 1\n", "#imgc: yes",
    "# IMGC\n", "# imgcx\n", "a: 1\n" * 5 + "# imgc\n", "apiVersion: v1\nversion: 1\nimages:\n", "version: 1\njobs:\nimages:\n",
    "version: 1\nimages:\njobs:\n", "\ufeffversion: 1\nimages:\n", "version: 1\r\nimages:\r\n", "version: 3.8\nservices:\n",
    "  version: 1\n  images:\n", "- version: 1\n", "version : 1\nimages :\n", "version:1\nimages:\n", "stack: x\nversion: 1\n",
    "x: 1\n" * 450 + "version: 1\nimages:\n", "bundles:\n", "version: \"1\"\npipeline: {run: x}\n",
)  # fmt: skip
_PATHS = (
    "/w/pipeline.yaml",
    "/w/pipeline.yml",
    "/w/other.yaml",
    "/w/x.imgc.yaml",
    "/w/x.imgc.yml",
    "/w/ci/build.yaml",
)
_PATTERNS = (
    (),
    ("ci/*.yaml",),
    ("*/ci/*.yaml",),
    ("build.*",),
    ("b[a-u]ild.yaml",),
    ("b[!a]ild.yaml",),
    ("o?her.yaml",),
)


def test_types(extension: Path) -> None:
    run("npm", "run", "--silent", "check", cwd=extension)


def test_units(extension: Path) -> None:
    said = run("npm", "test", "--silent", cwd=extension)
    passed = re.search(r"^# pass (\d+)$", said, re.MULTILINE)
    assert passed, said
    assert int(passed[1]) > 25


def test_the_editor_claims_the_files_that_the_server_claims(extension: Path) -> None:
    """What is imgc's is decided twice: before there is a server, by the extension."""
    files = [*ROOT.glob("samples/*/*.y*ml"), *ROOT.glob("tests/cases/*/*.yaml"), ROOT / "mkdocs.yml"]
    files += ROOT.glob(".github/workflows/*.yml")
    cases = [(path.as_posix(), path.read_text(encoding="utf-8"), ()) for path in files]
    cases += [(path, text, patterns) for path in _PATHS for text in _TEXTS for patterns in _PATTERNS]
    given = json.dumps(cases)
    said = run("sh", "-c", 'node test/claims.mjs < "$1"', "sh", str(_file(extension, given)), cwd=extension)
    answers = json.loads(said)
    expected = [
        claims(Path(path), re.split("\r\n|\n|\r", text), "yaml", patterns) for path, text, patterns in cases
    ]
    different = [
        case for case, answer, right in zip(cases, answers, expected, strict=True) if answer != right
    ]
    assert different == []
    assert True in expected
    assert False in expected


def _file(extension: Path, text: str) -> Path:
    file = extension / "dist" / "claims.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def test_the_package_has_all_that_it_needs_and_nothing_else(vsix: Path) -> None:
    with zipfile.ZipFile(vsix) as package:
        names = {
            name.removeprefix("extension/") for name in package.namelist() if name.startswith("extension/")
        }
        manifest = json.loads(package.read("extension/package.json"))
        code = package.read("extension/dist/extension.js").decode()
        schema = package.read("extension/schema/pipeline.schema.json")
        wheel = next(name for name in names if name.endswith(".whl"))
        inside = zipfile.ZipFile(package.open(f"extension/{wheel}")).namelist()
    assert {"readme.md", "changelog.md", "LICENSE.txt", "dist/extension.js", "media/icon.png"} <= names
    tops = {name.split("/")[0] for name in names if "/" in name}
    assert tops == {"dist", "media", "schema", "snippets", "syntaxes", "wheel"}
    assert manifest["capabilities"]["untrustedWorkspaces"]["supported"] == "limited"
    assert schema == (ROOT / "schema" / "imgc_schema" / "pipeline.schema.json").read_bytes()
    assert str(ROOT) not in code
    assert {
        "imgc/cli/main.py",
        "imgc_lsp/server.py",
        "imgc_engine/api.py",
        "imgc_schema/pipeline.schema.json",
    } <= set(inside)
    assert vsix.stat().st_size < 3_000_000


def test_the_lock_names_no_registry(extension: Path) -> None:
    lock = json.loads((extension / "package-lock.json").read_text())
    assert all("resolved" not in package for package in lock["packages"].values())
    assert all("integrity" in package for name, package in lock["packages"].items() if name)
