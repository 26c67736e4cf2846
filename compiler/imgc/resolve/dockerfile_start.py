"""An image that starts from the user's own Dockerfile."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping as Names

from imgc.context.project import Missing
from imgc.diagnostics import Edit, Fix, Severity, Span
from imgc.diagnostics.near import near
from imgc.dockerfile import userfile
from imgc.document.nodes import Entry, Mapping, Node, Scalar
from imgc.instructions.quoting import line_problem
from imgc.layers.bases import facts_of
from imgc.layers.env import warn_of_secret
from imgc.layers.facts import BaseFacts
from imgc.layers.kind import Reading
from imgc.lock.lock import Lock
from imgc.model.pipeline import entries, text
from imgc.model.reference import InvalidReference, parse, with_digest
from imgc.records import dataclass, field, replace
from imgc.resolve.start import base_of, with_stated


@dataclass(frozen=True, slots=True)
class UserDockerfile:
    """A Dockerfile with its arguments put in and cut off behind its target, so that a plain build makes it.

    `path` is the file ("" when its text stands in the YAML), `context` its build context, both relative to
    the pipeline's directory. `base` is what its last stage starts from, where that can be told.
    """

    text: str
    path: str
    context: str
    span: Span
    base: str
    args: Names[str, str] = field(default_factory=dict)
    target: str = ""
    workdir: str = ""
    user: str = ""
    bases: tuple[str, ...] = ()
    """All that its stages start from in registries."""

    def pinned(self, lock: Lock) -> UserDockerfile:
        """With the digests that the lock has."""
        known = {
            base: with_digest(base, locked.digest)
            for base in self.bases
            if (locked := lock.images.get(base)) is not None and locked.digest
        }
        return replace(self, text=userfile.pin(self.text, self.args, known)) if known else self

    def facts(self, lock: Lock, stated: Node | None) -> BaseFacts:
        """What is known of the result: its base's distribution; its Python only where the base brought one."""
        facts = base_of(self.base, lock, None).facts if self.base else facts_of("")
        return with_stated(replace(facts, python=facts.python or None, user=self.user or facts.user), stated)


def read_dockerfile(entry: Entry, reading: Reading) -> UserDockerfile | None:
    """`dockerfile: PATH` or an object; None after saying what is wrong."""
    node = entry.value
    options = node if isinstance(node, Mapping) else None
    source = options.get("path") if options else node
    inline = options.get("text") if options else None
    if inline is not None:
        found = text(inline), "", "."
        at = inline.span
    elif isinstance(source, Scalar) and isinstance(source.value, str):
        path = reading.path(source, "file")
        if path is None:
            return None
        content = reading.project.read_text(path)
        if isinstance(content, Missing):
            reading.error(content.code, content.message, source.span)
            return None
        found = content, path, posixpath.dirname(path) or "."
        at = source.span
    else:
        return None
    body, path, context = found
    if options and (where := options.get("context")) is not None:
        located = reading.path(where, "dir")
        if located is None:
            return None
        context = located
    return _prepared(body, path, context, at, options, reading)


def _prepared(
    body: str, path: str, context: str, at: Span, options: Mapping | None, reading: Reading
) -> UserDockerfile | None:
    args = _args(options, reading)
    target = text(options.get("target")) if options else ""
    try:
        file = userfile.read(body)
        declared = {arg.name for arg in file.args}
        body = userfile.apply_args(body, {name: value for name, value in args.items() if name in declared})
        if target:
            body = _cut(body, target, file, options, reading)
    except userfile.UserFileError as error:
        where = _where(path, error.line)
        reading.error("bad-dockerfile", f"this Dockerfile cannot be read: {error}, at {where}", at)
        return None
    if (unknown := file.unknown) is not None:
        said = (
            f"this Dockerfile has an unknown instruction {unknown.keyword!r}, at {_where(path, unknown.line)}"
        )
        meant = near(unknown.keyword, userfile.KEYWORDS)
        reading.error("bad-dockerfile", said + (f": did you mean {meant[0]!r}?" if meant else ""), at)
        return None
    _undeclared(args, declared, options, reading)
    last = userfile.read(body)
    if not last.stages:
        reading.error("bad-dockerfile", "this Dockerfile has no FROM", at)
        return None
    base, workdir, user = _result(last, args)
    found = [found.reference for found in userfile.bases(last, args) if found.reference]
    bases = tuple(dict.fromkeys(name for name in found if name != "scratch" and not _is_no_reference(name)))
    return UserDockerfile(body, path, context, at, base, args, target, workdir, user, bases)


def _where(path: str, line: int) -> str:
    return f"{path}:{line}" if path else f"line {line} of the text"


def _is_no_reference(name: str) -> bool:
    """Whether a build will refuse it: nobody can be asked for it."""
    try:
        parse(name)
    except InvalidReference:
        return True
    return False


def _args(options: Mapping | None, reading: Reading) -> dict[str, str]:
    args: dict[str, str] = {}
    for entry in entries(options.get("args") if options else None):
        if not isinstance(entry.value, Scalar):
            continue
        problem = line_problem(entry.value.text)
        if problem:
            reading.error(
                "newline-in-value", f"the build argument '{entry.name}' {problem}", entry.value.span
            )
        else:
            args[entry.name] = entry.value.text
            warn_of_secret(entry.name, entry.value, "in the image's history", reading.report)
    return args


def _cut(body: str, target: str, file: userfile.UserFile, options: Mapping | None, reading: Reading) -> str:
    try:
        return userfile.cut_after(body, target)
    except LookupError:
        node = options.get("target") if options else None
        names = [stage.name for stage in file.stages if stage.name]
        close = near(target, names)
        label = (
            f"did you mean '{close[0]}'?"
            if close
            else f"it has {', '.join(names)}"
            if names
            else "it has no named stages"
        )
        if node is not None:
            fixes = tuple(Fix(f"replace with '{name}'", (Edit(node.span, name),)) for name in close)
            reading.error(
                "unknown-target",
                f"the Dockerfile has no stage '{target}'",
                node.span,
                label=label,
                fixes=fixes,
            )
        return body


_PREDEFINED = {"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"}


def _undeclared(args: Names[str, str], declared: set[str], options: Mapping | None, reading: Reading) -> None:
    for entry in entries(options.get("args") if options else None):
        if entry.name in args and entry.name not in declared and entry.name.upper() not in _PREDEFINED:
            message = f"the Dockerfile has no ARG '{entry.name}', so this value is not used"
            close = near(entry.name, declared)
            label = f"did you mean '{close[0]}'?" if close else ""
            reading.error("unused-argument", message, entry.key.span, label=label, severity=Severity.WARNING)


def _result(file: userfile.UserFile, args: Names[str, str]) -> tuple[str, str, str]:
    """Base, workdir and user of the last stage, as far as its text tells."""
    bases = userfile.bases(file, args)
    index: int | None = len(file.stages) - 1
    workdir, user, base = "", "", ""
    while index is not None:
        for instruction in reversed(file.instructions):
            if instruction.stage != index or "$" in instruction.arguments:
                continue
            if instruction.keyword == "WORKDIR" and not workdir and instruction.arguments.startswith("/"):
                workdir = instruction.arguments.strip()
            elif instruction.keyword == "USER" and not user:
                user = instruction.arguments.strip()
        base = bases[index].reference or ""
        index = bases[index].stage
    return base, workdir, user
