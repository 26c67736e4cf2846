"""Layers from YAML text, and the Dockerfile that they write."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from imgc.context.project import Project
from imgc.diagnostics import Diagnostic
from imgc.dockerfile.writer import write
from imgc.document.document import load
from imgc.instructions.types import From, Stage, Step
from imgc.layers.facts import BaseFacts
from imgc.layers.kind import Layer, Reading, Written
from imgc.layers.python import conda, local_install, poetry_project, replicate, requirements, uv_project
from imgc.layers.python.kinds import project_install_layers
from imgc.layers.python.options import read_pip
from imgc.layers.recipe import Recipe
from imgc.lock.lock import LockedEnvironment
from imgc.model.image import PipOptions
from imgc.model.secrets import secret_uses

PYTHON = BaseFacts("debian", "apt", "root", True, "3.11", False, source="the table of well-known bases")
DEBIAN = BaseFacts("debian", "apt", "root", True, "", source="the table of well-known bases")
MANAGED = BaseFacts(
    "debian",
    "apt",
    "node",
    True,
    "3.11",
    True,
    source="the lock",
    users=(("node", "1000:1000"), ("root", "0:0")),
)
UNKNOWN = BaseFacts()


KINDS = (
    replicate.KIND,
    uv_project.KIND,
    poetry_project.KIND,
    *requirements.KINDS,
    *conda.KINDS,
    local_install.KIND,
)


@dataclass
class Kit:
    """A project folder, and what came of reading and writing layers in it."""

    folder: Path
    findings: list[Diagnostic] = field(default_factory=list)
    pip: PipOptions = field(default_factory=PipOptions)
    recipe: Recipe | None = None

    def file(self, path: str, text: str = "") -> None:
        where = self.folder / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text)

    @property
    def codes(self) -> list[str]:
        return [finding.code for finding in self.findings]

    def read(self, text: str) -> list[Layer]:
        """The layers of an image, `text` being its keys."""
        root = load("pipeline.yaml", text).root
        reading = Reading(Project(self.folder, "pipeline.yaml"), self.findings.append)
        self.pip = pip = read_pip(node, reading) if (node := root.get("pip")) else PipOptions()
        uses = secret_uses(node) if (node := root.get("secrets")) else ()
        layers: list[Layer] = []
        for kind in sorted(KINDS, key=lambda kind: kind.order):
            for key in kind.keys:
                if entry := root.entry(key):
                    layer = kind.read(Written(key, entry.key.span, entry.value, pip, uses, root), reading)
                    layers += [layer] if layer else []
        return layers

    def emit(self, text: str, facts: BaseFacts = PYTHON, base: str = "python:3.11-slim", **fields) -> Recipe:
        layers = self.read(text)
        pip = fields.pop("image_pip", self.pip)
        if "lock" in fields:
            fields["lock"] = LockedEnvironment("pip_freeze", packages=fields["lock"])
        self.recipe = Recipe("etl", base, facts, self.findings.append, user=facts.user, pip=pip, **fields)
        for layer in (*layers, *project_install_layers(layers)):
            layer.emit(self.recipe)
        self.recipe.become("")
        return self.recipe

    def dockerfile(
        self, text: str, facts: BaseFacts = PYTHON, base: str = "python:3.11-slim", **fields
    ) -> str:
        recipe = self.emit(text, facts, base, **fields)
        final = Stage("etl", (Step(From(base, "etl")), *recipe.steps))
        return write((*recipe.helpers, final), image="etl", file="pipeline.yaml").text

    def save(self, text: str, facts: BaseFacts = PYTHON, base: str = "python:3.11-slim", **fields) -> Path:
        """The Dockerfile in the project folder, which is the build context."""
        file = self.folder / "Dockerfile"
        file.write_text(self.dockerfile(text, facts, base, **fields))
        return file
