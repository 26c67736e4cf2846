"""Requirements files as pip reads them, with the files they include."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from imgc.diagnostics import Severity, Span
from imgc.layers.kind import Reading
from imgc.layers.python.options import has_credentials
from imgc.layers.python.specs import BadSpec, Spec, is_local, parse
from imgc.patterns import lazy
from imgc.records import dataclass, field

_INCLUDE = lazy(
    r"(?:-r|--requirement|(?P<constraint>-c|--constraint))(?:\s*=\s*|\s+|(?<=-[rc]))(?P<file>\S.*)"
)
_EDITABLE = lazy(r"(?:-e|--editable)(?:\s*=\s*|\s+)(?P<target>\S.*)")
_COMMENT = lazy(r"(?:^|\s+)#.*$")
_LINE_OPTIONS = lazy(r"\s--?[A-Za-z]")
_SCHEME = lazy(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(slots=True)
class Tree:
    """The files of one `requirements` value: `roots` as written, `files` all of them, each once, in the order
    in which they are met; paths are relative to the pipeline's directory. `specs` are what they ask for."""

    roots: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    specs: list[Spec] = field(default_factory=list)
    sound: bool = True
    """False when something was reported that stops the compile."""


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str


def read_file(tree: Tree, path: str, reading: Reading, span: Span) -> None:
    """Adds a file and what it includes; what is wrong is reported at `span`, naming file and line."""
    if path not in tree.roots:
        tree.roots.append(path)
    _read(tree, path, reading, span, ())


def _read(
    tree: Tree, path: str, reading: Reading, span: Span, chain: tuple[str, ...], constraint: bool = False
) -> None:
    if path in chain:
        cycle = " -> ".join((*chain[chain.index(path) :], path))
        _problem(tree, reading, span, "requirements-cycle", f"requirements files include each other: {cycle}")
        return
    if path in tree.files:
        return
    tree.files.append(path)
    text = reading.project.read_text(path)
    if not isinstance(text, str):
        _problem(tree, reading, span, text.code, text.message)
        return
    for line in _lines(text):
        where = f"{path}:{line.number}"
        if has_credentials(line.text):
            reading.error(
                "credentials-in-url",
                f"{where} holds credentials, which whoever reads the file can read; keep them in 'secrets'",
                span,
                label="a variable (${TOKEN}) with a secret for it, or a secret mounted as ~/.netrc",
                severity=Severity.WARNING,
            )
        if include := _INCLUDE.fullmatch(line.text):
            constrains = constraint or bool(include["constraint"])
            _include(tree, path, include["file"], where, reading, span, (*chain, path), constrains)
        elif editable := _EDITABLE.fullmatch(line.text):
            if not _SCHEME.match(editable["target"]):
                _problem(
                    tree, reading, span, "editable-requirement",
                    f"{where} installs '{editable['target']}' editable, and its folder is not there then; "
                    "copy the code and write 'local_project_install: pip install -e .'",
                )  # fmt: skip
        elif not line.text.startswith("-"):
            _requirement(tree, line.text, where, reading, span, constraint)


def _include(
    tree: Tree,
    path: str,
    name: str,
    where: str,
    reading: Reading,
    span: Span,
    chain: tuple[str, ...],
    constraint: bool,
) -> None:
    name = name.strip().strip("'\"")
    if _SCHEME.match(name):
        return  # the installer fetches it itself
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    found = reading.project.locate(target, "file")
    if isinstance(found, str):
        _read(tree, found, reading, span, chain, constraint)
        return
    near = f"; did you mean '{found.near[0]}'?" if found.near else ""
    _problem(tree, reading, span, found.code, f"{where} includes '{name}': {found.message}{near}")


def _requirement(tree: Tree, text: str, where: str, reading: Reading, span: Span, constraint: bool) -> None:
    if found := _LINE_OPTIONS.search(text):  # --hash=…, --config-settings …
        text = text[: found.start()].strip()
    if is_local(text):
        _problem(
            tree, reading, span, "local-path-in-requirements",
            f"{where} names the local path '{text}', which is not there while requirements are installed; "
            f"write it in 'pip_packages' instead",
        )  # fmt: skip
        return
    if _SCHEME.match(text) or re.match(r"(?:git|hg|svn|bzr)\+", text) or "${" in text:
        return  # a bare URL or a variable: nothing to check here
    spec = parse(text, span, where)
    if isinstance(spec, BadSpec):
        _problem(
            tree, reading, span, "bad-requirement", f"{where}: '{text}' is not a requirement: {spec.reason}"
        )
    elif not constraint:
        tree.specs.append(spec)


def _problem(tree: Tree, reading: Reading, span: Span, code: str, message: str) -> None:
    tree.sound = False
    reading.error(code, message, span)


def _lines(text: str) -> Iterator[_Line]:
    """Lines as pip sees them: joined at a trailing backslash, without comments and empty ones."""
    whole, begin = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        begin = begin or number
        if _COMMENT.match(line):
            line = " "  # a comment ends a joined line too
        elif line.endswith("\\"):
            whole += line[:-1]
            continue
        if stripped := _COMMENT.sub("", whole + line).strip():
            yield _Line(begin, stripped)
        whole, begin = "", 0
    if stripped := _COMMENT.sub("", whole).strip():
        yield _Line(begin, stripped)
