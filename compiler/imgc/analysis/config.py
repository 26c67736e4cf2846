"""Reading `imgc.toml`, strictly: every key that is not known, and every value of another kind, is said at its line.

There are no fixes: `--fix` and the editor edit the pipeline file.
Loaded only where there is such a file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from imgc.diagnostics import Diagnostic, Origin, Severity, Span
from imgc.diagnostics.near import near
from imgc.model.config import Config, Setting
from imgc.model.reference import InvalidReference, parse

KEYS = ("image_refs", "mirrors", "allow", "builder", "engine")
ENGINES = ("docker", "process")
GRANTS = ("docker-socket",)
_AT = re.compile(r"\(at line (\d+), column (\d+)\)")
_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")
_BUILDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def read(files: Iterable[tuple[Path, str]]) -> tuple[Config, list[Diagnostic]]:
    """The settings of files (path, name to show), of which earlier ones weigh more. The user's own is named by
    its path; the one beside a pipeline by its place there."""
    found: list[Diagnostic] = []
    config = Config()
    for path, name in files:
        one = _File(name, found, users=name == str(path)).read(path)
        config = Config(
            one.image_refs | config.image_refs,
            one.mirrors | config.mirrors,
            (*config.allow, *one.allow),
            config.builder or one.builder,
            config.engine or one.engine,
        )
    return config, found


class _File:
    def __init__(self, name: str, found: list[Diagnostic], users: bool) -> None:
        self.users = users
        self.name = name
        self.origin = Origin(name)
        self.found = found
        self.lines: list[str] = []

    def read(self, path: Path) -> Config:
        start = Span(self.origin, 0, 0, 0, 0)
        try:
            text = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.error("unreadable", f"'{self.name}' cannot be read: {error}", start)
            return Config()
        self.lines = text.splitlines()
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            at = _AT.search(str(error))
            line, column = (int(at[1]) - 1, int(at[2]) - 1) if at else (max(len(self.lines) - 1, 0), 0)
            self.error("bad-toml", _AT.sub("", f"this is not TOML: {error}").strip(), self.span(line, column))
            return Config()
        for key in data:
            if key not in KEYS:
                self.unknown(key)
        builder = self.text(data, "builder")
        if builder is not None and not _BUILDER.fullmatch(builder.value):
            self.error("wrong-type", f"'{builder.value}' is no name of a builder", self.at("builder"))
            builder = None
        engine = self.text(data, "engine")
        if engine is not None and engine.value not in ENGINES:
            known = " or ".join(f"'{name}'" for name in ENGINES)
            self.error("wrong-type", f"'{engine.value}' is no engine: it is {known}", self.at("engine"))
            engine = None
        return Config(self.references(data), self.mirrors(data), self.grants(data), builder, engine)

    def references(self, data: dict[str, Any]) -> dict[str, Setting]:
        found = {}
        for name, setting in self.table(data, "image_refs").items():
            try:
                parse(setting.value)
            except InvalidReference as error:
                message = f"'{setting.value}' is not an image reference: {error}"
                self.error("bad-reference", message, self.at(name, "image_refs"))
                continue
            found[name] = setting
        return found

    def mirrors(self, data: dict[str, Any]) -> dict[str, Setting]:
        """A key is a registry's host as references name it; a value may have a path behind its host."""
        found = {}
        for registry, setting in self.table(data, "mirrors").items():
            for part, what in ((registry, "registry"), (setting.value, "mirror")):
                try:
                    given = parse(f"{part}/image")
                    fits = given.registry == part if what == "registry" else given.name == f"{part}/image"
                except InvalidReference:
                    fits = False
                if not fits:
                    message = f"'{part}' is not a {what}: write its host, and no https://"
                    self.error("bad-reference", message, self.at(registry, "mirrors"), "such as docker.io")
                    break
            else:
                found[registry] = setting
        return found

    def grants(self, data: dict[str, Any]) -> tuple[Setting, ...]:
        given = data.get("allow", [])
        span = self.at("allow")
        if not isinstance(given, list) or not all(isinstance(grant, str) for grant in given):
            self.error("wrong-type", f"'allow' is a list of grants: {', '.join(GRANTS)}", span)
            return ()
        for grant in given:
            if grant not in GRANTS:
                close = near(grant, GRANTS)
                label = f"did you mean '{close[0]}'?" if close else f"there is {', '.join(GRANTS)}"
                self.error("unknown-key", f"'{grant}' is nothing that can be allowed", span, label)
        if any(grant in GRANTS for grant in given) and not self.users:
            message = (
                "'allow' grants access to this host, and a file that comes with a pipeline cannot grant it"
            )
            self.error(
                "misplaced-key", message, span, "write it in ~/.config/imgc/imgc.toml, or give --allow"
            )
            return ()
        return tuple(Setting(grant, self.place(span)) for grant in given if grant in GRANTS)

    # Values

    def table(self, data: dict[str, Any], key: str) -> dict[str, Setting]:
        given = data.get(key, {})
        if not isinstance(given, dict):
            self.error("wrong-type", f"'{key}' is a table: [{key}], and a line a name", self.at(key))
            return {}
        found = {}
        for name, value in given.items():
            span = self.at(name, key)
            if isinstance(value, str):
                found[name] = Setting(value, self.place(span))
            else:
                hint = ": quote the name, it holds a dot" if isinstance(value, dict) else ""
                self.error("wrong-type", f"'{name}' of '{key}' is text{hint}", span)
        return found

    def text(self, data: dict[str, Any], key: str) -> Setting | None:
        value = data.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self.error("wrong-type", f"'{key}' is text", self.at(key))
            return None
        return Setting(value, self.place(self.at(key)))

    # Places: tomllib has none

    def at(self, key: str, table: str = "") -> Span:
        """Where a key is written; where its table is, when it is written in another way than most do."""
        name = re.escape(key)
        wanted = re.compile(rf"""\s*(?:{name}|"{name}"|'{name}')(?=\s*[=.])""")
        inside, header = "", None
        for number, line in enumerate(self.lines):
            if match := _HEADER.match(line):
                inside = match[1].strip("\"'")
                if inside == (table or key):
                    header = self.span(number, line.index("[") + 1, len(inside))
            elif inside == table and (match := wanted.match(line)):
                start = len(line) - len(line.lstrip())
                return self.span(number, start, match.end() - start)
        if header is None and table:
            return self.at(table)
        if header is None and (dotted := key.partition("."))[1]:
            return self.at(dotted[0])
        return header or self.span(0, 0)

    def span(self, line: int, column: int, length: int = 1) -> Span:
        return Span(self.origin, line, column, line, column + length)

    def place(self, span: Span) -> str:
        return f"{self.name}:{span.start[0] + 1}"

    def unknown(self, key: str) -> None:
        span = self.at(key)
        close = near(key, KEYS)
        label = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(KEYS)}"
        self.error("unknown-key", f"'{key}' is not a key of imgc.toml", span, label)

    def error(self, code: str, message: str, span: Span, label: str = "") -> None:
        self.found.append(Diagnostic(code, Severity.ERROR, message, span, label))
