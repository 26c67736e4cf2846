"""From inputs to datums: what of which tree each run of a leaf gets. Nothing here touches a disk.

The glob of an input is matched with every path of its tree, as Pachyderm does it: `/` is the tree as one,
`/*` each entry at the top, and where `**` stands, only files are meant. A cross has a datum for every
combination of its members' datums, the first member slowest; a union has the datums of all its members.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from imgc.context.ohmyglob import SPECIAL, compiled
from imgc.diagnostics.near import near
from imgc.records import dataclass
from imgc_engine.data.trees import File, Tree

MOST = 100_000  # datums of one leaf
SHOWN = 5  # names in a message
LONGEST = 60  # characters of a datum's name
LINKS = 40  # symlinks behind each other

Source = tuple[str, str]
"""`("repo", name)` or `("node", path)`."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one input gives to a datum: the part `path` ("" is all) of a source, at /pfs/NAME with its path."""

    name: str
    source: Source
    path: str

    @property
    def place(self) -> str:
        """Where the container has it."""
        return f"/pfs/{self.name}/{self.path}".rstrip("/")


Datum = tuple[Piece, ...]
Input = Mapping[str, Any]
"""As in the plan: a `repo` or `node` with `glob` and `name`, or a `cross` or `union` of inputs."""


class BadInput(ValueError):
    """No datums can be made of the input. The text is a sentence."""


def sources(given: Input) -> Iterator[Source]:
    """All repos and nodes that an input reads."""
    for inner in (*given.get("cross", ()), *given.get("union", ())):
        yield from sources(inner)
    for kind in ("repo", "node"):
        if kind in given:
            yield kind, given[kind]


def datums(given: Input, trees: Mapping[Source, Tree]) -> list[Datum]:
    """In a fixed order, none twice. Of a tree that is empty there are none. BadInput."""
    found: dict[Datum, None] = {}
    for datum in _datums(given, trees):
        found[datum] = None
        if len(found) > MOST:
            raise BadInput(f"The input makes more than {MOST:,} datums.")
    return list(found)


def _datums(given: Input, trees: Mapping[Source, Tree]) -> Iterator[Datum]:
    if "union" in given:
        return (datum for member in given["union"] for datum in _datums(member, trees))
    if "cross" in given:
        members = [list(itertools.islice(_datums(member, trees), MOST + 1)) for member in given["cross"]]
        return (tuple(itertools.chain(*parts)) for parts in itertools.product(*members))
    (source,) = sources(given)
    paths = matches(given["glob"], trees[source])
    if not paths and source[0] == "repo" and trees[source].files:
        raise BadInput(_no_match(given["glob"], source[1], trees[source]))
    return ((Piece(given["name"], source, path),) for path in paths)


def matches(glob: str, tree: Tree) -> list[str]:
    """The paths that a glob means, in the tree's order; "" is the whole. Of an empty tree, none."""
    pattern = re.sub("/+", "/", glob).rstrip("/")
    if not tree.files:
        return []
    if not pattern:
        return [""]
    if SPECIAL.search(pattern) is None:
        return [pattern[1:]] if tree.get(pattern[1:]) else []
    expression = compiled(pattern)
    files_only = "**" in pattern
    return [
        file.path
        for file in tree.files
        if not (files_only and file.kind == "directory") and expression.fullmatch(f"/{file.path}")
    ]


def _no_match(glob: str, repo: str, tree: Tree) -> str:
    close = [] if SPECIAL.search(glob) else near(glob, [f"/{file.path}" for file in tree.files[:1000]])
    shown = ", ".join(f"/{name}" for name in tree.top[:SHOWN]) + (", …" if len(tree.top) > SHOWN else "")
    hint = f"did you mean {close[0]}?" if close else f"it has {shown}."
    return f"The glob {glob!r} matches nothing in the repo {repo!r}: {hint}"


def names(node: str, found: Sequence[Datum]) -> list[str]:
    """A name for each datum's node, `NODE[a.txt,b.txt]`: told apart, without a `/`, and not too long."""
    made: dict[str, None] = {}
    counts: dict[str, int] = {}
    for datum in found:
        label = name = ",".join(_label(piece) for piece in datum)
        if len(label) > LONGEST:
            label = name = label[: LONGEST - 1] + "…"
        while name in made:
            counts[label] = counts.get(label, 1) + 1
            name = f"{label}~{counts[label]}"
        made[name] = None
    return [f"{node}[{name}]" for name in made]


def _label(piece: Piece) -> str:
    """As it is written, but for what is no name of a node: a `/`, and what a terminal would act on."""
    text = (piece.path or piece.name).replace("/", "∕")
    return "".join(one if one.isprintable() else "?" for one in text.encode("utf-8", "replace").decode())


def variables(datum: Datum) -> dict[str, str]:
    return {piece.name: piece.place for piece in datum}


def content(datum: Datum, trees: Mapping[Source, Tree]) -> list[list[str]]:
    """What a datum is, for its key: names and paths too, since the command sees them. BadInput."""
    return [
        [piece.name, piece.path, trees[piece.source].digest_of(followed(piece.path, trees[piece.source]))]
        for piece in datum
    ]


def followed(path: str, tree: Tree) -> str:
    """Where a datum really is: a symlink is followed to what it leads to in its tree. BadInput."""
    at = path
    for _ in range(LINKS):
        file = tree.get(at)
        if file is None or file.kind != "link":
            return at
        at = posixpath.normpath(posixpath.join(posixpath.dirname(at), file.content))
        if tree.get(at) is None:
            raise BadInput(f"The symlink {path!r} leads to {file.content!r}, which is not in its data.")
    raise BadInput(f"The symlink {path!r} leads back to itself.")


def leads_out(datum: Datum, trees: Mapping[Source, Tree]) -> Iterator[str]:
    """Symlinks of a datum whose targets it has not, so that they lead nowhere in the container."""
    for piece in datum:
        tree = trees[piece.source]
        for file in tree.below(piece.path):
            if file.kind != "link" or file.path == piece.path:
                continue
            target = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), file.content))
            inside = not piece.path or _within(target, piece.path)
            if file.content.startswith("/") or target == ".." or target.startswith("../") or not inside:
                yield f"{file.path} -> {file.content}"


def selected(files: Collection[File], paths: Sequence[str]) -> tuple[list[File], list[str]]:
    """The files at or below these paths (of `outputs`), with the folders above; and the paths that are not
    there. All files when no path is named."""
    if not paths:
        return list(files), []
    wanted = [path.removeprefix("/pfs/out/").strip("/") for path in paths]
    missing = [path for path in wanted if path and not any(_within(file.path, path) for file in files)]
    chosen = [
        file
        for file in files
        if any(not path or _within(file.path, path) or (file.kind == "directory" and _within(path, file.path))
               for path in wanted)
    ]  # fmt: skip
    return chosen, missing


def is_in(path: str, group: str) -> bool:
    """Whether a node is the group or below it."""
    return not group or _within(path, group)


def _within(path: str, above: str) -> bool:
    return path == above or path.startswith(f"{above}/")
