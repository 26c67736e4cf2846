"""How the last work on each image ended, for other programs to read: editors show failures in the YAML.

A line an image in `.imgc/builds/last.jsonl`: `{"e": "image", "image", "state", "time"}`, and of one that
failed `"message"`, `"detail"`, `"log"`, the `"place"` in the YAML (file, line and column from 1) and the
image's own, `"source"`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imgc_engine.build.work import Outcome
from imgc_engine.plan import Image, Place

FILE = "last.jsonl"


def record(folder: Path, images: Mapping[str, Image], outcomes: Mapping[str, Outcome]) -> None:
    """Keeps how these ended. What is known of other images of the plan stays; without a disk to write to,
    nothing is kept."""
    lines = {name: line for name, line in _read(folder / FILE).items() if name in images}
    lines |= {name: _line(images[name], name, outcome) for name, outcome in outcomes.items()}
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines.values())
    draft = folder / f".{FILE}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.replace(folder / FILE)
    except OSError:
        draft.unlink(missing_ok=True)


def _line(image: Image, name: str, outcome: Outcome) -> dict[str, Any]:
    line: dict[str, Any] = {
        "e": "image", "image": name, "state": outcome.state, "time": round(time.time(), 3)
    }  # fmt: skip
    failure = outcome.failure
    if failure is not None:
        line |= {"message": failure.message, "place": _place(failure.place), "source": _place(image.source)}
        if failure.detail:
            line["detail"] = failure.detail
        if failure.log is not None:
            line["log"] = str(failure.log)
    return line


def _place(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line, "column": place.column}


def _read(file: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    try:
        for row in file.read_text(encoding="utf-8").splitlines():
            line = json.loads(row)
            if isinstance(line, dict) and isinstance(line.get("image"), str):
                found[line["image"]] = line
    except (OSError, ValueError):
        pass
    return found
