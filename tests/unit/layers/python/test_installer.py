"""Where packages go on each kind of base, and the Dockerfile of it."""

from __future__ import annotations

import pytest

from imgc.diagnostics import Origin, Span
from imgc.layers.facts import BaseFacts
from imgc.layers.python.brought import emit_python_version
from imgc.layers.python.environment import NOTE, python_need
from imgc.layers.recipe import Recipe
from python_layers import DEBIAN, MANAGED, PYTHON, UNKNOWN, Kit

PACKAGES = 'pip_packages: ["numpy>=1.26", six]'

EXPECTED = """\
# uv pipeline.yaml:1 pip_packages (for uv, which is only mounted in the installs below)
FROM python:3.11-slim AS uv
RUN --mount=type=cache,target=/root/.cache/pip python3 -m pip install --target=/opt/uv uv==0.13.8

FROM python:3.11-slim AS etl
# etl: pipeline.yaml:1 pip_packages
RUN --mount=type=cache,target=/root/.cache/uv \\
    --mount=type=bind,from=uv,source=/opt/uv/bin/uv,target=/tmp/uv \\
    UV_LINK_MODE=copy /tmp/uv pip install --system 'numpy>=1.26' six
"""


def test_the_usual_case_in_full(kit):
    assert kit.dockerfile(PACKAGES) == EXPECTED


BASES = {
    "python": (PYTHON, "python:3.11-slim"),
    "debian": (DEBIAN, "debian:bookworm-slim"),
    "managed": (MANAGED, "node:20-bookworm"),
    "unknown": (UNKNOWN, "ghcr.io/acme/base:1"),
    "alpine": (BaseFacts("alpine", "apk", python="", shell=True, source="x"), "alpine:3.20"),
    "fedora": (BaseFacts("fedora", "dnf", python="3.12", python_managed=True, source="x"), "fedora:40"),
}
LAYERS = {
    "packages": PACKAGES,
    "pip": PACKAGES + "\npip: {installer: pip, extra_index_urls: ['https://a.example/s']}",
    "private": PACKAGES + "\npip: {index_url: {url: 'https://i.example/s', username: me, password: tok}}",
    "private pip": PACKAGES
    + "\npip: {index_url: {url: 'https://i.example/s', username: me, password: tok}, installer: pip}",
    "requirements": "requirements: all.txt",
    "uv_project": "uv_project: {pyproject: app, mode: install_project}",
    "poetry_project": "poetry_project: {pyproject: app, mode: install_project}",
    "local": "local_project_install: uv pip install .\nsecrets: [{secret: a, env: A}]",
    "replicated": "replicate_local_environment: true",
    "secrets": PACKAGES + "\nsecrets: [{secret: a, env: A}, b]",
}


def files(kit: Kit) -> None:
    kit.file("all.txt", "-r base.txt\nidna\n")
    kit.file("base.txt", "six\n")
    kit.file("app/pyproject.toml", '[project]\nname = "app"\nversion = "1"\n[build-system]\nrequires = []\n')
    kit.file("app/uv.lock", 'version = 1\n[[package]]\nname = "app"\nsource = { editable = "." }\n')
    kit.file("app/poetry.lock", '[[package]]\nname = "six"\n')


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("base", BASES)
def test_generated_text_is_clean(kit, hadolint, base, layer):
    files(kit)
    text = kit.dockerfile(LAYERS[layer], *BASES[base], lock=("six==1.17.0", "idna==3.4"))
    assert kit.codes == []
    assert hadolint(text) == ""


def test_a_python_that_belongs_to_the_distribution_is_left_alone(kit):
    for facts, base in (BASES["debian"], BASES["managed"], BASES["fedora"]):
        text = kit.dockerfile(PACKAGES, facts, base)
        assert "RUN python3 -m venv /opt/venv" in text
        assert 'ENV VIRTUAL_ENV=/opt/venv \\\n    PATH="/opt/venv/bin:${PATH}"' in text
        assert "/tmp/uv pip install 'numpy>=1.26' six" in text
        assert "--break-system-packages" not in text


def test_the_environment_is_made_once(kit):
    kit.file("all.txt", "idna\n")
    text = kit.dockerfile(
        "requirements: all.txt\npip_packages: [six]\nlocal_project_install: pip install .", *BASES["debian"]
    )
    assert text.count("-m venv") == 1
    assert text.count("AS uv") == 1


def test_system_packages_that_python_needs(kit):
    layers = kit.read("local_project_install: make install\npip_packages: [six]")
    need = python_need(layers, Recipe("etl", "debian:12", DEBIAN, print))
    assert need is not None
    assert dict(need.packages) == {"": ("python3",), "apt": ("python3", "python3-venv")}
    assert (need.key, need.why) == ("pip_packages", "Python for pip_packages")
    for facts in (PYTHON, UNKNOWN):
        assert python_need(layers, Recipe("etl", "x", facts, print)) is None
    assert python_need(layers[1:], Recipe("etl", "debian:12", DEBIAN, print)) is None


