"""What is fetched once and kept between runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

YAML_LANGUAGE_SERVER = "yaml-language-server@1.25.0"
"""The server inside the Red Hat YAML extension: its validator is the extension's."""


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """A folder with yaml-language-server and Ajv, which it brings."""
    cache = Path(os.environ.get("IMGC_TEST_CACHE") or Path.home() / ".cache/imgc-test")
    folder = cache / YAML_LANGUAGE_SERVER
    modules = folder / "node_modules"
    if not (modules / "yaml-language-server/package.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
        subprocess.run([*command, YAML_LANGUAGE_SERVER], check=True, timeout=300)
    return modules
