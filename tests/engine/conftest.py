"""Fixtures for tests on a real engine. IMGC_TEST_ENGINE=0 leaves the whole folder out.

A test that takes an engine (or a fixture that does) carries the marker `engine` without saying so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))  # for `harness`: pytest runs with --import-mode=importlib

import harness  # noqa: E402

ENGINES = {"engine", "newer_engine", "any_engine"}
WITHOUT_ENGINE = os.environ.get("IMGC_TEST_ENGINE") == "0"


@dataclass(frozen=True, slots=True)
class RealEngine:
    env: dict[str, str]
    """The environment for a program that shall use the engine: all of ours, with DOCKER_HOST and PATH set."""
    cli: Path
    """The `docker` of the engine's release; the first one on env's PATH."""
    client: docker.DockerClient
    images: tuple[str, ...]
    """The base images, ready to be used in FROM."""


@pytest.fixture(scope="session")
def engine() -> Iterator[RealEngine]:
    """The shared engine with its base images. What a test makes on it, the test removes."""
    with _leased("installed") as real:
        yield real


@pytest.fixture(scope="session")
def newer_engine() -> Iterator[RealEngine]:
    """Docker 28 with buildx and containerd's image store, shared and filled as `engine` is."""
    with _leased("28") as real:
        yield real


@pytest.fixture(params=["engine", "newer_engine"])
def any_engine(request: pytest.FixtureRequest) -> RealEngine:
    """One after the other: for what must hold on both."""
    real: RealEngine = request.getfixturevalue(request.param)
    return real


@pytest.fixture(scope="session")
def compose_program() -> Path:
    """Docker Compose, as a program of its own."""
    return harness.compose_program(harness.cache_folder())


DEVCONTAINER = "@devcontainers/cli@0.89.0"


@pytest.fixture(scope="session")
def devcontainer_program() -> Path:
    """The reference program of devcontainer.json, which editors use too."""
    folder = harness.cache_folder() / "devcontainer-0.89.0"
    program = folder / "node_modules/.bin/devcontainer"
    if not program.exists():
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
        subprocess.run([*command, DEVCONTAINER], check=True, timeout=300)
    return program


@contextmanager
def _leased(release: str) -> Iterator[RealEngine]:
    shared = harness.shared_engine(release)
    with harness.lease(shared):
        images = harness.base_images(shared, harness.cache_folder())
        client = docker.DockerClient(base_url=shared.host, timeout=120)
        yield RealEngine({**os.environ, **shared.variables()}, shared.cli, client, tuple(images))
        client.close()


@pytest.fixture
def own_engine(engine: RealEngine, tmp_path: Path) -> Iterator[harness.Engine]:
    """An engine for one test, to be killed, stopped and filled up. It has busybox:1.35 and nothing else."""
    own = harness.Engine(harness.installed_release(), tmp_path / "engine")
    try:
        own.start()
        own.docker(
            "load", stdin=b"".join(engine.client.images.get("busybox:1.35").save(named="busybox:1.35"))
        )
        yield own
    finally:
        own.stop()
        shutil.rmtree(own.root)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.Registry]:
    """A registry that anyone may push to; tests of logins and faults start their own (harness.registry)."""
    with harness.registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marker
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ours = [item for item in items if item.path.is_relative_to(HERE)]
    if WITHOUT_ENGINE and ours:
        items[:] = [item for item in items if item not in ours]
        config.hook.pytest_deselected(items=ours)
    for item in ours:
        if ENGINES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("engine")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if WITHOUT_ENGINE:
        terminalreporter.write_line(
            "IMGC_TEST_ENGINE=0: the tests in tests/engine were not run.", yellow=True
        )
