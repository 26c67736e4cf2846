"""The files beside a pipeline file that take part in its analysis."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from imgc.diagnostics import Diagnostic
from imgc.lock import lock

if TYPE_CHECKING:
    from imgc.model.config import Config

CONFIG = "imgc.toml"
NAMES = ("pipeline.yaml", "pipeline.yml")
"""What pipeline files are called, but for those that are NAME.imgc.yaml."""


def read_lock(directory: Path) -> tuple[lock.Lock, list[Diagnostic]]:
    """`imgc.lock` of a folder; an empty one where there is none."""
    try:
        text = (directory / lock.FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return lock.Lock(), []
    except (OSError, UnicodeDecodeError) as error:
        from imgc.document.document import failed

        return lock.Lock(), failed(
            lock.FILE, "unreadable", f"'{lock.FILE}' cannot be read: {error}"
        ).diagnostics
    return lock.read(text)


def siblings(directory: Path, file: str) -> list[str]:
    """The names of other pipeline files in a folder: they share its lock."""
    names = (name for name in os.listdir(directory) if name in NAMES or name.endswith(".imgc.yaml"))  # noqa: PTH208
    return sorted(name for name in names if name != os.path.basename(file))  # noqa: PTH119


def read_config(file: str, directory: Path) -> tuple[Config | None, list[Diagnostic]]:
    """What `imgc.toml` sets, beside the pipeline file (which weighs more) and in the user's configuration folder;
    None where there is neither."""
    candidates = [
        (os.path.join(directory, CONFIG), os.path.join(os.path.dirname(file), CONFIG)),  # noqa: PTH118, PTH120
        *((path, path) for path in _user_config()),
    ]
    found = [(Path(path), name) for path, name in candidates if os.path.isfile(path)]  # noqa: PTH113
    if not found:
        return None, []
    from imgc.analysis.config import read  # with tomllib: most places have no such file

    return read(found)


def _user_config() -> list[str]:
    """`~/.config/imgc/imgc.toml`, as far as there is a home."""
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    return [os.path.join(folder, "imgc", CONFIG)] if os.path.isabs(folder) else []  # noqa: PTH117, PTH118
