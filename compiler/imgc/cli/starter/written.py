"""The first pipeline file of a folder, with comments that say what each line is for."""

from __future__ import annotations

import json
import re

from imgc.cli.starter.found import Found

CONDA = "mambaorg/micromamba:2.0.5"
NODE = "node:22-bookworm-slim"
_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./ -]*[A-Za-z0-9_./]\Z|[A-Za-z]\Z")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", ".inf", ".nan"}


def first_pipeline(found: Found) -> str:
    """The text of a pipeline file. Each key has a line of its own."""
    images = _images(found)
    lines = [
        "# What the images need and which commands run in them. imgc check, imgc plan, imgc run; keys: docs/format.md",
        "version: 1",
        f"name: {quoted(found.name)}",
        "",
        "images:",
    ]
    for name, keys in images.items():
        lines += [f"  {name}:", *(f"    {line}" for line in keys)]
    return (
        "\n".join([*lines, "", *_pipeline(found, next(iter(images)), "web" if "web" in images else "")])
        + "\n"
    )


def _images(found: Found) -> dict[str, list[str]]:
    images: dict[str, list[str]] = {}
    for number, name in enumerate(found.dockerfiles):
        end = re.sub(r"[^a-z0-9]+", "-", name.removeprefix("Dockerfile").lower()).strip("-")
        key = end or ("app" if number == 0 else f"app-{number}")
        images[key] = [f"dockerfile: {quoted(name)}  # built as it is; keys below it would be built on top"]
    if found.dockerfiles:
        return images
    if found.conda:
        images["app"] = _conda(found)
    elif found.has_python or not found.npm:
        images["app"] = _python(found)
    if found.npm:
        images["web" if images else "app"] = _node(found)
    return images


def _conda(found: Found) -> list[str]:
    keys = [f"base: {CONDA}", "conda:  # from environment.yml"]
    for name in ("channels", "packages", "pip"):
        if found.conda[name]:
            keys += [f"  {name}:", *(f"    - {quoted(text)}" for text in found.conda[name])]
    return [*keys, "copy_dir: .  # the code, copied after the installs: editing it does not repeat them"]


def _python(found: Found) -> list[str]:
    keys = [f'python_version: "{found.python}"  # the Debian image of that Python; base: takes any other']
    if found.uv:
        keys.append(f"uv_project: {_locked(found.test_group, '--group')}  # exactly what uv.lock says")
    elif found.poetry:
        keys.append(f"poetry_project: {_locked(found.test_group, '--with')}  # exactly what poetry.lock says")
    elif found.requirements:
        keys.append(f"requirements: [{', '.join(map(quoted, found.requirements))}]")
    elif found.dependencies:
        keys += [
            "pip_packages:  # from pyproject.toml",
            *(f"  - {quoted(text)}" for text in found.dependencies),
        ]
    else:
        keys.append("# pip_packages: [numpy]")
    keys += [f"# requirements: [{quoted(name)}]  # for development" for name in found.other_requirements]
    keys.append("# system_packages: [git]")
    if found.has_python:
        keys.append("copy_dir: .  # the code, copied after the installs: editing it does not repeat them")
    if found.project and not found.requirements:
        keys.append("local_project_install: pip install .")
    return keys


def _locked(group: str, option: str) -> str:
    """A locked project, with the dependency group that its tests need."""
    if not group:
        return "pyproject.toml"
    return f"{{pyproject: pyproject.toml, extra_args: [{quoted(option)}, {quoted(group)}]}}"


def _node(found: Found) -> list[str]:
    keys = [f"base: {NODE}", "workdir: /app"]
    if found.npm_lock:
        keys.append("npm_packages: true  # npm ci with package-lock.json, before the code comes in")
    else:
        keys.append("# npm_packages: true  # needs a package-lock.json: npm install writes it")
    return [*keys, "copy_dir: ."]


def _pipeline(found: Found, image: str, web: str) -> list[str]:
    steps: list[str] = []
    if found.dockerfiles:
        steps.append('hello: "true"  # a command in the image')
    elif image == "app" and not (found.npm and not web):
        commands = found.commands or {"hello": "python --version"}
        steps += [f"{name}: {quoted(command)}" for name, command in commands.items()]
    if found.npm and not found.dockerfiles:
        steps += _npm_steps(found, web)
    return [
        "pipeline:",
        f"  image: {image}  # for all steps below; each can have its own",
        "  # env: {NAME: value}",
        "  serial:  # one after the other; parallel: at once",
        *(f"    {step}" for step in steps),
    ]


def _npm_steps(found: Found, web: str) -> list[str]:
    wanted: list[str] = [name for name in ("lint", "build", "test") if name in found.scripts]
    commands = {name: f"npm run {name}" for name in wanted} or {"node": "node --version"}
    if not web:
        return [f"{name}: {command}" for name, command in commands.items()]
    return [f"web-{name}: {{image: {web}, run: {command}}}" for name, command in commands.items()]


def quoted(text: str) -> str:
    """Text as a YAML value on one line, in a list too."""
    if _PLAIN.match(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)
