"""Which files are pipelines of imgc. `pipeline.yaml` is a common name: other people's files stay
untouched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

LANGUAGE = "imgc"
NAMES = ("pipeline.yaml", "pipeline.yml")
_MARKER = re.compile(r"#\s*imgc\b", re.IGNORECASE)
_TOP_KEY = re.compile(r"(version|images|pipeline|bundles|stack|image_refs)\s*:(?=\s|\Z)")
_FOREIGN = re.compile(r"(apiVersion|kind|jobs|on|stages|steps|services|pool|trigger|transform)\s*:(?=\s|\Z)")
_LOOKED_AT = 400


def claims(path: Path, lines: Sequence[str], language: str = "", patterns: Sequence[str] = ()) -> bool:
    """Whether a document is ours: by language id, name, setting, the comment `# imgc`, or its keys."""
    if language == LANGUAGE or path.name.endswith((".imgc.yaml", ".imgc.yml")):
        return True
    if any(fnmatch(path.as_posix(), pattern) or fnmatch(path.name, pattern) for pattern in patterns):
        return True
    if any(_MARKER.match(line.lstrip("\ufeff")) for line in lines[:5]):
        return True
    keys: set[str] = set()
    for line in lines[:_LOOKED_AT] if path.name not in NAMES else lines:
        if line[:1] in " \t#-":
            continue
        if _FOREIGN.match(line):
            return False
        if match := _TOP_KEY.match(line.lstrip("\ufeff")):
            keys.add(match[1])
            if "version" in keys and keys & {"images", "pipeline"}:
                return _is_version(lines)
    return path.name in NAMES and bool(keys) and _is_version(lines)


def _is_version(lines: Sequence[str]) -> bool:
    """`version: 1` or one that is being typed; `version: 2.1` and `version: "3.8"` are other systems'
    files."""
    for line in lines[:_LOOKED_AT]:
        match = re.match(r"\ufeff?version\s*:\s*(.*?)\s*(?:#.*)?\Z", line)
        if match:
            return match[1].strip("'\"") in ("", "1", "1.0")
    return False
