"""What may stand as a value: choices of the schema, names of the document, paths, packages, references."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lsprotocol import types as lsp

from imgc.document.nodes import Mapping, Scalar
from imgc.model.pipeline import entries
from imgc.model.pipeline import text as text_of
from imgc_lsp import paths
from imgc_lsp.insertion import values_of, written
from imgc_lsp.schema import Form, Path, Schema
from imgc_lsp.snapshot import SECTION_OF, Snapshot
from imgc_lsp.sources import Found, Sources

PYTHONS = ("3.12", "3.13", "3.14", "3.11", "3.10", "3.9")
_MANAGERS = {"apt_packages": "apt", "system_packages": "system", "npm_packages": "npm", "packages": "conda"}
_Kind = lsp.CompletionItemKind


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something to offer. `text` is what is put in (`raw`: as it is, else quoted where needed); lower
    `rank` first."""

    label: str
    text: str
    detail: str = ""
    kind: lsp.CompletionItemKind = lsp.CompletionItemKind.Value
    rank: int = 20
    doc: str = ""
    raw: bool = False
    named: bool = False


@dataclass(frozen=True, slots=True)
class Candidates:
    items: list[Candidate]
    complete: bool = True


def of_form(snapshot: Snapshot, form: Form, path: Path, typed: str, sources: Sources) -> Candidates:
    """What one form of a value allows at a path of the document."""
    items = list(_choices(form))
    complete = True
    for kind in (form.schema.get("x-kind"), form.schema.get("x-kind-also")):
        if kind is not None:
            found = _of_kind(snapshot, kind, path, typed, sources)
            items += found.items
            complete = complete and found.complete
    manager = _MANAGERS.get(str(next((step for step in reversed(path) if isinstance(step, str)), "")))
    if manager and "x-kind" not in form.schema and isinstance(path[-1], int):
        found = _named(sources.packages.find(manager, typed), _Kind.Module)
        items, complete = items + found.items, complete and found.complete
    if path[-2:] == ("call", "function"):
        items += _functions(snapshot, path)
    if (path and path[-1] in ("platforms",)) or path[-2:-1] == ("platforms",):
        items += [_name(platform, "", _Kind.EnumMember) for platform in ("linux/amd64", "linux/arm64")]
    return Candidates(items, complete)


def _choices(form: Form) -> Iterable[Candidate]:
    docs = form.schema.get("markdownEnumDescriptions", [])
    default = form.schema.get("default")
    for number, value in enumerate(values_of(form)):
        doc = docs[number] if number < len(docs) else ""
        detail = "default" if default is not None and written(default) == value else ""
        yield Candidate(value, value, detail, _Kind.EnumMember, 5, doc, raw=True, named=True)


def examples(schema: Schema) -> Candidates:
    """The schema's examples, after everything else."""
    found = [value for value in schema.get("examples", ()) if isinstance(value, (str, int, float))]
    return Candidates(
        [Candidate(str(value), written(value), "example", _Kind.Text, 60, raw=True) for value in found]
    )


def _of_kind(snapshot: Snapshot, kind: str, path: Path, typed: str, sources: Sources) -> Candidates:
    if kind in SECTION_OF:
        return Candidates(list(_declared(snapshot, kind, path)))
    if kind == "node":
        return Candidates(list(_nodes(snapshot, path)))
    if kind == "image-ref":
        known = [_name(name, "in this file", _Kind.Reference) for name in _references(snapshot)]
        found = _named(sources.images.find(typed), _Kind.Reference)
        return Candidates([*known, *found.items], found.complete)
    if kind.startswith("path"):
        return Candidates(_paths(snapshot, kind, typed))
    if kind == "pep508":
        return _named(sources.packages.find("pip", typed), _Kind.Module)
    if kind == "python-version":
        return Candidates([_name(version, "", _Kind.EnumMember) for version in PYTHONS])
    return Candidates([])


def _name(name: str, detail: str, kind: lsp.CompletionItemKind, rank: int = 10) -> Candidate:
    return Candidate(name, name, detail, kind, rank, named=True)


def _named(found: Found, kind: lsp.CompletionItemKind) -> Candidates:
    return Candidates([_name(name, detail, kind, 30) for name, detail in found.names], found.complete)


def _declared(snapshot: Snapshot, kind: str, path: Path) -> Iterable[Candidate]:
    section = SECTION_OF[kind]
    own = path[1] if path[:1] == ("images",) and len(path) > 1 and kind == "image-name" else None
    for name in snapshot.names.of(section):
        if name != own:
            yield _name(name, _said(snapshot, section, name), _Kind.Variable)


