"""What of a source folder decides what its requirements.txt installs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

FILE = "requirements.txt"

_INCLUDE = re.compile(r"(?:-r|--requirement|-c|--constraint)(?:\s+|=)?(?P<path>\S+)")
_LOCAL = re.compile(
    r"-e\b|--editable|--find-links|-f\s|\.{0,2}/|file:|[^#]*@\s*file:|\S+\.(?:whl|zip|tar\.gz)\b|\S*[\\/]\S*$"
)
_URL = re.compile(r"(?:\S+\s*@\s*)?[a-z+]+://(?!/)")


def read_by_pip(read: Callable[[str], str | None], file: str = FILE) -> set[str] | None:
    """The files of the folder that pip reads; None when it may read any, since a project or wheel of the folder
    is named. `read` gives the text of a file by its path, None where there is none."""
    found: set[str] = set()
    waiting = [file]
    while waiting:
        path = waiting.pop()
        text = read(path)
        if path in found or text is None:
            continue
        found.add(path)
        for line in text.replace("\\\n", " ").splitlines():
            line = line.strip()
            if (include := _INCLUDE.match(line)) is not None:
                if not _URL.match(include["path"]):
                    waiting.append(
                        posixpath.normpath(posixpath.join(posixpath.dirname(path), include["path"]))
                    )
            elif line and not line.startswith("#") and _LOCAL.match(line) and not _URL.match(line):
                return None
    return found
