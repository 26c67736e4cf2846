"""`--set NODE.key=value`: settings given on the command line, put into the document as if they were written there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from imgc.diagnostics import Diagnostic, Origin, Severity, Span
from imgc.diagnostics.near import near
from imgc.document.nodes import Entry, Mapping, Node, Scalar
from imgc.document.parse import Anchors, Broken, parse
from imgc.model.pipeline import entries

Report = Callable[[Diagnostic], None]


class BadSetting(ValueError):
    """An argument that is not of the form NODE.key=value. The text says so."""


def name_of(argument: str) -> str:
    """The name of the argument as a file: what the spans of its values carry."""
    return f"--set {argument}"


def put(root: Mapping, argument: str, report: Report) -> Mapping:
    """The document with the setting in it; as it was after a problem. BadSetting."""
    left, equals, written = argument.partition("=")
    if not equals or "." not in left:
        raise BadSetting(f"--set takes NODE.key=value, not '{argument}'")
    origin = Origin(name_of(argument))
    pipeline = root.entry("pipeline")
    if pipeline is None:
        report(_error("unknown-node", "the file has no pipeline", origin, 0, len(left)))
        return root
    found = _split(pipeline.value, left)
    if found is None:
        name = left.partition(".")[0]
        close = near(name, _paths(pipeline.value))
        label = f"did you mean '{close[0]}'?" if close else ""
        report(_error("unknown-node", f"no node is called '{name}'", origin, 0, len(name), label))
        return root
    path, keys = found
    value = _value(written, len(left) + 1, origin, report)
    if value is None:
        return root
    start = len(left) - len(".".join(keys))
    changed = _in_tree(pipeline.value, path, keys, value, Span(origin, 0, start, 0, len(left)))
    return _with(root, pipeline.key, changed)


def _split(tree: Node, left: str) -> tuple[list[str], list[str]] | None:
    """The path of the node, and the keys below it. A node's name may have dots: the longest that is there."""
    position = len(left)
    while (position := left.rfind(".", 0, position)) >= 0:
        path = [name for name in left[:position].strip("/").split("/") if name]
        if _at(tree, path) is not None:
            return path, left[position + 1 :].split(".")
    return None


def _at(tree: Node, path: list[str]) -> Node | None:
    node: Node | None = tree
    for name in path:
        group = _group(node)
        node = group.value.get(name) if group is not None and isinstance(group.value, Mapping) else None
    return node


def _group(node: Node | None) -> Entry | None:
    if not isinstance(node, Mapping):
        return None
    return node.entry("serial") or node.entry("parallel")


def _paths(tree: Node, above: str = "") -> Iterator[str]:
    group = _group(tree)
    for child in entries(group.value) if group is not None else ():
        path = f"{above}{child.name}"
        yield path
        yield from _paths(child.value, f"{path}/")


def _value(written: str, column: int, origin: Origin, report: Report) -> Node | None:
    """The YAML of the value, its spans where it stands in the argument."""
    try:
        parsed = parse(" " * column + written, origin, Anchors())
    except Broken as error:
        report(error.diagnostic)
        return None
    for diagnostic in parsed.diagnostics:
        report(diagnostic)
    if parsed.node is None:
        return Scalar(None, "", Span(origin, 0, column, 0, column))
    return parsed.node


def _in_tree(node: Node, path: list[str], keys: list[str], value: Node, span: Span) -> Node:
    if not path:
        written = node
        if isinstance(node, Scalar):  # a node that is just a string is `run`
            written = Mapping((Entry(Scalar("run", "run", node.span), node),), node.span)
        return _set(written, keys, value, span)
    group = _group(node)
    assert group is not None
    assert isinstance(node, Mapping)
    assert isinstance(group.value, Mapping)
    child = group.value.entry(path[0])
    assert child is not None
    inner = _with(group.value, child.key, _in_tree(child.value, path[1:], keys, value, span))
    return _with(node, group.key, inner)


def _set(node: Node | None, keys: list[str], value: Node, span: Span) -> Node:
    if not keys:
        return value
    here = node if isinstance(node, Mapping) else Mapping((), span)
    return _with(here, Scalar(keys[0], keys[0], span), _set(here.get(keys[0]), keys[1:], value, span))


def _with(mapping: Mapping, key: Scalar, value: Node) -> Mapping:
    """The mapping with this value for the key, at its place if it is there."""
    if mapping.entry(key.text) is None:
        return Mapping((*mapping.entries, Entry(key, value)), mapping.span, mapping.flow)
    changed = tuple(Entry(key, value) if one.name == key.text else one for one in mapping.entries)
    return Mapping(changed, mapping.span, mapping.flow)


def _error(code: str, message: str, origin: Origin, start: int, end: int, label: str = "") -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, Span(origin, 0, start, 0, end), label)