def _said(snapshot: Snapshot, section: str, name: str) -> str:
    """A word on what a name stands for."""
    node: Any = snapshot.root.get(section)
    value = node.get(name) if isinstance(node, Mapping) else None
    if isinstance(value, Scalar):
        return value.text[:60]
    for key in ("base", "extends", "dockerfile", "uv_script", "ref", "env", "file", "path"):
        if isinstance(value, Mapping) and (found := text_of(value.get(key))):
            return f"{key}: {found[:60]}"
    return section.removesuffix("s").replace("_", " ")


def _references(snapshot: Snapshot) -> list[str]:
    """Image references that the document already uses."""
    found = [text_of(entry.value) for entry in entries(snapshot.root.get("image_refs"))]
    for entry in entries(snapshot.root.get("images")):
        value = entry.value
        found.append(text_of(value.get("base")) if isinstance(value, Mapping) else text_of(value))
    return [name for name in dict.fromkeys(found) if name and "${{" not in name]


def node_path(path: Path) -> str:
    """The path of the node that a path of the document lies in."""
    names = [str(path[n + 1]) for n in range(len(path) - 1) if n and path[n] in ("serial", "parallel")]
    return "/".join(names)


def _nodes(snapshot: Snapshot, path: Path) -> Iterable[Candidate]:
    own = node_path(path)
    parent = own.rpartition("/")[0]
    others = [
        name for name in snapshot.nodes if name and name != own and not f"{own}/".startswith(f"{name}/")
    ]
    for name in others:
        above, _, last = name.rpartition("/")
        if above == parent:
            yield _name(last, "sibling", _Kind.Function)
    for name in others:
        if "/" in name or name.rpartition("/")[0] != parent:
            yield _name(name, "path from the root", _Kind.Function, 15)


def _paths(snapshot: Snapshot, kind: str, typed: str) -> list[Candidate]:
    found = paths.below(snapshot.directory, typed, folders_only=kind == "path-dir")
    return [
        _name(
            path,
            "",
            _Kind.Folder if path.endswith("/") else _Kind.File,
            10 if path.endswith("/") == (kind != "path-file") else 12,
        )
        for path in found
    ]


def _functions(snapshot: Snapshot, path: Path) -> list[Candidate]:
    """The functions of the file that a `call` names."""
    from imgc.resolve.node_rules import function_names

    node = snapshot.nodes.get(node_path(path))
    call = node.get("call") if node else None
    file = text_of(call.get("file")) if isinstance(call, Mapping) else ""
    source = paths.read_small(snapshot.directory, file) if file else None
    names: Sequence[str] | frozenset[str] | None = function_names(source) if source is not None else None
    return [_name(name, file, _Kind.Function) for name in sorted(names or ())]


def expressions(snapshot: Snapshot, path: Path, typed: str) -> list[Candidate]:
    """What may stand inside `${{ … }}`, after `typed`."""
    if typed.startswith("path("):
        quote = typed[5:6] or "'"
        inside = typed[6:]
        return [
            Candidate(
                f"path({quote}{name}{quote})", f"path({quote}{name}{quote})", "", _Kind.File, 10, raw=True
            )
            for name in paths.below(snapshot.directory, inside, folders_only=False)
        ]
    found = [
        Candidate(
            f"params.{name}", f"params.{name}", _said(snapshot, "params", name), _Kind.Variable, 10, raw=True
        )
        for name in snapshot.names.of("params")
    ]
    for name, values in _matrix(snapshot, path).items():
        found.append(Candidate(f"matrix.{name}", f"matrix.{name}", values, _Kind.Variable, 5, raw=True))
    return [
        *found,
        Candidate(
            "path('')", "path('./", "where a local path is in the container", _Kind.Function, 20, raw=True
        ),
    ]


def _matrix(snapshot: Snapshot, path: Path) -> dict[str, str]:
    """The matrix keys of the node that a path lies in and of those above it; of all nodes where the tree is
    lost."""
    own = node_path(path)
    found: dict[str, str] = {}
    for name, node in snapshot.nodes.items():
        if name == "" or name == own or own.startswith(f"{name}/"):
            for entry in entries(node.get("matrix")):
                found[entry.name] = ", ".join(text_of(item) for item in getattr(entry.value, "items", ()))[
                    :60
                ]
    return found
