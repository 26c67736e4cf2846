"""What a small compile loads: import time is nearly all of a cold start (docs/decisions/0010-cold-start.md)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PIPELINE = """\
version: 1
images:
  app:
    base: python:3.11-slim
    apt_packages: [jq]
    pip_packages: [numpy, requests]
    copy_dir: app
"""
PROGRAM = """
import json, sys
from imgc.cli.main import main
assert main(["compile", "-q"]) == 0
print(json.dumps(sorted(sys.modules)))
"""

OWN = 105
"""Modules of imgc; 100 when this was written. Raise it only with a measurement (bench/compile_cold.py)."""

TOO_SLOW = {
    "ast": "1.7 ms", "dataclasses": "7 ms with inspect: imgc.records", "hashlib": "2.8 ms: imgc.sha256",
    "inspect": "6 ms", "packaging": "20 ms", "pkgutil": "1.2 ms", "rich": "", "shlex": "1.4 ms: quoting.quote",
    "shutil": "1.8 ms", "tempfile": "1 ms", "traceback": "", "difflib": "0.8 ms",
    "datetime": "1.2 ms, by yaml.constructor: imgc.document.libyaml", "yaml.reader": "3.6 ms: imgc.document.libyaml",
    "imgc.resolve.tree": "for files with a tree", "imgc.dockerfile.userfile": "for images with a Dockerfile",
    "imgc.diagnostics.render": "for files with problems", "docker": "", "pygls": "", "imgc_engine": "", "imgc_lsp": "",
}  # fmt: skip
"""What a small compile does without, with what it costs or where it belongs."""


def modules(tmp_path: Path) -> list[str]:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("print('hello')\n")
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(done.stdout)
    return found


def test_a_small_compile_loads_little(tmp_path: Path) -> None:
    loaded = modules(tmp_path)
    own = [name for name in loaded if name.partition(".")[0].startswith("imgc")]
    unwanted = {name: TOO_SLOW[name] for name in loaded if name in TOO_SLOW}
    assert not unwanted, (
        f"a small compile loads what it does not need: {unwanted}; import it where it is used"
    )
    assert len(own) <= OWN, f"a small compile loads {len(own)} modules of imgc, {OWN} are allowed: {own}"
    others = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names - {"__main__"}
    assert {name for name in others if not name.startswith(("imgc", "_", "cython"))} <= {
        "yaml",
        "sitecustomize",
    }
