"""The text of a Python file to what it says, or a clear error."""

from __future__ import annotations

import ast
from pathlib import PurePath

from imgc.importing.python.expressions import TooMuch
from imgc.importing.python.modules import parsed
from imgc.importing.python.statements import Program
from imgc.importing.source import Source, SourceError

_PYTHON_2 = (
    "Missing parentheses in call to",
    "multiple exception types must be parenthesized",
    "leading zeros in decimal",
)
_DEEP = "what is written there is nested too deeply to be read"


def program(source: Source) -> Program:
    """Follows the file. Raises SourceError for what is no Python, or more than can be followed."""
    tree = _parsed(source)
    try:
        return Program(tree, source.lines, PurePath(source.file).name, source.folder)
    except TooMuch as error:
        raise too_much(source, error) from None


def too_much(source: Source, error: TooMuch) -> SourceError:
    return SourceError(
        source.span(error.line),
        "the file runs for longer than it can be followed without running it, up to here",
    )


def _parsed(source: Source) -> ast.Module:
    if "\0" in source.text:
        line = source.text.count("\n", 0, source.text.index("\0")) + 1
        raise SourceError(source.span(line), f"the file is no Python: line {line} has a null byte")
    try:
        return parsed(source.text)
    except SyntaxError as error:
        line = error.lineno or 1
        why = (error.msg or "invalid syntax").split("(<unknown>", 1)[0].strip()
        old = "; it may be for Python 2" if why.startswith(_PYTHON_2) else ""
        raise SourceError(source.span(line), f"the file is no Python: {why}, in line {line}{old}") from None
    except (RecursionError, MemoryError):
        raise SourceError(source.start, f"the file cannot be read: {_DEEP}") from None
    except ValueError as error:
        raise SourceError(source.start, f"the file is no Python: {error}") from None
