"""The sections of a pipeline file. Reading them never fails: what is of the wrong form was reported by
the structure check and is left out here."""

from __future__ import annotations

from imgc.diagnostics import Span
from imgc.document.nodes import Entry, Mapping, Node, Scalar, Sequence
from imgc.model.image import Image, Text
from imgc.model.tree import TreeNode, read_tree
from imgc.records import dataclass, field

DEFAULT_NAME = "pipeline"


@dataclass(frozen=True, slots=True)
class Param:
    name: str
    span: Span
    default: Scalar


@dataclass(frozen=True, slots=True)
class Secret:
    """Where the host keeps a secret's value: an environment variable or a file (one of both is "")."""

    name: str
    span: Span
    env: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Requirements:
    """A named group of requirements: a bundle, or the stack."""

    name: str
    span: Span
    node: Mapping


@dataclass(frozen=True, slots=True)
class Repo:
    name: str
    span: Span
    path: Text | None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A whole file. `tree` is None when the file only has images."""

    root: Mapping
    name: str
    title: str | None = None
    doc: str | None = None
    tags: tuple[str, ...] = ()
    registry: str = ""
    platforms: tuple[str, ...] = ()
    params: dict[str, Param] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    image_refs: dict[str, Entry] = field(default_factory=dict)
    bundles: dict[str, Requirements] = field(default_factory=dict)
    stack: Requirements | None = None
    repos: dict[str, Repo] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)
    tree: TreeNode | None = None


def read_params(root: Mapping) -> dict[str, Param]:
    """The parameters alone: they are needed before the rest can be read."""
    return {
        entry.name: Param(entry.name, entry.key.span, entry.value)
        for entry in entries(root.get("params"))
        if isinstance(entry.value, Scalar)
    }


def read(root: Mapping) -> Pipeline:
    stack = root.entry("stack")
    tree = root.entry("pipeline")
    name = text(root.get("name"), DEFAULT_NAME)
    return Pipeline(
        root=root,
        name=name,
        title=text(root.get("title")) or None,
        doc=text(root.get("doc")) or None,
        tags=texts(root.get("tags")),
        registry=text(root.get("registry")),
        platforms=texts(root.get("platforms")),
        params=read_params(root),
        secrets={entry.name: _secret(entry) for entry in entries(root.get("secrets"))},
        image_refs={entry.name: entry for entry in entries(root.get("image_refs"))},
        bundles={
            entry.name: Requirements(entry.name, entry.key.span, entry.value)
            for entry in entries(root.get("bundles"))
            if isinstance(entry.value, Mapping)
        },
        stack=Requirements("stack", stack.key.span, stack.value)
        if stack and isinstance(stack.value, Mapping)
        else None,
        repos={entry.name: _repo(entry) for entry in entries(root.get("repos"))},
        images={entry.name: image_of(entry) for entry in entries(root.get("images"))},
        tree=read_tree(tree, name) if tree else None,
    )


def image_of(entry: Entry) -> Image:
    """A registered image; a string is short for `base`."""
    return Image(entry.name, entry.key.span, _image_node(entry.value))


def inline_image(name: str, node: Node, span: Span) -> Image:
    return Image(name, span, _image_node(node), inline=True)


def _image_node(node: Node) -> Mapping:
    if isinstance(node, Mapping):
        return node
    if isinstance(node, Scalar) and isinstance(node.value, str):
        key = Scalar("base", "base", node.span)
        return Mapping((Entry(key, node),), node.span)
    return Mapping((), node.span, broken=True)


def _secret(entry: Entry) -> Secret:
    where = entry.value if isinstance(entry.value, Mapping) else None
    return Secret(
        entry.name,
        entry.key.span,
        env=text(where.get("env")) if where else "",
        file=text(where.get("file")) if where else "",
    )


def _repo(entry: Entry) -> Repo:
    path = entry.value.get("path") if isinstance(entry.value, Mapping) else None
    return Repo(entry.name, entry.key.span, located(path))


# Reading nodes that may have any form


def entries(node: Node | None) -> tuple[Entry, ...]:
    return node.entries if isinstance(node, Mapping) else ()


def items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else ()


def text(node: Node | None, default: str = "") -> str:
    """The text of a scalar (of a number, as written)."""
    return node.text if isinstance(node, Scalar) and node.value is not None else default


def texts(node: Node | None) -> tuple[str, ...]:
    return tuple(item.text for item in items(node) if isinstance(item, Scalar))


def located(node: Node | None) -> Text | None:
    return Text(node.text, node.span) if isinstance(node, Scalar) and isinstance(node.value, str) else None


def flag(node: Node | None, default: bool = False) -> bool:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, bool) else default
