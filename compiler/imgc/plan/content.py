"""The content hash of an image: of its finished instructions, the files they take in, and what it stands on.

Names, places, comments and labels that imgc adds take no part; everything that can change a byte of the image does.
"""

from __future__ import annotations

from collections.abc import Sequence

from imgc.instructions.types import From, Instruction, Label, Stage
from imgc.records import names_of
from imgc.resolve.names import digest

TAG_LENGTH = 20
"""Hex digits of a tag: 80 bits."""


def of_stages(
    stages: Sequence[Stage], *, parent: str, files: str, sources: Sequence[object], platforms: Sequence[str]
) -> str:
    """`sha256:…` of a compiled image. `parent` is its parent's content hash, "" on a registry base; `files` is
    the digest of what the context gives; `sources` what is fetched from elsewhere."""
    numbers = {stage.name: f"stage-{number}" for number, stage in enumerate(stages)}
    data = {
        "version": 1,
        "parent": parent,
        "stages": [
            [
                _instruction(step.instruction, numbers, parent)
                for step in stage.steps
                if not _added(step.key, step.instruction)
            ]
            for stage in stages
        ],
        "files": files,
        "sources": list(sources),
        "platforms": list(platforms),
    }
    return f"sha256:{digest(data)}"


def of_dockerfile(text: str, *, files: str, platforms: Sequence[str]) -> str:
    """`sha256:…` of a user's own Dockerfile with its build context."""
    data = {"version": 1, "dockerfile": text, "files": files, "platforms": list(platforms)}
    return f"sha256:{digest(data)}"


def tag(content: str) -> str:
    return content.removeprefix("sha256:")[:TAG_LENGTH]


def _added(key: str, instruction: Instruction) -> bool:
    return key == "" and isinstance(instruction, Label)


def _instruction(instruction: Instruction, numbers: dict[str, str], parent: str) -> list[object]:
    """The instruction as data, with its type, and with stages by number instead of by name."""
    if isinstance(instruction, From):
        reference = "parent" if parent and instruction.reference not in numbers else instruction.reference
        return ["From", numbers.get(instruction.reference, reference)]
    fields: list[object] = [type(instruction).__name__]
    for field in names_of(type(instruction)):
        value = getattr(instruction, field)
        if field == "stage":
            value = numbers.get(value, value)
        if field == "mounts":
            value = [
                [
                    mount.kind,
                    [
                        [name, numbers.get(option, option) if name == "from" else option]
                        for name, option in mount.options
                    ],
                ]
                for mount in value
            ]
        fields.append([field, value])
    return fields
