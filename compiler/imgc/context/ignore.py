"""Docker's .dockerignore: which paths of a build context are left out.

The rules are those of Docker 23 and newer, where the client walks the context from the top (fsutil) and asks
moby/patternmatcher about each path, with what is known of its folder. Two consequences that the documentation
does not mention, and that are kept here: a pattern is not looked at while it could change nothing (`!a` while
`a` is not ignored), and what a pattern matched is remembered for everything below. So after `a/b`, `!a` does
not bring `a/b` back. (Docker 20.10 differs in corners; see narrow.py for what it sees the same way.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from imgc.context.glob import SPACE, BadPattern, Glob, clean, compiled, literal
from imgc.records import dataclass

__all__ = [
    "DEFAULT_PATTERNS",
    "BadPattern",
    "Matcher",
    "default_patterns",
    "literal",
    "parse",
    "problems",
    "rebase",
]

DEFAULT_PATTERNS = (
    "**/.git",
    "**/.imgc",
    "**/.venv",
    "**/venv",
    "**/node_modules",
    "**/__pycache__",
    "**/*.pyc",
    "**/.mypy_cache",
    "**/.pytest_cache",
    "**/.ruff_cache",
    "**/.hypothesis",
    "**/.tox",
    "**/.nox",
    "**/.cache",
    "**/.env",
)
"""What is left out unless a `!` of the user's names it. A folder `env` is not among them: a pattern cannot
see whether it is a virtual environment, and it is as often data."""


def default_patterns(rooted: Iterable[str]) -> tuple[str, ...]:
    """DEFAULT_PATTERNS and these paths of the context: the pipeline file, the lock, the output directory."""
    return (*DEFAULT_PATTERNS, *map(literal, rooted))


def parse(text: str) -> tuple[str, ...]:
    """The patterns of a .dockerignore, cleaned as Docker cleans them; a negation keeps its `!`."""
    return tuple(pattern for _, pattern in _lines(text))


def problems(text: str) -> list[tuple[int, BadPattern]]:
    """The patterns that Docker would stop at, each with its 0-based line."""
    found = []
    for line, pattern in _lines(text):
        try:
            _rule(pattern)
        except BadPattern as error:
            found.append((line, error))
    return found


def rebase(patterns: Iterable[str], prefix: str) -> tuple[str, ...]:
    """Patterns (as from parse) of a .dockerignore in the folder `prefix`, for the context above it."""
    if prefix in ("", "."):
        return tuple(patterns)
    head = literal(prefix)
    moved = []
    for pattern in patterns:
        bang, body = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
        if body in ("", ".", "..", "/") or body.startswith(("/", "../")):
            continue  # matches nothing, and would elsewhere
        moved.append(f"{bang}{head}/{_plain(body)}")
    return tuple(moved)


class Matcher:
    """Patterns, ready to be asked. Raises BadPattern.

    For a walk from the top, `step` takes and gives what is remembered of a folder; `ignored` does the same
    for a single path.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(patterns)
        self._runs = tuple(_runs(self.patterns))
        self._folders: dict[str, tuple[bool, int]] = {"": (False, 0)}

    def ignored(self, path: str) -> bool:
        """Whether a path of the context (normalised, relative, POSIX) is left out; the context never is."""
        if path in ("", "."):
            return False
        folder, _, _ = path.rpartition("/")
        return self.step(path, self.folder(folder)[1])[0]

    def folder(self, path: str) -> tuple[bool, int]:
        """`step` for a folder, from the top; "" is the context."""
        unknown = []
        while path not in self._folders:
            unknown.append(path)
            path = path.rpartition("/")[0]
        known = self._folders[path]
        for below in reversed(unknown):
            known = self._folders[below] = self.step(below, known[1])
        return known

    def step(self, path: str, memory: int) -> tuple[bool, int]:
        """Whether the path is ignored, and what to remember for its children; `memory` is its folder's (0 at
        the top)."""
        ignored = False
        remembered = 0
        bit = 1
        for run in self._runs:
            if memory & bit or (run.negated == ignored and run.matches(path)):
                remembered |= bit
                ignored = not run.negated
            bit <<= 1
        return ignored, remembered

    def hopeless(self, folder: str, memory: int) -> bool:
        """Whether nothing below an ignored folder can be brought back; `memory` as `step` gave it."""
        later = self._runs[memory.bit_length() :]
        return not any(run.negated and run.reaches(folder) for run in later)


