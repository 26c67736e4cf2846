"""The systems side by side: each can make its image of the project, again and again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from pathlib import Path

import harness
from place import IMGC, Place
from project import BASE, packages, write_code, write_pipeline

GENERATORS = Path(__file__).resolve().parent / "generators"
RELEASES = {"flyte": "2.12.1", "zenml": "0.98.0", "conducto": "0.1.28"}

CAPTURE = """#!/bin/sh
for last; do :; done
cp -a "$last" "$BENCH_CAPTURE"
"""


class System(ABC):
    """A system with a folder of its own, which holds the project. `reference` is the image it makes."""

    name: str

    def __init__(self, place: Place, root: Path) -> None:
        self.place = place
        self.folder = root / type(self).__name__.lower()
        self.reference = f"bench/{self.folder.name}"
        self.write("first")
        self.require("")

    @property
    def code(self) -> Path:
        """The folder whose main.py comes into the image."""
        return self.folder / "app"

    def write(self, word: str) -> None:
        """Edits the line of code."""
        write_code(self.code, word)

    @abstractmethod
    def require(self, more: str) -> None:
        """Has one more package in the image. What a rival does for it is not timed."""

    @abstractmethod
    def build(self, *, cold: bool = False) -> float:
        """Seconds."""

    def argv(self) -> list[str]:
        """Runs main.py in the image."""
        return ["docker", "run", "--rm", self.reference, "python", "-u", "main.py"]

    def _docker(self, dockerfile: str, context: Path, reference: str, cold: bool) -> float:
        flags = ["--no-cache"] if cold else []
        argv = ["docker", "build", "--quiet", *flags, "--tag", reference, "--file", "-", str(context)]
        if "\n" not in dockerfile:
            argv[argv.index("-")] = dockerfile
            return self.place.seconds(argv, self.folder)
        return self.place.seconds(argv, self.folder, dockerfile)


class Imgc(System):
    """`imgc build`, the whole command."""

    name = "imgc build"

    def require(self, more: str) -> None:
        write_pipeline(self.folder, "bench-imgc", more)

    def build(self, *, cold: bool = False) -> float:
        return self.place.seconds([IMGC, "build", *(["--no-cache"] if cold else [])], self.folder)

    @property
    def image(self) -> str:
        """The reference holds a hash of the content."""
        plan = json.loads((self.folder / ".imgc" / "compiled" / "plan.json").read_text())
        return str(plan["images"]["app"]["reference"])


class Plain(System):
    """What imgc compiles, built by docker alone. The compile is not timed."""

    name = "imgc's Dockerfile, docker build"

    def require(self, more: str) -> None:
        write_pipeline(self.folder, "bench-plain", more)
        self.place.seconds([IMGC, "compile"], self.folder)

    def build(self, *, cold: bool = False) -> float:
        return self._docker("compiled/images/app/Dockerfile", self.folder, self.reference, cold)


class Flyte(System):
    name = "Flyte"

    def require(self, more: str) -> None:
        context, tools = self.folder / "context", self.folder / "tools"
        shutil.rmtree(context, ignore_errors=True)
        tools.mkdir(exist_ok=True)
        (tools / "docker").write_text(CAPTURE)
        (tools / "docker").chmod(0o755)
        write_code(self.folder / "app", "first")
        variables = {
            "BENCH_CAPTURE": str(context),
            "FLYTE_DOCKER_BUILDKIT_BUILDER_NAME": "bench",
            "PATH": f"{tools}:{self.place.env['PATH']}",
        }
        _generate("flyte", packages(more), self, variables)
        first, _, rest = (context / "Dockerfile").read_text().partition("\n")
        assert first.startswith("# syntax="), first  # a frontend from a hub; the engine's own knows all of it
        (context / "Dockerfile").write_text(rest)

    @property
    def code(self) -> Path:
        copied = self.folder / "context" / "app"  # flyte copies it there at each build, which is not timed
        return copied if copied.exists() else self.folder / "app"

    def build(self, *, cold: bool = False) -> float:
        return self._docker("context/Dockerfile", self.folder / "context", self.reference, cold)

    def argv(self) -> list[str]:
        return [*super().argv()[:-1], "app/main.py"]


class Zenml(System):
    name = "ZenML"

    def require(self, more: str) -> None:
        made = json.loads(_generate("zenml", (BASE, *packages(more)), self, {"ZENML_ANALYTICS_OPT_IN": "0"}))
        (self.folder / "Dockerfile").write_text(made["dockerfile"])
        for name, content in made["files"].items():
            (self.code / name).write_text(content)

    def build(self, *, cold: bool = False) -> float:
        return self._docker("Dockerfile", self.code, self.reference, cold)


class Conducto(System):
    """Two builds: one installs, one copies. Its last one, which adds its worker from a hub, is left out."""

    name = "Conducto"

    def require(self, more: str) -> None:
        self.stages = json.loads(
            _generate("conducto", (BASE, f"{self.reference}-installed", *packages(more)), self, {})
        )

    def build(self, *, cold: bool = False) -> float:
        empty = self.folder / "empty"
        empty.mkdir(exist_ok=True)
        return self._docker(
            self.stages["install"], empty, f"{self.reference}-installed", cold
        ) + self._docker(self.stages["copy"], self.code, self.reference, cold)


SYSTEMS: tuple[type[System], ...] = (Imgc, Plain, Flyte, Zenml, Conducto)
RIVALS = (Flyte, Zenml, Conducto)


def _generate(name: str, arguments: tuple[str, ...], system: System, variables: dict[str, str]) -> str:
    """What the generator prints, run by a Python that has the rival."""
    env = {**system.place.env, "HOME": str(system.folder / "home"), **variables}
    done = subprocess.run(
        [_python(name), GENERATORS / f"of_{name}.py", *arguments],
        cwd=system.folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name} generated nothing:\n{done.stderr[-3000:]}")
    return done.stdout.splitlines()[-1] if done.stdout else ""


def _python(name: str) -> Path:
    """Of a virtual environment with that rival and nothing else, made when it is missing."""
    folder = harness.cache_folder() / "bench-venvs" / f"{name}-{RELEASES[name]}"
    done = folder / "done"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"installing {name} {RELEASES[name]}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = ["-m", "pip", "install", "--quiet", f"{name}=={RELEASES[name]}"]
        subprocess.run([folder / "bin" / "python", *install], check=True)
        done.touch()
    return folder / "bin" / "python"
