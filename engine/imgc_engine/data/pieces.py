"""What the `input` of a node says: of a leaf, which data it wants; of a datum's node, what it gets.

The latter is for later sessions of the run too: `{"of": leaf, "key": …, "datum": [{"name", "repo" or "node",
"path", "at", and "stamps" or "tree"}]}`. `at` is where the part is below its root when symlinks are followed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from imgc.context.digest import files
from imgc.context.ignore import Matcher, literal
from imgc_engine.data.kept import Kept
from imgc_engine.plan import Node


def has_data_to_find(node: Node) -> bool:
    """Whether it is a leaf with `input`, and not the node of a datum."""
    return node.input is not None and "of" not in node.input


def owner_of(node: Node) -> str:
    """The leaf of the plan that a datum's node was made of; else the node itself."""
    return str(node.input["of"]) if node.input and "of" in node.input else node.path


def pieces_of(node: Node) -> list[dict[str, str]]:
    """What a datum's node gets; nothing of other nodes."""
    datum = node.input.get("datum") if node.input else None
    return cast("list[dict[str, str]]", datum or [])


def stamps_of(piece: Mapping[str, str], root: Path, kept: Kept) -> str:
    """Changes when a file of a repo's part may have; nothing is read for it."""
    hasher = hashlib.sha256()
    for entry in files(root, [piece["path"] or "."], Matcher(own_folder(root, kept))):
        stamp = entry.stamp if entry.kind == "file" else ()
        hasher.update(os.fsencode(f"{entry.path}\0{entry.kind}\0{stamp}\0"))
    return hasher.hexdigest()


def own_folder(root: Path, kept: Kept) -> list[str]:
    """imgc's own folder is no data, where a repo holds it."""
    inside = os.path.relpath(os.path.realpath(kept.folder.parent), os.path.realpath(root))
    return [] if inside == ".." or inside.startswith("../") else [literal(inside)]
