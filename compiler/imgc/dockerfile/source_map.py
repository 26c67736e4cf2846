"""`Dockerfile.map.json`: from a line, or a step, of a Dockerfile back to the YAML that made it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from imgc.dockerfile.writer import Line
from imgc.patterns import lazy
from imgc.records import dataclass

VERSION = 1

_COUNTED = frozenset({"RUN", "COPY", "ADD", "WORKDIR"})
_VERTEX = lazy(r"\[(?P<where>[^\[\]]*?)\s*(?P<number>\d+)/(?P<total>\d+)\] (?P<text>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MapLine:
    """One instruction. `line` to `end_line` are 1-based; `stage` is "" before the first FROM.

    `step` is the instruction's number in its stage as BuildKit counts: the n of `[stage n/m]`; None for
    those that make no step. The YAML place (1-based) is None for what imgc adds itself.
    """

    line: int
    end_line: int
    stage: str
    instruction: str
    step: int | None
    file: str | None
    yaml_line: int | None
    yaml_column: int | None
    key: str


@dataclass(frozen=True, slots=True)
class SourceMap:
    """The map of the Dockerfile named `file`, which lies beside it. Lines in order."""

    file: str
    lines: tuple[MapLine, ...]

    def at(self, line: int) -> MapLine | None:
        """The instruction on a line of the Dockerfile; for a comment or a blank line the one below it."""
        return next((entry for entry in self.lines if entry.end_line >= line), None)

    def find(self, vertex: str) -> MapLine | None:
        """The instruction that BuildKit calls `[stage n/m] RUN …` in its progress and errors.

        None for what is no instruction (`[internal] load build context`), and where the numbers do not fit.
        """
        match = _VERTEX.fullmatch(vertex)
        if match is None:
            return None
        number, total = int(match["number"]), int(match["total"])
        names = [word for word in match["where"].split() if "/" not in word]  # not linux/arm64
        lines = self._stage(names[-1] if names else "")
        # A base's ONBUILD triggers run, and are counted, between FROM and the stage's own steps.
        triggers = total - sum(_is_counted(line) for line in lines)
        if match["text"].startswith("ONBUILD "):
            return next((line for line in lines if line.instruction == "FROM"), None)
        keyword = match["text"].split(maxsplit=1)[0] if match["text"].strip() else ""
        wanted = number if keyword == "FROM" else number - triggers
        found = next((line for line in lines if line.step == wanted), None)
        return found if found is not None and found.instruction == keyword else None

    def _stage(self, name: str) -> list[MapLine]:
        """The lines of a stage. BuildKit leaves the name out where there is but one stage."""
        stages = list(dict.fromkeys(line.stage for line in self.lines if line.stage))
        if not name and len(stages) == 1:
            name = stages[0]
        return [line for line in self.lines if line.stage == name]


def _is_counted(line: MapLine) -> bool:
    """Whether the m of `[stage n/m]` counts it: `WORKDIR /` is, though it makes no step."""
    return line.instruction in _COUNTED or line.step is not None


def source_map(lines: Sequence[Line], *, file: str, dockerfile: str = "Dockerfile") -> SourceMap:
    """The map of a written Dockerfile. `file` names the YAML file, as in `writer.write`."""
    return SourceMap(dockerfile, tuple(_entry(line, file) for line in lines))


def _entry(line: Line, file: str) -> MapLine:
    common = (line.line, line.end_line, line.stage, line.instruction, line.step)
    if line.span is None:
        return MapLine(*common, None, None, None, line.key)
    yaml_line, column = line.span.start
    return MapLine(*common, file, yaml_line + 1, column + 1, line.key)


def dumps(found: SourceMap) -> str:
    """The JSON text: one instruction a line, so that a change shows as what it is."""
    encode = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps makes an encoder a call
    rows = [encode(_row(line)) for line in found.lines]
    head = f'{{"version": {VERSION}, "file": {encode(found.file)}, "lines": ['
    return head + ("\n  " + ",\n  ".join(rows) + "\n" if rows else "") + "]}\n"


def _row(line: MapLine) -> dict[str, object]:
    return {name: getattr(line, name) for name in MapLine.__slots__}


def loads(text: str) -> SourceMap:
    """ValueError when the text is no map of this version."""
    data = json.loads(text)
    try:
        if data["version"] != VERSION:
            raise ValueError(f"a source map of version {data['version']!r}, not {VERSION}")
        return SourceMap(_typed(data["file"], str), tuple(_line(row) for row in data["lines"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a source map: {error}") from None


def _line(row: dict[str, Any]) -> MapLine:
    place = (row[name] for name in ("yaml_line", "yaml_column"))
    yaml_line, yaml_column = (None if value is None else _typed(value, int) for value in place)
    return MapLine(
        _typed(row["line"], int),
        _typed(row["end_line"], int),
        _typed(row["stage"], str),
        _typed(row["instruction"], str),
        None if row["step"] is None else _typed(row["step"], int),
        None if row["file"] is None else _typed(row["file"], str),
        yaml_line,
        yaml_column,
        _typed(row["key"], str),
    )


def _typed(value: Any, kind: type[Any]) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} where {kind.__name__} is wanted")
    return value
