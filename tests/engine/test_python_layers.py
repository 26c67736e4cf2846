"""Python layers, built for real: on the engine, with packages from the index that this machine uses."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import docker.errors
import pytest
from servers import gateway, private_index, wheel

from imgc.layers.facts import BaseFacts
from imgc.model.image import PipOptions
from python_layers import DEBIAN, PYTHON, UNKNOWN, Kit

DATA = Path(__file__).parent / "python_projects"
WHERE = "import {0}, os; print(os.path.dirname({0}.__file__))"


class Builder:
    """Builds what a kit has written, and runs commands in it."""

    def __init__(self, engine, kit: Kit) -> None:
        self.engine, self.kit = engine, kit
        self.tags: list[str] = []
        self.log = ""

    def build(
        self, text: str, facts: BaseFacts = PYTHON, base: str = "python:3.11-slim", *, secrets=(), **fields
    ) -> str:
        assert not self.kit.findings
        file = self.kit.save(text, facts, base, **fields)
        assert not self.kit.findings, self.kit.findings
        tag = f"imgc-test/python:{uuid.uuid4().hex[:12]}"
        self.tags.append(tag)
        words = [word for secret in secrets for word in ("--secret", secret)]
        command = [
            "docker",
            "build",
            "--progress=plain",
            *words,
            "--tag",
            tag,
            "--file",
            str(file),
            str(self.kit.folder),
        ]
        env = {**self.engine.env, "DOCKER_BUILDKIT": "1"}
        done = subprocess.run(command, env=env, text=True, capture_output=True, check=False)
        self.log = done.stdout + done.stderr
        assert done.returncode == 0, f"{file.read_text()}\n{self.log[-6000:]}"
        return tag

    def run(self, tag: str, *command: str) -> str:
        return self.engine.client.containers.run(tag, list(command), remove=True, init=True).decode().strip()

    def python(self, tag: str, code: str) -> str:
        return self.run(tag, "python3", "-c", code)

    def remove(self) -> None:
        for tag in self.tags:
            with suppress(docker.errors.ImageNotFound):
                self.engine.client.images.remove(tag, force=True)


@pytest.fixture
def builder(engine, tmp_path: Path) -> Iterator[Builder]:
    folder = tmp_path / "project"
    folder.mkdir()
    made = Builder(engine, Kit(folder))
    yield made
    made.remove()


@pytest.fixture(scope="session")
def uv_project(engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The uv project of the tests with a lock, made here: it names the index of the machine."""
    folder = tmp_path_factory.mktemp("uv") / "app"
    shutil.copytree(DATA / "uv", folder)
    script = "python3 -m pip install -q uv && uv lock --project /app"
    engine.client.containers.run(
        "python:3.11-slim", ["sh", "-c", script], volumes={str(folder): {"bind": "/app"}}, remove=True
    )
    return folder


def left_behind(builder: Builder, tag: str) -> str:
    """Files of the installers and of what was mounted, where none should be."""
    files = "find /tmp /root/.cache /run/secrets /opt/uv -type f -size +0 2>/dev/null"
    return builder.run(tag, "sh", "-c", f"{files}; command -v uv uvx poetry || true")


def test_uv_installs_into_the_bases_own_python(builder):
    tag = builder.build('pip_packages: ["six>=1.16", "idna<4"]')
    assert "/usr/local/lib/python3.11" in builder.python(tag, WHERE.format("six"))
    assert left_behind(builder, tag) == ""


def test_pip_installs_into_the_bases_own_python(builder):
    tag = builder.build('pip_packages: ["six>=1.16"]\npip: {installer: pip}')
    assert "/usr/local/lib/python3.11" in builder.python(tag, WHERE.format("six"))
    assert left_behind(builder, tag) == ""


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_debian_without_python_gets_a_virtual_environment(builder, installer):
    """The system's Python comes with the image's system packages, which are another layer's work."""
    base = prepared(
        builder,
        "debian:bookworm-slim",
        "apt-get update && apt-get install -y --no-install-recommends python3 python3-venv",
    )
    tag = builder.build(f"pip_packages: [six]\npip: {{installer: {installer}}}", DEBIAN, base)
    assert builder.python(tag, WHERE.format("six")).startswith("/opt/venv/lib/python3")
    assert builder.run(tag, "pip", "--version").split()[3].startswith("/opt/venv/")


