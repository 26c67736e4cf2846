"""The one project that all systems make an image of: jq; numpy, requests; a main.py."""

from __future__ import annotations

from collections.abc import Sequence
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


RUN = "run: [python, -u, main.py]"


def write_pipeline(
    folder: Path, name: str, more: str = "", *, code: str = "copy_dir: app", node: Sequence[str] = (RUN,)
) -> None:
    """imgc's file for it. `code` is how the image gets its code, `node` are the lines of the one node."""
    names = ", ".join(packages(more))
    lines = [
        "version: 1", f"name: {name}", "images:", "  app:", f"    base: {BASE}", "    apt_packages: [jq]",
        f"    pip_packages: [{names}]", *([f"    {code}"] if code else []),
        "pipeline:", "  image: app", *(f"  {line}" for line in node),
    ]  # fmt: skip
    (folder / "pipeline.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
