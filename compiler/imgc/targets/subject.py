"""A compiled pipeline as targets see it: the data of plan.json, and where each thing of it is written."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imgc.diagnostics import Span
from imgc.document.nodes import Mapping
from imgc.plan.compiled import Compiled
from imgc.records import dataclass
from imgc.resolve.resolved import Resolved

Data = dict[str, Any]
"""An image or a node, as the plan has it."""

CONTENT_LABEL = "dev.imgc.content"


@dataclass(frozen=True, slots=True)
class Subject:
    """`output` is the folder that files go to, `project` that of the pipeline file, each relative to the other.

    `nodes` are all that are not left out by `skip`, in tree order; `leaves` those of them that run.
    """

    compiled: Compiled
    resolved: Resolved
    output: str
    project: str
    nodes: tuple[Data, ...]
    leaves: tuple[Data, ...]

    @property
    def plan(self) -> Data:
        return self.compiled.plan

    @property
    def images(self) -> dict[str, Data]:
        images: dict[str, Data] = self.plan["images"]
        return images

    def built(self) -> Iterator[tuple[str, Data]]:
        """The images that have a Dockerfile of their own: of those with equal content, the first."""
        for name, image in self.images.items():
            if image["dockerfile"] and not image["same_as"]:
                yield name, image

    def node_span(self, node: Data, key: str) -> Span:
        """Where a setting that holds at a node is written; the node's name when nowhere."""
        resolved = self.resolved.nodes[node["path"]]
        entry = resolved.own.entry(key)
        if entry is not None:
            return entry.key.span
        setting = resolved.settings.get(key) if resolved.leaf else None
        return setting.span if setting else resolved.span

    def reuse_span(self, node: Data) -> Span:
        """Where the `container_reuse` is written that holds at a node."""
        path: str | None = node["path"]
        while path is not None:
            resolved = self.resolved.nodes[path]
            entry = resolved.own.entry("container_reuse")
            if entry is not None:
                return entry.key.span
            path = resolved.parent
        return self.resolved.nodes[node["path"]].span

    def image_span(self, name: str, *keys: str) -> Span:
        """Where a key of an image is written, or one inside of it; as much of that as there is."""
        image = self.resolved.images[name]
        span, node = image.span, image.node
        for key in keys:
            entry = node.entry(key)
            if entry is None:
                break
            span = entry.key.span
            if not isinstance(entry.value, Mapping):
                break
            node = entry.value
        return span


def content_label(image: Data) -> dict[str, str]:
    """The label by which `imgc build` knows an image again whose tag does not tell its content."""
    content: str = image["content"]
    if content.removeprefix("sha256:").startswith(image["tag"]):
        return {}
    return {CONTENT_LABEL: content}


def subject(compiled: Compiled, resolved: Resolved, directory: Path) -> Subject:
    """`directory` is the output folder, which need not be there."""
    output, project = os.path.realpath(directory), os.path.realpath(resolved.project.directory)
    nodes = tuple(node for node in compiled.plan["nodes"] if not node["skip"])
    leaves = tuple(node for node in nodes if not is_group(node))
    return Subject(compiled, resolved, _between(project, output), _between(output, project), nodes, leaves)


def _between(start: str, end: str) -> str:
    return os.path.relpath(end, start).replace(os.sep, posixpath.sep)


def is_group(node: Data) -> bool:
    return node["kind"] in ("serial", "parallel")
