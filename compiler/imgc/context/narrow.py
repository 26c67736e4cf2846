"""The smallest build context of an image: where it begins, and the .dockerignore that keeps the rest out.

The text written here means the same to Docker 20.10, which knows no `!` below a folder unless the pattern
begins with that folder's name letter by letter, and does not remember what a folder matched.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from imgc.context.ignore import DEFAULT_PATTERNS, BadPattern, Matcher, literal, parse, rebase


def narrow(
    paths: Iterable[str],
    *,
    named: Iterable[str] = (),
    user: Iterable[str] = (),
    defaults: Iterable[str] = DEFAULT_PATTERNS,
    source: str = ".dockerignore",
) -> str:
    """The text of a .dockerignore. All paths and patterns are relative to the context.

    paths: what the Dockerfile copies or mounts; `.` for everything
    named: files that are used by name (requirements, a lock): nothing hides them
    user: the user's own patterns (see `rebase`); a `!` in them brings nothing in that `paths` does not hold,
        and of the defaults only what it names: `!.git`, `!**/.env`, but not `!src` what is left out of src
    source: where those come from, for the comment
    """
    wanted, files, own, left_out = sorted(set(paths)), sorted(set(named)), tuple(user), tuple(defaults)
    roots = outermost([*wanted, *files])
    everything = roots == ["."]
    folders = [root for root in roots if root not in files]
    lines = [] if everything else ["# Only what is copied or mounted:", "*", *_brought_in(roots)]
    if not folders:
        return _text(lines)
    lines += _left_out(folders, own, left_out, source)
    suspects = _matcher(tuple(pattern for pattern in (*own, *left_out) if not pattern.startswith("!")))
    if not any(suspects.ignored(path) for path in (*wanted, *files)):
        return _text(lines)
    matcher = Matcher(parse(_text(lines)))
    hidden = [path for path in files if suspects.ignored(path)]
    asked = [path for path in wanted if path not in files and matcher.ignored(path)]
    asked = [path for path in asked if not _matcher(own).ignored(path)]
    if hidden or asked:
        lines.append("# Left out above, but asked for by name:")
    for path in asked:
        inner = (pattern for pattern in own if not pattern.startswith("!"))
        lines += (f"!{literal(path)}", *rebase(filter(_anywhere, left_out), path))
        lines += (pattern for pattern in inner if not _matcher((pattern,)).ignored(path))
    lines += (f"!{literal(path)}" for path in hidden)
    return _text(lines)


def outermost(paths: Iterable[str]) -> list[str]:
    """Sorted, without those that lie in another one."""
    kept: list[str] = []
    for path in sorted(set(paths), key=lambda path: path.split("/")):
        if not kept or not _in(path, kept[-1]):
            kept.append(path)
    return ["."] if "." in kept else kept


def common_context(paths: Iterable[str]) -> str:
    """The nearest folder that holds all these paths and the pipeline's folder: `.`, `..`, `../..`, …"""
    ups = max((_ups(path) for path in paths), default=0)
    return "/".join([".."] * ups) or "."


def in_context(path: str, directory: Path, context: str) -> str:
    """A path relative to the pipeline's folder (`directory`, absolute), relative to the context instead."""
    if context == ".":
        return path
    names = directory.parts[-_ups(context) :]
    return posixpath.normpath(posixpath.join(*names, path))


@lru_cache(maxsize=1024)
def _matcher(patterns: tuple[str, ...]) -> Matcher:
    """Images of one pipeline share their patterns."""
    return Matcher(patterns)


def _ups(path: str) -> int:
    return path.split("/").count("..")


def _in(path: str, folder: str) -> bool:
    return folder == "." or path == folder or path.startswith(f"{folder}/")


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _brought_in(roots: Iterable[str]) -> list[str]:
    """Docker 20.10 finds `!a/b` below an ignored `a` by comparing letters, so not where the name of a folder
    has escapes. There each folder is brought back by itself, and its contents are left out again."""
    lines: dict[str, None] = {}
    for root in roots:
        parts = root.split("/")
        for count in range(1, len(parts)):
            folder = "/".join(parts[:count])
            if literal(folder) != folder:
                lines |= dict.fromkeys((f"!{literal(folder)}", f"{literal(folder)}/*"))
        lines[f"!{literal(root)}"] = None
    return list(lines)


