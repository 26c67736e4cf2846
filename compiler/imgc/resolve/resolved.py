"""A whole file, resolved."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from imgc.context.project import Project
from imgc.document.nodes import Value
from imgc.model.pipeline import Pipeline
from imgc.records import dataclass
from imgc.resolve.image import ResolvedImage

if TYPE_CHECKING:
    from imgc.model.config import Config
    from imgc.resolve.tree import ResolvedNode


@dataclass(frozen=True, slots=True)
class Resolved:
    """`images` are in build order, `nodes` in tree order, by name and by path. `path_in` tells where a local
    path is inside an image (None: nowhere); `params` are the values with their text."""

    pipeline: Pipeline
    project: Project
    params: dict[str, tuple[Value, str]]
    images: dict[str, ResolvedImage]
    nodes: dict[str, ResolvedNode]
    path_in: Callable[[str, ResolvedImage], str | None]
    config: Config | None = None
