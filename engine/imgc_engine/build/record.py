"""How the last work on each image ended, for other programs to read: editors show failures in the YAML.

A line an image in `.imgc/builds/last.jsonl`: `{"e": "image", "image", "state", "time"}`, and of one that
failed `"message"`, `"detail"`, `"log"`, the `"place"` in the YAML (file, line and column from 1) and the
image's own, `"source"`. `"path"` is the place as keys and numbers of items from the top of the file, and
`"text"` the item itself, which hold when lines of the file move.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imgc.document.document import load
from imgc.document.nodes import Scalar
from imgc.document.paths import node_at, path_of
from imgc_engine.build.work import Outcome
from imgc_engine.plan import Image, Place

FILE = "last.jsonl"


def written(project: Path, images: Mapping[str, Image]) -> dict[str, str]:
    """The text of the files that these images stand in, by the names that places have. Read before a build:
    people edit while it runs."""
    found = {}
    for file in {image.source.file for image in images.values()}:
        try:
            found[file] = (project / Path(file).name).read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue  # standard input, or gone: places are kept by their lines alone
    return found


def record(
    folder: Path, images: Mapping[str, Image], outcomes: Mapping[str, Outcome], texts: Mapping[str, str]
) -> None:
    """Keeps how these ended. What is known of other images of the plan stays; without a disk to write to,
    nothing is kept. `texts` are those of `written`."""
    lines = {name: line for name, line in _read(folder / FILE).items() if name in images}
    lines |= {name: _line(images[name], name, outcome, texts) for name, outcome in outcomes.items()}
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines.values())
    draft = folder / f".{FILE}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.replace(folder / FILE)
    except OSError:
        draft.unlink(missing_ok=True)


def _line(image: Image, name: str, outcome: Outcome, texts: Mapping[str, str]) -> dict[str, Any]:
    line: dict[str, Any] = {
        "e": "image", "image": name, "state": outcome.state, "time": round(time.time(), 3)
    }  # fmt: skip
    failure = outcome.failure
    if failure is not None:
        line |= {"message": failure.message, "place": _place(failure.place), "source": _place(image.source)}
        line |= _in_tree(failure.place, texts.get(failure.place.file))
        if failure.detail:
            line["detail"] = failure.detail
        if failure.log is not None:
            line["log"] = str(failure.log)
    return line


def _in_tree(place: Place, text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    root = load(place.file, text).root
    path = path_of(root, (place.line - 1, place.column - 1))
    if path is None:
        return {}
    node = node_at(root, path) if isinstance(path[-1], int) else None
    return {"path": path, "text": node.text if isinstance(node, Scalar) else ""}


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
