"""Inline metadata of a Python script (PEP 723), and the base image that it asks for."""

from __future__ import annotations

import re
from typing import Any

from imgc.diagnostics import Origin, Span
from imgc.layers.python.specs import BadSpec, parse
from imgc.patterns import lazy
from imgc.records import dataclass

PYTHONS = tuple((3, minor) for minor in range(9, 15))
"""Versions of which there is an image `python:X.Y-slim-bookworm`, the lowest first."""

DEFAULT = "3.12"

_BLOCK = lazy(r"^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$", re.MULTILINE)
"""As the specification gives it."""


@dataclass(frozen=True, slots=True)
class ScriptMetadata:
    """What a script says of itself; `text` is that block alone, canonical, for the image's hash."""

    requires_python: str
    dependencies: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class ScriptProblem:
    """What is wrong with the block, and the 1-based line of the script."""

    message: str
    line: int


def script_metadata(text: str) -> ScriptMetadata | ScriptProblem:
    """Reads the `script` block of a script's text; without one, a script asks for nothing."""
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    if not text.endswith("\n"):
        text += "\n"
    blocks = [found for found in _BLOCK.finditer(text) if found["type"] == "script"]
    if not blocks:
        return _unclosed(text) or ScriptMetadata("", (), "")
    if len(blocks) > 1:
        return ScriptProblem("there are two 'script' blocks; one is allowed", _line(text, blocks[1].start()))
    block = blocks[0]
    first = _line(text, block.start())
    content = "".join(
        line[2:] if line.startswith("# ") else line[1:] for line in block["content"].splitlines(keepends=True)
    )
    return _read(content, first)


def script_base(metadata: ScriptMetadata, python_version: str = "") -> tuple[str, str] | ScriptProblem:
    """The base image for a script, and why. `python_version`, where written, overrides `requires-python`.

    The lowest version that fits is taken: the script promises to run on it, and it stays the same when newer
    Pythons come out. Without `requires-python` it is the default of every image.
    """
    if python_version:
        return _image(python_version), "python_version is written"
    if not metadata.requires_python:
        return _image(DEFAULT), f"the script has no requires-python, so it is the default, {DEFAULT}"
    from packaging.specifiers import SpecifierSet

    wanted = SpecifierSet(metadata.requires_python)
    for major, minor in PYTHONS:
        if any(wanted.contains(f"{major}.{minor}.{patch}") for patch in (0, 99)):
            return (
                _image(f"{major}.{minor}"),
                f"the lowest Python that the script's requires-python allows ({metadata.requires_python})",
            )
    lowest, highest = (".".join(map(str, version)) for version in (PYTHONS[0], PYTHONS[-1]))
    return ScriptProblem(
        f"no Python from {lowest} to {highest} fulfils requires-python '{metadata.requires_python}'; "
        "write python_version",
        1,
    )


def _image(version: str) -> str:
    return f"python:{version}-slim-bookworm"


def _read(content: str, first: int) -> ScriptMetadata | ScriptProblem:
    import json
    import tomllib

    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        data: dict[str, Any] = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        return ScriptProblem(f"the block is not valid TOML: {error}", first + (int(line[1]) if line else 0))
    requires = data.get("requires-python", "")
    dependencies = data.get("dependencies", [])
    if not isinstance(requires, str):
        return ScriptProblem("requires-python is not a string", _line_of(content, "requires-python", first))
    if not isinstance(dependencies, list) or not all(isinstance(item, str) for item in dependencies):
        return ScriptProblem(
            "dependencies is not a list of strings", _line_of(content, "dependencies", first)
        )
    try:
        SpecifierSet(requires)
    except InvalidSpecifier:
        problem = f"requires-python '{requires}' is not a version specifier such as '>=3.11'"
        return ScriptProblem(problem, _line_of(content, "requires-python", first))
    for item in dependencies:
        if isinstance(bad := parse(item, Span(Origin(""), 0, 0, 0, 0)), BadSpec):
            return ScriptProblem(
                f"'{item}' is not a requirement (PEP 508): {bad.reason}", _line_of(content, item, first)
            )
    canonical = json.dumps(
        {"requires-python": requires, "dependencies": dependencies, "tool": data.get("tool", {})},
        sort_keys=True,
        default=str,
    )
    return ScriptMetadata(requires, tuple(dependencies), canonical)


def _unclosed(text: str) -> ScriptProblem | None:
    """A block that begins and is none: its end is missing, or a line in it lacks the '#'."""
    if found := re.search(r"^# /// script$", text, re.MULTILINE):
        return ScriptProblem(
            "the 'script' block has no end: every line begins with '# ', the last is '# ///'",
            _line(text, found.start()),
        )
    return None


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _line_of(content: str, word: str, first: int) -> int:
    """The line of the script where a word of the block stands (the block's first line opens it)."""
    return first + content[: max(content.find(word), 0)].count("\n") + 1
