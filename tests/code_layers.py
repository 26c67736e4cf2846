"""Layers of code, commands and settings from YAML text: what they report, their fixes, their Dockerfile."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from imgc.context.project import Project
from imgc.diagnostics import Diagnostic, Edit, Severity
from imgc.dockerfile.writer import write
from imgc.document.document import load
from imgc.document.nodes import Mapping
from imgc.instructions.types import From, Instruction, Stage, Step
from imgc.layers.code import emit_code
from imgc.layers.facts import BaseFacts
from imgc.layers.kind import Reading, Written
from imgc.layers.recipe import Recipe
from imgc.layers.registry import MODULES, kind
from imgc.layers.running import emit_running
from imgc.model.image import PipOptions
from imgc.model.pipeline import flag, text, texts
from imgc.model.secrets import secret_uses

DEBIAN = BaseFacts("debian", "apt", shell=True, python="3.11", python_managed=False, source="the table")
NOT_ROOT = replace(DEBIAN, user="node")
NO_SHELL = BaseFacts(shell=False, source="base_facts")
UNKNOWN = BaseFacts()


@dataclass
class Kit:
    """A project folder, and what came of the keys of one image in it."""

    folder: Path
    facts: BaseFacts = DEBIAN
    base: str = "python:3.11-slim"
    findings: list[Diagnostic] = field(default_factory=list)
    recipe: Recipe = field(init=False)

    def file(self, path: str, content: str = "") -> Path:
        where = self.folder / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(content)
        return where

    def files(self, *paths: str) -> None:
        for path in paths:
            self.file(path, path)

    def image(self, source: str, **fields: Any) -> list[Instruction]:
        """The instructions behind FROM of an image with these keys (YAML text)."""
        keys = load("pipeline.yaml", source).root
        self.findings.clear()
        reading = Reading(Project(self.folder, "pipeline.yaml"), self.findings.append)
        known: dict[str, Any] = {
            "owner": text(keys.get("user")),
            "code_dir": text(keys.get("workdir")) or "/app",
            "auto_workdir": flag(keys.get("auto_workdir"), True),
            "shell": texts(keys.get("shell")) or ("/bin/sh", "-ec"),
            "ssh": texts(keys.get("ssh")),
            "user": self.facts.user,
        }
        self.recipe = Recipe("app", self.base, self.facts, self.findings.append, **(known | fields))
        self.recipe.steps.append(Step(From(self.base, "app")))
        mode = text(keys.get("source_files"), "include")
        for written in _written(keys):
            layer = kind(written.key).read(written, reading)
            if layer is not None and written.key in ("copy_dir", "copy_repo", "copy_url", "code_bundle"):
                emit_code(self.recipe, layer, mode)
            elif layer is not None:
                layer.emit(self.recipe)
        if (entry := keys.entry("source_files")) and not any(
            keys.get(key) for key in ("copy_dir", "copy_url")
        ):
            emit_code(self.recipe, None, mode, entry.key.span)
        emit_running(self.recipe, keys)
        return [step.instruction for step in self.recipe.steps[1:]]

    def dockerfile(self, source: str, **fields: Any) -> str:
        """The Dockerfile of an image with these keys, its comments left out."""
        self.image(source, **fields)
        assert [finding.text for finding in self.findings if finding.severity is Severity.ERROR] == []
        stages = (*self.recipe.helpers, Stage("app", tuple(self.recipe.steps)))
        written = write(stages, image="app", file="pipeline.yaml").text
        return "".join(f"{line}\n" for line in written.split("\n")[:-1] if not line.startswith("#"))

    @property
    def codes(self) -> list[str]:
        return [finding.code for finding in self.findings]

    @property
    def said(self) -> list[tuple[str, int, int]]:
        """Code, line and column (1-based) of each finding."""
        places = [(finding.code, finding.span.place) for finding in self.findings]
        return [(code, place.line, place.column) for code, place in places]


def _written(keys: Mapping) -> list[Written]:
    """The layers of an image as the resolver collects them: its keys in their order, then `layers`."""
    found: list[Written] = []
    for key in MODULES:
        entry = keys.entry(key)
        if entry is not None and key not in ("workdir", "user"):
            secrets = secret_uses(keys.get("secrets")) if key == "commands" else ()
            found.append(Written(key, entry.key.span, entry.value, PipOptions(), secrets, keys))
    layers = keys.get("layers")
    for item in getattr(layers, "items", ()):
        entry = next(entry for entry in item.entries if entry.name in MODULES)
        secrets = secret_uses(item.get("secrets"))
        found.append(Written(entry.name, entry.key.span, entry.value, PipOptions(), secrets, item))
    return found


def fixed(source: str, finding: Diagnostic, number: int = 0) -> str:
    """The text with one of the fixes of a finding made."""
    return applied(source, finding.fixes[number].edits)


def applied(source: str, edits: tuple[Edit, ...]) -> str:
    lines = source.split("\n")
    for edit in sorted(edits, key=lambda edit: edit.span.start, reverse=True):
        (line, column), (end, end_column) = edit.span.start, edit.span.end
        lines[line : end + 1] = (lines[line][:column] + edit.text + lines[end][end_column:]).split("\n")
    return "\n".join(lines)


def hadolint(dockerfile: str, folder: Path) -> str:
    """hadolint's findings."""
    file = folder / "Dockerfile.checked"
    file.write_text(dockerfile)
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), str(file)], text=True, capture_output=True, check=False
    )
    return done.stdout + done.stderr