def test_an_image_that_extends_another_uses_its_environment(kit):
    parent = kit.emit(PACKAGES, DEBIAN, "debian:bookworm-slim")
    child = Kit(kit.folder)
    layers = child.read("pip_packages: [idna]")
    assert python_need(layers, Recipe("child", "etl", DEBIAN, print, notes=dict(parent.notes))) is None
    recipe = child.emit("pip_packages: [idna]", DEBIAN, "etl", notes=dict(parent.notes))
    recipe.name = "child"
    child_recipe = Recipe("child", "etl", DEBIAN, child.findings.append, notes=dict(parent.notes))
    layers[0].emit(child_recipe)
    clauses = child_recipe.helpers[0].steps[-1].instruction.clauses
    assert clauses == ("python3 -m pip install --target=/opt/uv uv==0.13.8",)
    assert len(child_recipe.steps) == 1


def test_variables_that_reach_an_index_hold_in_the_stage_of_uv(kit):
    text = kit.dockerfile(
        PACKAGES, env={"HTTPS_PROXY": "http://proxy:3128", "MODE": "prod", "PIP_CERT": "/c.pem"}
    )
    stage = text.partition("AS etl")[0]
    assert "HTTPS_PROXY=http://proxy:3128" in stage
    assert "PIP_CERT=/c.pem" in stage
    assert "MODE" not in stage


def test_an_image_named_uv(kit):
    recipe = kit.emit(PACKAGES)
    named = Recipe("uv", "python:3.11-slim", PYTHON, print)
    kit.read(PACKAGES)[0].emit(named)
    assert [stage.name for stage in recipe.helpers + named.helpers] == ["uv", "uv-tool"]


def test_python_version_beside_a_base(kit):
    recipe = Recipe("etl", "nvidia/cuda:12", BASES["debian"][0], kit.findings.append)
    span = Span(Origin("pipeline.yaml"), 3, 0, 3, 5)
    emit_python_version(recipe, "3.12", "python_version", span)
    kit.read(PACKAGES)[0].emit(recipe)
    clauses = [step.instruction.clauses for step in recipe.steps if hasattr(step.instruction, "clauses")]
    assert clauses[0] == (
        "UV_PYTHON_INSTALL_DIR=/opt/python UV_LINK_MODE=copy "
        "/tmp/uv venv --managed-python --python 3.12 --seed /opt/venv",
    )
    assert clauses[1] == ("UV_LINK_MODE=copy /tmp/uv pip install 'numpy>=1.26' six",)
    assert recipe.env["PATH"] == "/opt/venv/bin:${PATH}"
    assert recipe.notes[NOTE].python == "3.12"


def test_local_install_with_what_it_uses(kit):
    assert "\nRUN make install\n" in kit.dockerfile("local_project_install: make install", *BASES["debian"])
    assert "RUN --mount=type=cache,target=/root/.cache/pip pip install ." in kit.dockerfile(
        "local_project_install: pip install ."
    )
    text = kit.dockerfile("local_project_install: uv pip install .\npip: {pre: true}")
    assert "--mount=type=bind,from=uv,source=/opt/uv/bin,target=/tmp/uv-bin" in text
    for line in ("UV_PRERELEASE=allow", "UV_SYSTEM_PYTHON=1", "UV_LINK_MODE=copy"):
        assert f"export {line}\\n" in text


def test_local_install_in_a_shell_of_another_kind(kit):
    text = kit.dockerfile(
        "local_project_install: pip install .\nsecrets: [{secret: a, env: A}]", shell=("pwsh", "-c")
    )
    assert '["/bin/sh", "-ec"' in text


def test_the_local_environment_needs_the_lock(kit):
    kit.emit("replicate_local_environment: pip_freeze")
    (finding,) = kit.findings
    assert (finding.code, finding.span.place.column) == ("not-locked", 30)
    assert "imgc lock" in finding.text


def test_the_local_environment_from_the_lock(kit):
    text = kit.dockerfile("replicate_local_environment: true", lock=("six==1.17.0", "idna==3.4"))
    assert "--no-deps six==1.17.0 idna==3.4" in text
    assert "pip install" not in kit.dockerfile("replicate_local_environment: false", lock=("six==1",))


@pytest.mark.parametrize("package", ["-e /home/me/x", "x @ file:///home/me/x", "a b", "./x"])
def test_what_a_lock_cannot_ask_for(kit, package):
    kit.emit("replicate_local_environment: true", lock=(package,))
    assert kit.codes == ["bad-lock"]