def test_a_managed_python_is_left_alone(builder):
    base = prepared(
        builder,
        "debian:bookworm-slim",
        "apt-get update && apt-get install -y --no-install-recommends python3 python3-venv",
    )
    facts = BaseFacts("debian", "apt", "root", True, "3.11", True)
    tag = builder.build("pip_packages: [six]", facts, base)
    assert builder.python(tag, WHERE.format("six")).startswith("/opt/venv/lib/python3")


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_of_an_unknown_base_without_python_the_build_finds_out(builder, installer):
    tag = builder.build(
        f"pip_packages: [six]\npip: {{installer: {installer}}}", UNKNOWN, "debian:bookworm-slim"
    )
    assert builder.python(tag, WHERE.format("six")).startswith("/opt/venv/lib/python3")


def test_an_unknown_distribution_without_python_fails_with_a_sentence(builder):
    with pytest.raises(AssertionError):
        builder.build("pip_packages: [six]\npip: {installer: pip}", UNKNOWN, "imgc-test/unknown:1")
    assert "imgc: no package manager is known for" in builder.log


def test_an_unknown_base_with_packages_of_its_own_keeps_them_and_they_count(builder):
    base = prepared(builder, "python:3.11-slim", "python3 -m pip install --no-cache-dir idna==3.4")
    tag = builder.build('pip_packages: [six, "idna>=3"]', UNKNOWN, base)
    assert builder.python(tag, "import six, idna; print(idna.__version__)") == "3.4"
    assert builder.run(tag, "ls", "/opt") == ""


def test_an_unknown_base_whose_python_is_a_virtual_environment_gets_packages_there(builder):
    base = prepared(
        builder, "python:3.11-slim", "python3 -m venv /app/venv", env={"PATH": "/app/venv/bin:$PATH"}
    )
    tag = builder.build("pip_packages: [six]", UNKNOWN, base)
    assert builder.python(tag, WHERE.format("six")).startswith("/app/venv/")


def test_an_unknown_base_with_a_managed_python_gets_a_virtual_environment_that_sees_its_packages(builder):
    setup = "apt-get update && apt-get install -y --no-install-recommends python3 python3-idna"
    base = prepared(builder, "debian:bookworm-slim", setup)
    tag = builder.build("pip_packages: [six]", UNKNOWN, base)
    assert builder.python(tag, WHERE.format("six")).startswith("/opt/venv/")
    assert builder.python(tag, WHERE.format("idna")).startswith("/usr/lib/python3")


def test_requirements_are_mounted_with_what_they_include(builder):
    kit = builder.kit
    kit.file("reqs/all.txt", "-r deep/base.txt\n-c ../pins.txt\nidna  # a comment\n")
    kit.file("reqs/deep/base.txt", "six>=1.16\n")
    kit.file("pins.txt", "idna==3.4\n")
    tag = builder.build("requirements: [reqs/all.txt]")
    assert builder.python(tag, "import six, idna; print(idna.__version__)") == "3.4"
    assert left_behind(builder, tag) == ""
    kit.file("code.py", "changed = True\n")
    builder.build("requirements: [reqs/all.txt]")
    assert builder.log.count("CACHED") >= 2  # editing code reinstalls nothing


def test_requirements_with_names_that_mounts_cannot_have(builder):
    builder.kit.file("my réqs/all [dev].txt", "-r 'base, too.txt'\nsix\n")
    builder.kit.file("my réqs/base, too.txt", "idna\n")
    tag = builder.build("requirements: 'my réqs/all [dev].txt'")
    builder.python(tag, "import six, idna")
    assert left_behind(builder, tag) == ""


def test_local_projects_and_wheels_leave_only_what_they_install(builder):
    kit = builder.kit
    shutil.copytree(DATA / "uv/libs/helper", kit.folder / "lib")
    (kit.folder / "dist").mkdir()
    (kit.folder / "dist/private_package-1.0-py3-none-any.whl").write_bytes(wheel())
    tag = builder.build("pip_packages: [./lib, ./dist/private_package-1.0-py3-none-any.whl]")
    builder.python(tag, "import helper, private_package")
    assert left_behind(builder, tag) == ""
    assert sorted(path.name for path in (kit.folder / "lib").iterdir()) == ["helper", "pyproject.toml"]


