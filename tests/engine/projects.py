"""A project to build and run on a real engine, with names that no other has, and nothing left of it after."""

from __future__ import annotations

import io
import json
import tarfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import plans
import pytest

from imgc_engine import api
from imgc_engine.events import Event, ImageOutput, NodeChanged, NodeOutput


@dataclass
class Project:
    """A folder with a pipeline, its compiled Dockerfiles, and images of names that nobody else has."""

    root: Path
    client: Any
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    on_output: Callable[[], None] | None = None
    by_docker: bool = False
    """Whether images without settings of their own are left to the `docker` program: a label does it."""

    def image(self, name: str, dockerfile: str, **settings: Any) -> str:
        """Add an image; its reference. `{NAME}` in the text is the reference of an earlier image."""
        if self.by_docker:
            settings.setdefault("build", plans.build(options={"label": ["by=docker"]}))
        text = dockerfile.format_map({other: image["reference"] for other, image in self.images.items()})
        path = Path("images", name, "Dockerfile")
        (self.root / "compiled" / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / "compiled" / path).write_text(text)
        content = uuid.uuid5(uuid.NAMESPACE_URL, self.id + text + repr(settings)).hex * 2
        tag = settings.pop("tag", content[:20])
        reference = settings.pop("reference", f"imgc-test/{self.id}-{name}:{tag}")
        self.images[name] = plans.image(
            reference, dockerfile=str(path), tag=tag, content=f"sha256:{content}", **settings
        )
        return reference

    def map(self, name: str, *lines: tuple[int, int, str, str, int | None, int]) -> None:
        """The source map of an image: line, end_line, stage, instruction, step, and the line of the YAML."""
        keys = ("line", "end_line", "stage", "instruction", "step", "yaml_line")
        rows = [
            {**dict(zip(keys, line, strict=True)), "file": "pipeline.yaml", "yaml_column": 5, "key": "x"}
            for line in lines
        ]
        path = self.root / "compiled/images" / name / "Dockerfile.map.json"
        path.write_text(json.dumps({"version": 1, "file": "Dockerfile", "lines": rows}))

    def build(self, *names: str, **options: Any) -> api.Result:
        self.events.clear()
        plan = plans.plan(images=self.images, secrets=self.secrets)
        return api.build(plan, self.root / "compiled", self.root, names, listener=self.hear, **options)

    def run(self, tree: dict[str, Any], *nodes: str, **options: Any) -> api.Result:
        self.events.clear()
        images = self.images or None
        plan = plans.plan(tree, images=images, secrets=self.secrets)
        result = api.run(plan, self.root / "compiled", self.root, nodes, listener=self.hear, **options)
        if result.run:
            assert self.containers(result.run) == [], "a container is left"
        return result

    def containers(self, run: str) -> list[Any]:
        return list(self.client.containers.list(all=True, filters={"label": f"imgc.run={run}"}))

    @property
    def nodes(self) -> dict[str, str]:
        """The last state of each node."""
        return {event.path: event.state for event in self.events if isinstance(event, NodeChanged)}

    def printed(self, path: str) -> bytes:
        """All that a node wrote."""
        outputs = [event for event in self.events if isinstance(event, NodeOutput) and event.path == path]
        return b"".join(event.data for event in outputs)

    def hear(self, event: Event) -> None:
        self.events.append(event)
        if self.on_output and isinstance(event, ImageOutput | NodeOutput):
            self.on_output()

    def states(self, result: api.Result) -> dict[str, str]:
        return {name: outcome.state for name, outcome in result.images.items()}

    def output(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, ImageOutput)]

    def file(self, reference: str, path: str) -> str:
        """A file's text in the image."""
        (content,) = [data for _, data in self.taken(reference, path) if data is not None]
        return content.decode()

    def taken(self, reference: str, path: str) -> list[tuple[tarfile.TarInfo, bytes | None]]:
        """What is at a path of the image, files with their bytes. Nothing runs for it: what a container has
        printed does not always arrive with `containers.run` on a busy machine."""
        api = self.client.api
        container = api.create_container(reference, ["true"])["Id"]
        try:
            pieces, _ = api.get_archive(container, path)
            with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
                opened = [
                    (member, archive.extractfile(member) if member.isreg() else None) for member in archive
                ]
                return [(member, file.read() if file else None) for member, file in opened]
        finally:
            api.remove_container(container, force=True)


def tags_with(client: Any, text: str) -> list[str]:
    """Of the engine's images, the latest first. `images.list` asks for each, and others remove theirs meanwhile."""
    return [tag for image in client.api.images() for tag in image["RepoTags"] or () if text in tag]


def remove_images(client: Any, text: str) -> None:
    for tag in tags_with(client, text):
        client.images.remove(tag, force=True)


@contextmanager
def project_on(engine: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """`engine` is one of conftest's."""
    for name in ("DOCKER_HOST", "DOCKER_CONFIG", "PATH"):
        monkeypatch.setenv(name, engine.env[name])
    made = Project(root, engine.client)
    yield made
    remove_images(engine.client, made.id)
