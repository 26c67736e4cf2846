"""The files beside a pipeline file that take part in its analysis."""

from __future__ import annotations

from pathlib import Path

from imgc.diagnostics import Diagnostic
from imgc.lock import lock


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
