"""`DockerSettings` as images: one for each variable, and one for each step with settings of its own."""

from __future__ import annotations

from imgc.importing.draft import Block
from imgc.importing.names import image_name
from imgc.importing.python.arguments import Importing
from imgc.importing.python.flow import written_if_empty
from imgc.importing.python.statements import Program
from imgc.importing.python.values import Call, Value
from imgc.importing.zenml.docker import docker_image
from imgc.importing.zenml.settings import Settings, merged

_DEFAULT = "default"


class Images:
    def __init__(self, importing: Importing, followed: Program) -> None:
        self.importing = importing
        self.followed = followed
        self.names: dict[tuple[int, ...], str] = {}
        """The names of images, by the ids of the settings they are made of."""
        self.pipeline: list[Call] = []
        self.used: set[int] = set()
        """Settings that are in an image of a pipeline or a step."""

    def of_pipeline(self, settings: Settings) -> None:
        """Gives the pipeline its image; one of defaults where it has no settings."""
        self.pipeline = settings.docker
        block = self.importing.made.pipeline
        line = settings.docker[-1].line if settings.docker else settings.arguments.line
        block.set("image", self._name(settings.docker, _DEFAULT, line), self.importing.span(line))

    def of_step(self, settings: Settings, step: str, block: Block) -> None:
        """Gives a step an image where it has settings of its own."""
        if settings.docker:
            name = self._name([*self.pipeline, *settings.docker], step, settings.docker[-1].line)
            block.set("image", name, self.importing.span(settings.docker[-1].line))

    def _name(self, calls: list[Call], otherwise: str, line: int) -> str:
        key = tuple(map(id, calls))
        if key not in self.names:
            self.used |= set(key)
            variable = self.followed.variables.get(id(calls[-1]), "") if calls else ""
            name = image_name(variable or otherwise, self.names.values())
            self.names[key] = name
            block = self.importing.made.images.block(name, self.importing.span(line))
            block.inline = False
            whole = merged(calls) if calls else Call(None, [], {}, line, "")
            docker_image(self.importing, whole, block, self.followed.modules)
        return self.names[key]

    def rest(self) -> None:
        """The settings that no pipeline and no step of this file has."""
        for event in self.followed.events:
            call = event.target
            if event.kind == "call" and is_docker(call) and id(call) not in self.used:
                name = image_name(self.followed.variables.get(id(call), "image"), self.names.values())
                self.names[(id(call),)] = name
                block = self.importing.made.images.block(name, self.importing.span(call.line))
                block.inline = False
                docker_image(self.importing, call, block, None)
        for name in self.names.values():
            written_if_empty(self.importing.made.images, name)


def is_docker(value: Value) -> bool:
    return (
        isinstance(value, Call) and value.name.startswith("zenml.") and value.name.endswith(".DockerSettings")
    )
