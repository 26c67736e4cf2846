"""The tree of nodes with what holds at each: paths, order, image, effective settings, containers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Names

from imgc.checks.structure import check
from imgc.diagnostics import Diagnostic, Edit, Fix, Severity, Span
from imgc.diagnostics.near import near
from imgc.document.expressions import Scope, substitute
from imgc.document.nodes import Entry, Mapping, Node, Scalar, Value
from imgc.model.pipeline import Pipeline, entries, flag, items, text
from imgc.model.reference import looks_like_reference
from imgc.model.tree import TreeNode, read_tree
from imgc.records import dataclass, field, replace
from imgc.resolve.settings import INHERITED, Setting

MAX_NODES = 100_000
OF_MATRIX = ("needs", "when", "max_concurrent", "skip", "title", "doc", "tags")
"""Settings of a matrix node that belong to the whole; the others go to each combination."""
Matrix = dict[str, tuple[Value, str]]


@dataclass(slots=True)
class ResolvedNode:
    """A node of the run: `settings` are the effective ones (own and inherited), `own` those it says itself.

    `after` are paths that end before this one starts; `group` is the path of the node whose container
    it shares, "pool", or "". `image` is the name of a resolved image, "" for groups and after an error.
    """

    path: str
    name: str
    parent: str | None
    kind: str
    span: Span
    tree: TreeNode
    settings: dict[str, Setting]
    own: Mapping
    after: list[str] = field(default_factory=list)
    needs: list[tuple[str, Span]] = field(default_factory=list)
    reads: list[tuple[str, Span]] = field(default_factory=list)
    image: str = ""
    group: str = ""
    matrix: dict[str, str] = field(default_factory=dict)
    skip: bool = False
    children: list[str] = field(default_factory=list)

    @property
    def leaf(self) -> bool:
        return self.kind not in ("serial", "parallel")


@dataclass(frozen=True, slots=True)
class _Around:
    """What a node gets from above."""

    parent: str | None = None
    settings: dict[str, Setting] = field(default_factory=dict)
    matrix: Matrix = field(default_factory=dict)
    group: str = ""
    skip: bool = False


class TreeResolver:
    """Resolves a tree once. `image_of` gives the name of the image that a value of `image` means (None after an
    error; the value None stands for the default image), `path_in` the place of a local path in an image."""

    def __init__(
        self,
        pipeline: Pipeline,
        image_of: Callable[[Node | None, Span], str | None],
        path_in: Callable[[str, str, Span], str | None],
        report: Callable[[Diagnostic], None],
        printed: Names[str, Mapping] | None = None,
    ) -> None:
        """`printed` has what lazy nodes have printed, by their paths."""
        self.pipeline = pipeline
        self.printed = printed or {}
        self.image_of = image_of
        self.path_in = path_in
        self.report = report
        self.nodes: dict[str, ResolvedNode] = {}
        self.full = False

    def resolve(self) -> dict[str, ResolvedNode]:
        """All nodes by path, in tree order."""
        if self.pipeline.tree is not None:
            self.visit(self.pipeline.tree, "", _Around())
            self.link()
        return self.nodes

    def error(
        self, code: str, message: str, span: Span, label: str = "", fixes: tuple[Fix, ...] = ()
    ) -> None:
        self.report(Diagnostic(code, Severity.ERROR, message, span, label, fixes))

    def visit(self, tree: TreeNode, path: str, around: _Around, matrix: dict[str, str] | None = None) -> None:
        if len(self.nodes) >= MAX_NODES:
            if not self.full:
                self.error(
                    "too-many-nodes", f"the pipeline has more than {MAX_NODES:,} nodes up to here", tree.span
                )
            self.full = True
            return
        if path in self.printed and tree.kind == "lazy":
            from imgc.resolve.lazy import graft  # for runs only

            tree = graft(tree, self.printed[path], self.report)
        combinations = self.combinations(tree) if matrix is None else None
        node = self.node(tree, path, around, matrix)
        self.nodes[path] = node
        if around.parent is not None:
            self.nodes[around.parent].children.append(path)
        if combinations is not None:
            node.kind = "parallel"
            node.own = Mapping(
                tuple(entry for entry in node.own.entries if entry.name in OF_MATRIX), node.own.span
            )
        inside = self.inside(node, around)
        if combinations is not None:
            self.multiply(tree, path, replace(inside, settings=around.settings), combinations)
            return
        before: str | None = None
        for child in tree.children:
            below = f"{path}/{child.name}" if path else child.name
            self.visit(child, below, inside)
            if before is not None and tree.kind == "serial" and below in self.nodes:
                self.nodes[below].after.append(before)
            before = below

    def node(self, tree: TreeNode, path: str, around: _Around, matrix: dict[str, str] | None) -> ResolvedNode:
        settings = dict(around.settings)
        for entry in tree.settings.entries:
            if entry.name in INHERITED:
                settings[entry.name] = Setting(self.merged(entry, around), entry.key.span)
        own = _without(tree.settings, "serial", "parallel", "matrix")
        kind = tree.kind or "build"
        node = ResolvedNode(
            path, tree.name, around.parent, kind, tree.span, tree, settings, own, matrix=matrix or {}
        )
        node.skip = around.skip or flag(own.get("skip"))
        reuse = text(own.get("container_reuse"))
        node.group = {"new": path, "pool": "pool", "global": ""}.get(reuse, around.group)
        if reuse == "new":
            node.group = path or "."
        return node

    def merged(self, entry: Entry, around: _Around) -> Node:
        """`env` adds to what is inherited; everything else replaces it."""
        inherited = around.settings.get(entry.name)
        if entry.name != "env" or inherited is None or not isinstance(entry.value, Mapping):
            return entry.value
        names = {own.name for own in entry.value.entries}
        kept = tuple(other for other in entries(inherited.node) if other.name not in names)
        return Mapping((*kept, *entry.value.entries), entry.value.span)

    def inside(self, node: ResolvedNode, around: _Around) -> _Around:
        """What the children get. A leaf is completed here: its image and the expressions in its settings."""
        scope = Scope(self.report, matrix=around.matrix)
        if node.leaf:
            self.complete(node, scope)
        node.own = _mapping(substitute(_without(node.own, *INHERITED), scope))
        return _Around(node.path, node.settings, around.matrix, node.group, node.skip)

    def complete(self, node: ResolvedNode, scope: Scope) -> None:
        image = node.settings.get("image")
        if image is not None:
            node.settings["image"] = image = Setting(substitute(image.node, scope, "image"), image.span)
        node.image = self.image_of(image.node if image else None, image.span if image else node.span) or ""
        scope.path = lambda path, span: self.path_in(path, node.image, span) if node.image else None
        for name, setting in node.settings.items():
            if name != "image":
                node.settings[name] = Setting(substitute(setting.node, scope, name), setting.span)

    # Matrix

    def combinations(self, tree: TreeNode) -> list[Matrix] | None:
        """The combinations of a node's matrix, in the order of its keys; None when it has none."""
        matrix = tree.get("matrix")
        if matrix is None or not isinstance(matrix, Mapping) or matrix.broken:
            return None
        axes: list[list[tuple[str, Scalar]]] = []
        count = 1
        for entry in matrix.entries:
            values = [item for item in items(entry.value) if isinstance(item, Scalar)]
            seen: set[str] = set()
            for value in values:
                if value.text in seen:
                    self.error("duplicate-item", f"'{value.text}' stands twice in the matrix", value.span)
                seen.add(value.text)
            axes.append([(entry.name, value) for value in {v.text: v for v in values}.values()])
            count *= len(axes[-1])
        if count + len(self.nodes) > MAX_NODES:
            self.error("too-many-nodes", f"the matrix makes more than {MAX_NODES:,} nodes", matrix.span)
            return []
        return [
            {name: (value.text, value.text) for name, value in combination}
            for combination in itertools.product(*axes)
        ]

    def multiply(self, tree: TreeNode, path: str, inside: _Around, combinations: list[Matrix]) -> None:
        """The node once per combination, as parallel children `NAME[py=3.11]`."""
        name = tree.name
        entry = Entry(Scalar(name, name, tree.span), _without(tree.settings, "matrix", *OF_MATRIX))
        for combination in combinations:
            matrix = {**inside.matrix, **combination}
            scope = Scope(lambda _: None, matrix=matrix)
            value = substitute(entry.value, scope)
            label = f"{name}[{','.join(f'{key}={written}' for key, (_, written) in combination.items())}]"
            below = f"{path}/{label}" if path else label
            if value is not entry.value:
                check(value, self.report, "node")
            child = read_tree(Entry(entry.key, value), label)
            around = _Around(path, inside.settings, matrix, inside.group, inside.skip)
            self.visit(child, below, around, {key: written for key, (_, written) in matrix.items()})

    # Edges

    def link(self) -> None:
        for node in self.nodes.values():
            parent = self.nodes[node.parent] if node.parent is not None else None
            allowed = parent is not None and parent.kind == "parallel"  # elsewhere the key itself is reported
            for item in items(node.own.get("needs")) if allowed else ():
                if isinstance(item, Scalar) and isinstance(item.value, str):
                    target = self.target(item.text, node, item.span)
                    if target is not None:
                        node.needs.append((target, item.span))
                        node.after.append(target)
            for name in inputs(node.own.get("input"), "node"):
                target = self.target(name.text, node, name.span)
                if target is not None:
                    node.reads.append((target, name.span))
                    node.after.append(target)
            node.after = list(dict.fromkeys(node.after))

    def target(self, name: str, node: ResolvedNode, span: Span) -> str | None:
        """The node that a name in `needs` or `input` means: a sibling, or a path from the root."""
        sibling = f"{node.parent}/{name}" if node.parent else name
        for candidate in (sibling, name.strip("/")):
            if candidate in self.nodes and candidate:
                return candidate
        siblings = self.nodes[node.parent].children if node.parent is not None else []
        names = [*(self.nodes[path].name for path in siblings if path != node.path), *self.nodes]
        close = near(name, [other for other in names if other])
        fixes = tuple(Fix(f"replace with '{other}'", (Edit(span, other),)) for other in close)
        self.error(
            "unknown-node",
            f"no node is called '{name}'",
            span,
            f"did you mean '{close[0]}'?" if close else "",
            fixes,
        )
        return None


def inputs(node: Node | None, key: str) -> Iterator[Scalar]:
    """The values of a key (`repo`, `node`) in an input and in what it crosses and joins."""
    stack = [node]
    while stack:
        current = stack.pop()
        if not isinstance(current, Mapping):
            continue
        value = current.get(key)
        if isinstance(value, Scalar) and isinstance(value.value, str):
            yield value
        for inner in ("union", "cross"):
            stack.extend(reversed(items(current.get(inner))))


def named(value: Node) -> str | None:
    """The name of a registered image that a value of `image` must be; None when it is a reference or an object."""
    if isinstance(value, Scalar) and isinstance(value.value, str) and not looks_like_reference(value.text):
        return value.text
    return None


def _mapping(node: Node) -> Mapping:
    assert isinstance(node, Mapping)  # a mapping stays one when its expressions are replaced
    return node


def _without(node: Mapping, *keys: str) -> Mapping:
    return Mapping(tuple(entry for entry in node.entries if entry.name not in keys), node.span, node.flow)
