"""The first pipeline file of a folder, with comments that say what each line is for."""

from __future__ import annotations

import re

from imgc.cli.starter.found import Found
from imgc.importing.draft import Block, Draft
from imgc.importing.writer import scalar

CONDA = "mambaorg/micromamba:2.0.5"
NODE = "node:22-bookworm-slim"
TITLE = "What the images need and which commands run in them. imgc check, imgc plan, imgc run; keys: docs/format.md"
_CODE = "the code, copied after the installs: editing it does not repeat them"


def first_pipeline(found: Found) -> Draft:
    """A pipeline file, each key with a line of its own."""
    draft = Draft()
    draft.head.set("name", found.name)
    _images(found, draft.images)
    names = [entry.key for entry in draft.images.entries]
    _pipeline(found, draft.pipeline, names[0], "web" if "web" in names else "")
    return draft


def _images(found: Found, images: Block) -> None:
    for number, name in enumerate(found.dockerfiles):
        end = re.sub(r"[^a-z0-9]+", "-", name.removeprefix("Dockerfile").lower()).strip("-")
        image = images.block(end or ("app" if number == 0 else f"app-{number}"))
        image.set("dockerfile", name, note="built as it is; keys below it would be built on top")
    if found.dockerfiles:
        return
    if found.conda:
        _conda(found, images.block("app"))
    elif found.has_python or not found.npm:
        _python(found, images.block("app"))
    if found.npm:
        _node(found, images.block("web" if any(images.entries) else "app"))


def _conda(found: Found, image: Block) -> None:
    image.set("base", CONDA)
    conda = image.block("conda", note="from environment.yml")
    for name in ("channels", "packages", "pip"):
        for text in found.conda[name]:
            conda.list(name, inline=False).add(text)
    image.set("copy_dir", ".", note=_CODE)


def _python(found: Found, image: Block) -> None:
    image.set("python_version", found.python, note="the Debian image of that Python; base: takes any other")
    if found.uv:
        image.set("uv_project", _locked(found.test_group, "--group"), note="exactly what uv.lock says")
    elif found.poetry:
        image.set("poetry_project", _locked(found.test_group, "--with"), note="exactly what poetry.lock says")
    elif found.requirements:
        image.set("requirements", found.requirements)
    elif found.dependencies:
        packages = image.list("pip_packages", inline=False, note="from pyproject.toml")
        for text in found.dependencies:
            packages.add(text)
    else:
        image.remark("pip_packages: [numpy]")
    for name in found.other_requirements:
        image.remark(f"requirements: [{scalar(name)}]  # for development")
    image.remark("system_packages: [git]")
    if found.has_python:
        image.set("copy_dir", ".", note=_CODE)
    if found.project and not found.requirements:
        image.set("local_project_install", "pip install .")


def _locked(group: str, option: str) -> str | dict[str, str | list[str]]:
    """A locked project, with the dependency group that its tests need."""
    return {"pyproject": "pyproject.toml", "extra_args": [option, group]} if group else "pyproject.toml"


def _node(found: Found, image: Block) -> None:
    image.set("base", NODE)
    image.set("workdir", "/app")
    if found.npm_lock:
        image.set("npm_packages", True, note="npm ci with package-lock.json, before the code comes in")
    else:
        image.remark("npm_packages: true  # needs a package-lock.json: npm install writes it")
    image.set("copy_dir", ".")


def _pipeline(found: Found, pipeline: Block, image: str, web: str) -> None:
    pipeline.set("image", image, note="for all steps below; each can have its own")
    pipeline.remark("env: {NAME: value}")
    steps = pipeline.block("serial", note="one after the other; parallel: at once")
    if found.dockerfiles:
        steps.set("hello", "true", note="a command in the image")
        return
    if image == "app" and not (found.npm and not web):
        for name, command in (found.commands or {"hello": "python --version"}).items():
            steps.set(name, command)
    if found.npm:
        _npm_steps(found, steps, web)


def _npm_steps(found: Found, steps: Block, web: str) -> None:
    wanted: list[str] = [name for name in ("lint", "build", "test") if name in found.scripts]
    for name, command in ({name: f"npm run {name}" for name in wanted} or {"node": "node --version"}).items():
        if web:
            steps.set(f"web-{name}", {"image": web, "run": command})
        else:
            steps.set(name, command)
