"""Where the images are made: an engine of the benchmark's own, whose cache may be emptied at will."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BENCH.parent / "tests" / "engine"))

import harness  # noqa: E402
from harness.releases import newer_release  # noqa: E402

IMGC = Path(sys.executable).with_name("imgc")
UV = "ghcr.io/astral-sh/uv:0.13.4"
"""Flyte takes uv from this image. No hub can be reached from here, so it is made of PyPI's uv, beforehand."""


@dataclass(frozen=True, slots=True)
class Place:
    engine: harness.Engine
    env: Mapping[str, str]
    """For programs that shall use the engine."""

    def seconds(self, argv: Sequence[str | Path], folder: Path, stdin: str = "") -> float:
        """Wall time of a command; RuntimeError, with what it wrote, when it fails."""
        begin = time.monotonic()
        done = subprocess.run(
            [str(word) for word in argv],
            cwd=folder,
            env=dict(self.env),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        took = time.monotonic() - begin
        if done.returncode:
            raise RuntimeError(f"{argv}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return took

    def forget(self) -> None:
        """Leaves no build cache and no cache mounts. The engine is ours alone."""
        self.engine.docker("builder", "prune", "--all", "--force")

    def clear(self) -> None:
        """Leaves no image that was measured: they would fill the disk."""
        names = self.engine.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
        if mine := [name for name in names if name.startswith(("bench", "watch-"))]:
            self.engine.docker("image", "rm", "--force", *mine)
        self.engine.docker("image", "prune", "--force")
        self.forget()

    def about(self, rounds: int) -> list[str]:
        """Lines on the circumstances."""
        load, today = os.getloadavg()[0], datetime.now(UTC).date()
        engine = f"Docker {(self.engine.version() or '').partition('+')[0]}"
        return [f"{engine}, {os.cpu_count()} CPUs, load {load:.1f}, {today}, medians of {rounds} rounds:", ""]

    def size(self, reference: str) -> float:
        """In MB, as `docker images` counts."""
        return int(self.engine.docker("image", "inspect", "--format", "{{.Size}}", reference)) / 1e6


@contextmanager
def place(release: str) -> Iterator[Place]:
    """The engine is up inside, with base images. `release`: installed or 28."""
    cache = harness.cache_folder()
    if release == "28":
        options = {"features": {"containerd-snapshotter": True}}
        engine = harness.Engine(newer_release(cache), cache / "bench-engine-28", options)
    else:
        engine = harness.Engine(harness.installed_release(), cache / "bench-engine")
    with harness.lease(engine):
        harness.base_images(engine, cache)
        if not engine.docker("image", "ls", "--quiet", UV):
            _make_uv(engine)
        where = Place(engine, _environment(engine, cache))
        try:
            yield where
        finally:
            where.clear()


def _make_uv(engine: harness.Engine) -> None:
    version = UV.rpartition(":")[2]
    text = (
        f"FROM python:3.11-slim AS wheel\nRUN pip install --no-cache-dir --target /wheel uv=={version}\n"
        "FROM scratch\nCOPY --from=wheel /wheel/bin/uv /wheel/bin/uvx /\n"
    )
    engine.docker("build", "--tag", UV, "-", stdin=text.encode())


def _environment(engine: harness.Engine, cache: Path) -> dict[str, str]:
    """imgc as it is once installed: with compiled modules, which a checkout may be forbidden to keep."""
    mine = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return mine | engine.variables() | {
        "DOCKER_BUILDKIT": "1",
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        "PYTHONPYCACHEPREFIX": str(cache / "bench-bytecode"),
    }  # fmt: skip