@pytest.mark.parametrize("mode", ["dependencies_only", "install_project"])
def test_uv_project(builder, uv_project, mode):
    shutil.copytree(uv_project, builder.kit.folder / "app")
    tag = builder.build(f"uv_project: {{pyproject: app, mode: {mode}}}\npip_packages: [iniconfig]")
    packages = installed(builder, tag)
    assert packages["six"] == "1.17.0"
    assert packages["helper"] == "0.2"
    assert ("uvdemo" in packages) == (mode == "install_project")
    assert "packaging" not in packages  # of the group for development
    assert "iniconfig" in packages
    if mode == "install_project":
        assert builder.run(tag, "uvdemo") == "six 1.17.0"
    assert left_behind(builder, tag) == ""


def test_uv_project_in_a_virtual_environment(builder, uv_project):
    shutil.copytree(uv_project, builder.kit.folder / "app")
    tag = builder.build(
        "uv_project: {pyproject: app/pyproject.toml, extra_args: --group dev}",
        UNKNOWN,
        "debian:bookworm-slim",
    )
    assert builder.python(tag, WHERE.format("six")).startswith("/opt/venv/")
    assert "packaging" in installed(builder, tag)


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_poetry_project(builder, installer):
    shutil.copytree(DATA / "poetry", builder.kit.folder / "app")
    text = f"poetry_project: {{pyproject: app, mode: install_project, installer: {installer}}}"
    tag = builder.build(text)
    packages = installed(builder, tag)
    assert packages["six"] == "1.17.0"
    assert packages["helper"] == "0.2"
    assert "poetrydemo" in packages
    assert not {"poetry", "iniconfig"} & set(packages)
    assert left_behind(builder, tag) == ""


def test_local_project_install_has_uv_where_it_is_used(builder):
    shutil.copytree(DATA / "uv/libs/helper", builder.kit.folder / "helper")
    kit = builder.kit
    text = "local_project_install: uv pip install /src"
    kit.save(text)
    file = kit.folder / "Dockerfile"
    written = file.read_text().replace("AS etl\n", "AS etl\nCOPY helper /src\n")
    kit.save = lambda *_args, **_fields: (file.write_text(written), file)[1]
    tag = builder.build(text)
    assert installed(builder, tag)["helper"] == "0.2"
    assert "uv" not in installed(builder, tag)


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_private_index_and_its_password_which_is_nowhere(builder, installer):
    password = "s3cret'pass$word\"%41&x y"
    (builder.kit.folder.parent / "password").write_text(password + "\n")
    with private_index(gateway(builder.engine), "robot", password) as address:
        trusted = f", extra_args: [--trusted-host, {address.partition(':')[0]}]" if installer == "pip" else ""
        text = (
            "pip_packages: [private-package]\n"
            f"pip: {{installer: {installer}{trusted}, index_url: "
            f"{{url: 'http://{address}/simple', username: robot, password: token}}}}"
        )
        secret = f"id=token,src={builder.kit.folder.parent}/password"
        # a layer's own options: the throw-away stage of uv goes by the image's, and this index has no uv
        tag = builder.build(text, secrets=[secret], image_pip=PipOptions())
    assert installed(builder, tag)["private-package"] == "1.0"
    assert "Unauthorized" not in builder.log
    assert password not in builder.log
    archive = b"".join(builder.engine.client.images.get(tag).save())
    for form in (password, "s3cret"):
        assert form.encode() not in archive
    history = builder.engine.client.images.get(tag).history()
    assert "s3cret" not in str(history)


def prepared(builder: Builder, base: str, command: str, env: dict[str, str] | None = None) -> str:
    """A base image with something done in it."""
    tag = f"imgc-test/prepared:{uuid.uuid4().hex[:12]}"
    builder.tags.append(tag)
    lines = [
        f"FROM {base}",
        f"RUN {command}",
        *(f"ENV {name}={value}" for name, value in (env or {}).items()),
    ]
    environment = {**builder.engine.env, "DOCKER_BUILDKIT": "1"}
    done = subprocess.run(
        ["docker", "build", "--tag", tag, "-"],
        input="\n".join(lines),
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return tag


def installed(builder: Builder, tag: str) -> dict[str, str]:
    """Names and versions of the installed packages."""
    script = (
        "import importlib.metadata as m\nfor d in m.distributions(): print(d.metadata['Name'], d.version)"
    )
    return dict(line.split() for line in builder.python(tag, script).splitlines())