def _left_out(roots: Sequence[str], user: Sequence[str], defaults: tuple[str, ...], source: str) -> list[str]:
    """The defaults and the user's patterns.

    A user's `!` that names no default shall not bring one back, so the defaults come after it (order among
    neighbours that are all negated has no meaning); one that names a default comes after that.
    """
    blocks: list[tuple[str, Iterable[str]]] = []
    matcher = _matcher(tuple(user))
    reached = [matcher.folder(root)[1] for root in roots if root != "."]
    above = [matcher.folder(posixpath.dirname(root))[1] for root in roots if root != "."]
    opened: list[str] = []
    named: set[str] = set()
    said = False
    for number, (negated, run) in enumerate(groupby(user, key=lambda pattern: pattern.startswith("!"))):
        bit = 1 << number
        if not negated:
            # Where the user ignores a folder above a root, Docker would not ask again at the root.
            whole = [root for root, memory in zip(roots, above, strict=False) if memory & bit]
            blocks.append((source, (*run, *map(literal, whole))))
            continue
        whole = [root for root, memory in zip(roots, reached, strict=False) if memory & bit]
        part = [root for root in roots if root not in whole]
        plain = [f"!{literal(root)}" for root in whole]
        naming: list[str] = []
        found: set[str] = set()
        for pattern in run:
            names = _named(pattern[1:], defaults)
            inside = _within(pattern, roots if names else part)
            (naming if names else plain).extend(inside)
            found |= names if inside else frozenset()
        blocks.append((source, plain))
        opened += plain
        if naming:
            if opened or not said:
                blocks.append((DEFAULT, list(_defaults(defaults, roots, named, opened))))
                opened, said = [], True
            blocks.append((source, naming))
            named |= found
    if opened or not said:
        blocks.append((DEFAULT, _defaults(defaults, roots, named, opened)))
    return _with_headings(blocks)


DEFAULT = "Left out by default"


def _with_headings(blocks: Iterable[tuple[str, Iterable[str]]]) -> list[str]:
    lines: list[str] = []
    heading = ""
    for origin, patterns in blocks:
        new = list(dict.fromkeys(patterns))
        if new and origin != heading:
            lines.append(f"# {origin}:")
            heading = origin
        lines += new
    return lines


def _defaults(
    defaults: tuple[str, ...], roots: Sequence[str], named: set[str], opened: Sequence[str]
) -> Iterator[str]:
    """The defaults, to be said after the negations `opened` when some have been `named` before: those have
    come back and shall stay, so they are left out only below what is opened.

    A root may lie in a folder that is left out by default (`.imgc`): there, what is below it counts.
    """
    bodies = [pattern[1:] for pattern in opened]
    simple = not any(character in body for body in bodies for character in "*?[\\")
    hiding = any(_matcher(defaults).ignored(root) for root in roots)
    for default in defaults:
        if default in named and simple:
            places: Sequence[str] = bodies
        elif hiding and any(_matcher((default,)).ignored(root) for root in roots):
            places = roots
        else:
            if _anywhere(default) or roots == ["."] or any(_in(default, literal(root)) for root in roots):
                yield default
            continue
        if _anywhere(default):
            for place in places:
                yield from rebase([default], place)


def _anywhere(default: str) -> bool:
    return default.startswith("**/")


@lru_cache(maxsize=1024)
def _named(body: str, defaults: tuple[str, ...]) -> frozenset[str]:
    """The defaults that a negation is about: one of its parts is such a name, or matches it. A part of stars
    only is about everything, and so about none."""
    found = set()
    parts = [part for part in body.split("/") if part.strip("*")]
    for default in defaults:
        name = default.removeprefix("**/")
        about = parts if _anywhere(default) else [body] if parts else []
        if any(_matches(part, name) or _matches(name, part) for part in about):
            found.add(default)
    return frozenset(found)


def _matches(pattern: str, path: str) -> bool:
    try:
        return _matcher((pattern,)).ignored(path)
    except BadPattern:  # a part of a pattern, cut at a slash within a class
        return False


def _within(pattern: str, roots: Sequence[str]) -> list[str]:
    """A negation, for paths below the roots only."""
    if roots == ["."] or not _parts_are_plain(pattern[1:]):
        return [pattern]
    parts = pattern[1:].split("/")
    return [f"!{literal(root)}/{rest}" for root in roots for rest in _behind(parts, root.split("/"))]


def _parts_are_plain(body: str) -> bool:
    """Whether each part of the pattern stands for one part of a path, or is `**`."""
    odd = any(character in body for character in "\\[|{^")
    return not odd and all(part == "**" or "**" not in part for part in body.split("/"))


def _behind(pattern: Sequence[str], root: Sequence[str]) -> list[str]:
    """What is left of the pattern when its beginning has matched the root, in each way in which it can."""
    states = {0}
    for name in root:
        after = set()
        for state in _skipping(states, pattern):
            if pattern[state] == "**":
                after.add(state)
            elif _matches(pattern[state], name):
                after.add(state + 1)
        states = {state for state in after if state < len(pattern)}
    covered = {state + 1 for state in states if pattern[state] == "**"}
    return ["/".join(pattern[state:]) for state in sorted(states - covered)]


def _skipping(states: Iterable[int], pattern: Sequence[str]) -> Iterator[int]:
    """`**` may stand for no folder at all."""
    for state in sorted(states):
        yield state
        if pattern[state] == "**" and state + 1 < len(pattern):
            yield state + 1