@dataclass(frozen=True, slots=True)
class _Rule:
    negated: bool
    glob: Glob


class _Run:
    """Neighbouring patterns of one kind: only whether one of them matches is of interest."""

    def __init__(self, negated: bool, globs: Iterable[Glob]) -> None:
        globs = tuple(globs)
        self.negated = negated
        self._globs = globs
        exact: set[str] = set()
        names: set[str] = set()
        suffixes: list[str] = []
        for glob in globs:
            if glob.kind == "exact":
                exact.add(glob.text)
            elif glob.kind == "suffix":
                whole = glob.text.removeprefix("/")
                if whole == glob.text or "/" in whole:
                    suffixes.append(glob.text)
                    exact |= {whole} - {glob.text}
                else:
                    names.add(whole)
        self._exact = frozenset(exact)
        self._names = frozenset(names)
        self._suffixes = tuple(suffixes)
        self._prefixes = tuple(glob.text for glob in globs if glob.kind == "prefix")
        expressions = [glob for glob in globs if glob.kind == "regexp"]
        self._anchored = _either(glob for glob in expressions if not glob.search and not glob.matches)
        self._searched = _either(glob for glob in expressions if glob.search)
        self._functions = tuple(glob.matches for glob in expressions if glob.matches)

    def matches(self, path: str) -> bool:
        return (
            path in self._exact
            or path.rpartition("/")[2] in self._names
            or path.endswith(self._suffixes)
            or path.startswith(self._prefixes)
            or (self._anchored is not None and self._anchored.match(path) is not None)
            or (self._searched is not None and self._searched.search(path) is not None)
            or any(matches(path) for matches in self._functions)
        )

    def reaches(self, folder: str) -> bool:
        """Whether something below the folder may match."""
        inside = f"{folder}/"
        depth = inside.count("/")
        for glob in self._globs:
            deep = glob.slashes is None or glob.slashes >= depth
            if deep and (glob.head.startswith(inside) or inside.startswith(glob.head)):
                return True
        return False


def _either(globs: Iterable[Glob]) -> re.Pattern[str] | None:
    texts = [f"(?:{glob.text})" for glob in globs]
    return re.compile("|".join(texts), re.ASCII) if texts else None


def _runs(patterns: Iterable[str]) -> Iterator[_Run]:
    rules: list[_Rule] = []
    for rule in filter(None, map(_rule, patterns)):
        if rules and rules[0].negated != rule.negated:
            yield _Run(rules[0].negated, (rule.glob for rule in rules))
            rules = []
        rules.append(rule)
    if rules:
        yield _Run(rules[0].negated, (rule.glob for rule in rules))


def _rule(pattern: str) -> _Rule | None:
    pattern = pattern.strip(SPACE)
    if not pattern:
        return None
    pattern = clean(pattern)
    if pattern == "!":
        raise BadPattern("!", "there is nothing after the '!'")
    negated = pattern.startswith("!")
    return _Rule(negated, compiled(pattern[1:] if negated else pattern))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n")):
        if line.startswith("#"):
            continue
        pattern = line.strip(SPACE)
        if not pattern:
            continue
        bang = "!" if pattern.startswith("!") else ""
        pattern = pattern[len(bang) :].strip(SPACE)
        if pattern:
            pattern = clean(pattern)
            if len(pattern) > 1 and pattern.startswith("/"):
                pattern = pattern[1:]
        yield number, bang + pattern


def _plain(body: str) -> str:
    """The pattern in a form that means the same behind a folder's name: what moby compares as text alone
    there becomes an expression, in which more characters have a meaning."""
    glob = compiled(body)
    if glob.kind == "exact":
        return literal(body)
    if glob.kind == "prefix":
        return f"{literal(glob.text)}**"
    if glob.kind == "suffix" and glob.text:
        slash = glob.text.startswith("/")
        return f"**/{literal(glob.text[1:])}" if slash else f"**/*{literal(glob.text)}"
    return body
