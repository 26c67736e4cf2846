"""What features see: one version of one document, parsed and checked. Nothing in it changes afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from imgc.checks.structure import Use
from imgc.diagnostics import Diagnostic
from imgc.document.document import Document
from imgc.document.nodes import Entry, Mapping, Node, Scalar
from imgc.model.pipeline import entries
from imgc.model.tree import TreeNode, read_tree
from imgc_lsp.positions import Encoding

if TYPE_CHECKING:
    from imgc.analysis.analysis import Analysis

SECTIONS = ("params", "secrets", "image_refs", "bundles", "repos", "images")
SECTION_OF = {
    "param": "params", "secret": "secrets", "ref": "image_refs", "bundle": "bundles", "repo": "repos",
    "image-name": "images",
}  # fmt: skip
"""What a value names -> the section that declares it."""


class Names:
    """The names a document declares (with their keys), section by section. A section that cannot be read
    at the
    moment has the names it had when it last could."""

    def __init__(self, sections: dict[str, dict[str, Scalar]], pipeline: Entry | None) -> None:
        self.sections = sections
        self.pipeline = pipeline

    def of(self, section: str) -> dict[str, Scalar]:
        return self.sections.get(section, {})

    @cached_property
    def tree(self) -> TreeNode | None:
        return read_tree(self.pipeline) if self.pipeline is not None else None

    @cached_property
    def nodes(self) -> dict[str, TreeNode]:
        """The nodes of the tree by path, as written (a matrix node once)."""
        found: dict[str, TreeNode] = {}
        stack = [("", self.tree)] if self.tree else []
        while stack:
            path, node = stack.pop()
            found[path] = node
            below = [(f"{path}/{child.name}" if path else child.name, child) for child in node.children]
            stack.extend(reversed(below))
        return found


def read_names(root: Mapping, broken: bool, before: Names | None) -> Names:
    """The names of a document; `broken`: something in it does not parse, so what is missing may be there."""
    sections: dict[str, dict[str, Scalar]] = {}
    for section in SECTIONS:
        node = root.get(section)
        lost = broken and (not isinstance(node, Mapping) or node.broken)
        if lost and before is not None:
            sections[section] = before.of(section)
        else:
            sections[section] = {entry.name: entry.key for entry in entries(node)}
    pipeline = root.entry("pipeline")
    if before is not None and broken and (pipeline is None or _broken(pipeline.value)):
        pipeline = before.pipeline
    return Names(sections, pipeline)


def _broken(node: Node) -> bool:
    return not isinstance(node, Mapping) or node.broken


@dataclass(slots=True)
class Settings:
    """What a user can set (`imgc.*`); see docs/editors."""

    claim: tuple[str, ...] = ()
    """Glob patterns of further files that are pipeline files."""
    registry_lookups: Literal["off", "cached", "on"] = "off"
    engine_lookups: bool = True
    inlay_hints: bool = True
    code_lenses: bool = True
    max_problems: int = 1000


@dataclass
class Snapshot:
    """One version of a document. `analysis` is the newest whole analysis there is: `current` tells whether
    it is of
    this version; its places move with the text either way."""

    uri: str
    path: Path
    version: int
    encoding: Encoding
    bom: bool
    lines: Sequence[str]
    document: Document
    names: Names
    uses: list[Use]
    diagnostics: list[Diagnostic]
    analysis: Analysis | None = None
    current: bool = False
    settings: Settings = field(default_factory=Settings)

    @property
    def root(self) -> Mapping:
        return self.document.root

    @property
    def directory(self) -> Path:
        return self.path.parent

    @property
    def nodes(self) -> dict[str, TreeNode]:
        return self.names.nodes

    def line(self, number: int) -> str:
        return self.lines[number] if 0 <= number < len(self.lines) else ""
