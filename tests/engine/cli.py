"""The command line against a real engine: a folder with a pipeline of a name that no other has."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from projects import remove_images, tags_with


@dataclass
class Pipeline:
    """`env` is what commands get; `name` is that of the pipeline, and begins each of its images' names."""

    engine: Any
    folder: Path
    env: dict[str, str]
    name: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:12]}")

    def write(self, text: str) -> None:
        """The pipeline file, without its first two lines."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "pipeline.yaml").write_text(f"version: 1\nname: {self.name}\n{text}")

    def start(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "imgc.cli.main", *words], cwd=self.folder, env={**self.env, **(env or {})},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def imgc(self, *words: str, code: int = 0, env: Mapping[str, str] | None = None) -> str:
        """What it said; it must have ended with this code."""
        process = self.start(*words, env=env)
        said, _ = process.communicate(timeout=300)
        assert process.returncode == code, said
        return said

    def reference(self, image: str) -> str:
        """Of an image on the engine: the latest of its name."""
        return tags_with(self.engine.client, f"{self.name}/{image}:")[0]

    def run(self, image: str, *command: str) -> str:
        ran: bytes = self.engine.client.containers.run(self.reference(image), list(command), remove=True)
        return ran.decode()


@contextmanager
def pipeline_on(engine: Any, folder: Path) -> Iterator[Pipeline]:
    """`engine` is one of conftest's."""
    cache = str(folder.parent / "cache")
    made = Pipeline(engine, folder, {**engine.env, "XDG_CACHE_HOME": cache, "GIT_CONFIG_GLOBAL": "/dev/null"})
    yield made
    remove_images(engine.client, made.name)


def planted_in(pipeline: Pipeline, image: str, *secrets: bytes) -> list[str]:
    """Where a secret can be found that should be nowhere: in the image, its history, or what imgc keeps."""
    client = pipeline.engine.client
    found = client.images.get(pipeline.reference(image))
    places = {"image": b"".join(found.save()), "history": repr((found.history(), found.attrs)).encode()}
    for path in pipeline.folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            places[str(path)] = path.read_bytes()
    cache = Path(pipeline.env["XDG_CACHE_HOME"])
    places |= {str(path): path.read_bytes() for path in cache.rglob("*") if path.is_file()}
    return [place for place, data in places.items() if any(secret in data for secret in secrets)]
