"""The pipeline files of the workspace's folders that are not open, for workspace symbols and diagnostics."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from imgc_lsp import convert
from imgc_lsp.buffer import Buffer
from imgc_lsp.claims import NAMES
from imgc_lsp.positions import Encoding
from imgc_lsp.session import OpenDocument, read_document
from imgc_lsp.snapshot import Settings, Snapshot

_MOST_FILES = 200
_MOST_FOLDERS = 5_000
_DEEPEST = 8
_LARGEST = 2_000_000
_LEFT_OUT = frozenset({"node_modules", "__pycache__", "venv", "site-packages", "target", "dist", "build"})


@dataclass(slots=True)
class ClosedFiles:
    """Snapshots of files by path, each kept until the file changes. Used by one thread at a time."""

    known: dict[Path, tuple[float, Snapshot | None]] = field(default_factory=dict)

    def read(
        self,
        folders: Collection[Path],
        settings: Settings,
        encoding: Encoding,
        leave_out: Collection[Path],
        reached: Callable[[Path, int, int], None] | None = None,
    ) -> list[Snapshot]:
        """`reached` is told each file, its number from 1, and how many there are."""
        found: list[Snapshot] = []
        paths = [path for path in files(folders) if path not in leave_out]
        for number, path in enumerate(paths, 1):
            if reached is not None:
                reached(path, number, len(paths))
            snapshot = self.one(path, settings, encoding)
            if snapshot is not None:
                found.append(snapshot)
        return found

    def one(self, path: Path, settings: Settings, encoding: Encoding) -> Snapshot | None:
        try:
            state = path.stat()
            kept = self.known.get(path)
            if kept is not None and kept[0] == state.st_mtime:
                return kept[1]
            text = path.read_text(encoding="utf-8") if state.st_size <= _LARGEST else ""
        except (OSError, UnicodeDecodeError):
            return None
        document = OpenDocument(path.as_uri(), path, "", 0, Buffer(text, encoding))
        read_document(document, settings, encoding)
        snapshot = document.snapshot
        if snapshot is not None:
            from imgc.analysis.analysis import analyse_document

            snapshot.analysis = analyse_document(snapshot.document, snapshot.directory)
            snapshot.diagnostics = list(snapshot.analysis.diagnostics)
            snapshot.current = True
        self.known[path] = state.st_mtime, snapshot
        return snapshot


def files(folders: Collection[Path]) -> Iterator[Path]:
    """Files that may be pipelines, by name: bounded, hidden folders and those of packages left out."""
    found = 0
    seen = 0
    for folder in folders:
        for where, below, names in os.walk(folder):
            seen += 1
            depth = len(Path(where).parts) - len(folder.parts)
            below[:] = sorted(
                name
                for name in below
                if depth < _DEEPEST and name not in _LEFT_OUT and not name.startswith(".")
            )
            for name in sorted(names):
                if name in NAMES or name.endswith((".imgc.yaml", ".imgc.yml")):
                    found += 1
                    yield Path(where) / name
            if found >= _MOST_FILES or seen >= _MOST_FOLDERS:
                return


def folder_paths(uris: Collection[str]) -> list[Path]:
    return [path for uri in uris if (path := convert.path_of(uri)).is_dir()]
