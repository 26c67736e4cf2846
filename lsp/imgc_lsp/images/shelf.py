"""What registries have said, kept on disk for the next editor: it is there at once, and where nothing may be asked."""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path

log = logging.getLogger(__name__)
_MOST = 200
"""Questions that are kept; the newest."""


def file() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "imgc" / "registries.json"


class Shelf:
    """Names by question. Read once, when first asked; damage to the file costs what was in it, and no more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, list[str]] | None = None

    def get(self, question: str) -> list[str]:
        with self._lock:
            return self._read().get(question, [])

    def put(self, question: str, names: list[str]) -> None:
        """For threads that ask: it writes the file."""
        with self._lock:
            known = self._read()
            known.pop(question, None)
            known[question] = names
            self._known = dict(list(known.items())[-_MOST:])
            self._write(self._known)

    def _read(self) -> dict[str, list[str]]:
        if self._known is None:
            try:
                data = json.loads(file().read_text(encoding="utf-8"))
                self._known = {
                    question: [name for name in names if isinstance(name, str)]
                    for question, names in data.items()
                    if isinstance(names, list)
                }
            except (OSError, ValueError, AttributeError):
                self._known = {}
        return self._known

    def _write(self, known: dict[str, list[str]]) -> None:
        draft = file().with_name(f".registries.{os.getpid()}.json")
        try:
            draft.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(known, ensure_ascii=False), encoding="utf-8")
            draft.replace(file())
        except OSError as error:
            log.info("what registries said is not kept: %s", error)
