"""Imports a text in a test, and holds what holds for every import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgc.analysis.analysis import analyse
from imgc.cli.import_ import imported
from imgc.document.document import load
from imgc.document.nodes import plain
from imgc.importing.source import source


@dataclass(frozen=True, slots=True)
class Imported:
    """The text, what it is as data, and the warnings: (line, message)."""

    text: str
    data: dict[str, Any]
    warnings: list[tuple[int, str]]

    @property
    def lines(self) -> list[int]:
        return [line for line, _ in self.warnings]


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """The folder, with these files in it."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def import_text(text: str | bytes, folder: Path, name: str, system: str | None = None) -> Imported:
    """Imports a file of this text and name, which is written into the folder: the result passes `imgc check`,
    comes out the same twice, and each warning lies in the source."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    (folder / name).write_bytes(data)
    given = source(name, data, folder, folder)
    result, found = imported(given, system)
    analysis = analyse("pipeline.yaml", result, folder)
    assert not analysis.failed, (result, [one.text for one in analysis.diagnostics])
    assert imported(source(name, data, folder, folder), system)[0] == result
    for one in found:
        assert one.span.file == name
        assert one.span.start[0] < max(len(given.lines), 1)
        assert one.span.start <= one.span.end
    read = plain(load("pipeline.yaml", result).root)
    assert isinstance(read, dict)
    return Imported(result, read, [(one.span.place.line, one.message) for one in found])
