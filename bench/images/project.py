"""The one project that all systems make an image of: jq; numpy, requests; a main.py."""

from __future__ import annotations

from pathlib import Path

BASE = "python:3.11-slim-bookworm"
PACKAGES = ("numpy", "requests")
MORE = (
    "six", "attrs", "toml", "iniconfig", "pluggy", "tomli", "zipp", "colorama", "decorator", "tabulate",
    "filelock", "sniffio", "termcolor", "pathspec", "tqdm", "click", "wcwidth", "pytz", "ply", "mccabe",
)  # fmt: skip
"""One more requirement: small, pure, with nothing behind it. Each build takes one that no build had yet."""


def packages(more: str = "") -> tuple[str, ...]:
    return (*PACKAGES, more) if more else PACKAGES


def write_code(folder: Path, word: str) -> None:
    """The one line of code that is edited."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.py").write_text(f'print("{word}", flush=True)\n', encoding="utf-8")


def write_pipeline(folder: Path, name: str, more: str = "", *, node: str = "") -> None:
    """imgc's file for it. `node` are further lines, of the one node."""
    names = ", ".join(packages(more))
    (folder / "pipeline.yaml").write_text(
        f"version: 1\nname: {name}\nimages:\n  app:\n    base: {BASE}\n    apt_packages: [jq]\n"
        f"    pip_packages: [{names}]\n    copy_dir: app\n"
        f"pipeline:\n  image: app\n  run: [python, -u, main.py]\n{node}",
        encoding="utf-8",
    )
