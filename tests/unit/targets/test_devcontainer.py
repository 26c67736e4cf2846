"""devcontainer.json: valid by its schema, with paths that are right wherever it lies. tests/engine opens one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from imgc.analysis.analysis import analyse
from imgc.plan.compiled import compile_pipeline
from imgc.targets.registry import Made, make
from imgc.targets.subject import subject
from tests_support import ROOT, SHARED

FOLDERS = [
    *sorted(path.parent for path in (ROOT / "tests" / "cases").glob("*/pipeline.yaml")),
    *sorted(path.parent for path in (ROOT / "samples").glob("*/pipeline.yaml")),
    *(
        path
        for path in sorted((SHARED / "conformance/valid").iterdir())
        if path.name != "002-03-replicate-local"
    ),
]


def made(folder: Path, text: str, output: str = "compiled") -> Made:
    analysis = analyse("pipeline.yaml", text, folder)
    assert not analysis.failed, [d.text for d in analysis.diagnostics]
    compiled = compile_pipeline(analysis.resolved, folder / output)
    return make(["devcontainer"], subject(compiled, analysis.resolved, folder / output))


def containers(folder: Path, text: str, output: str = "compiled") -> dict[str, Any]:
    return {
        path: json.loads(data) for path, data in made(folder, f"version: 1\n{text}", output).files.items()
    }


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_file_is_valid_and_leads_to_its_files(folder: Path) -> None:
    schema = json.loads((SHARED / "data/schemas/devcontainer.base.json").read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    text = (folder / "pipeline.yaml").read_text(encoding="utf-8")
    analysis = analyse("pipeline.yaml", text, folder)
    dockerfiles = compile_pipeline(analysis.resolved, folder / "compiled").files
    for output in ("compiled", ".", ".devcontainer", "a/b"):
        result = made(folder, text, output)
        assert result.files
        for path, data in result.files.items():
            container = json.loads(data)
            assert list(validator.iter_errors(container)) == []
            at = folder / output / Path(path).parent
            if "build" in container:
                assert Path(os.path.normpath(at / container["build"]["context"])).is_dir()
                file = os.path.normpath(at / container["build"]["dockerfile"])
                assert os.path.relpath(file, folder / output) in dockerfiles


BASE = "base: 'debian:12'"


def test_where_the_files_go(tmp_path: Path) -> None:
    one, two = f"images: {{a: {{{BASE}}}}}\n", f"images: {{a: {{{BASE}}}, b: {{{BASE}, env: {{B: b}}}}}}\n"
    assert list(containers(tmp_path, one)) == [".devcontainer/devcontainer.json"]
    assert list(containers(tmp_path, one, ".devcontainer")) == ["devcontainer.json"]
    assert list(containers(tmp_path, two, ".devcontainer")) == ["a/devcontainer.json", "b/devcontainer.json"]
    twins = f"images: {{a: {{{BASE}}}, b: {{{BASE}}}}}\n"
    assert list(containers(tmp_path, twins)) == [".devcontainer/devcontainer.json"]


def opened(folder: Path, keys: str) -> tuple[Any, ...]:
    [found] = containers(folder, f"images: {{a: {{{BASE}, {keys}}}}}\n").values()
    return found.get("workspaceMount"), found.get("workspaceFolder"), found.get("mounts")


def bind(local: str, inside: str) -> str:
    return f"type=bind,source=${{localWorkspaceFolder}}{local},target={inside}"


def test_the_local_files_stand_where_their_copies_are(tmp_path: Path) -> None:
    for folder in ("src/deep", "conf", "with, comma"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "conf/a.ini").touch()
    (tmp_path / "package.json").write_text('{"name": "a", "version": "1.0.0"}')
    (tmp_path / "package-lock.json").write_text(
        '{"name": "a", "version": "1.0.0", "lockfileVersion": 3, "packages": {}}'
    )
    assert opened(tmp_path, "env: {A: b}") == (None, None, None)
    assert opened(tmp_path, "copy_dir: src") == (bind("/src", "/app"), "/app", None)
    assert opened(tmp_path, "copy_dir: .") == (bind("", "/app"), "/app", None)
    assert opened(tmp_path, "copy_dir: src, workdir: /work") == (bind("/src", "/work"), "/work", None)
    both = "copy_dir: src, copy: [{src: conf/a.ini, dst: /etc/a.ini}, {src: conf, dst: conf}]"
    assert opened(tmp_path, both) == (bind("/src", "/app"), "/app", [bind("/conf/a.ini", "/etc/a.ini")])
    files = opened(tmp_path, "copy: [{src: conf/a.ini, dst: /etc/a.ini}]")
    assert files == (None, None, [bind("/conf/a.ini", "/etc/a.ini")])
    comma = '"source=${localWorkspaceFolder}/with, comma"'
    assert opened(tmp_path, "copy_dir: 'with, comma'")[0] == f"type=bind,{comma},target=/app"
    npm = opened(tmp_path, "npm_packages: true, copy_dir: ., python_version: '3.12'")
    assert npm[2] == ["type=volume,target=/app/node_modules"]


def test_what_all_steps_have_alike_holds(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "key").touch()
    [found] = containers(
        tmp_path,
        "title: Title\nsecrets: {t: {env: T}, k: {file: key}}\n"
        f"images: {{a: {{{BASE}, expose: [8080, 53/udp]}}}}\n"
        "pipeline:\n  image: a\n  env: {A: '1', B: '1'}\n  mounts: [{src: data, dst: /data, read_only: true}]\n"
        "  docker_run_args: [-v, './data:/x', --privileged]\n  network: host\n"
        "  secrets: [{secret: t, env: TOKEN}, {secret: k, target: /k}]\n"
        "  serial: {one: {run: x, env: {B: '2'}, cpu: 1.5, mem: 1Gi}, two: {run: y, user: me, cpu: 1, gpu: 1}}\n",
    ).values()
    assert found == {
        "name": "Title: a",
        "build": {"context": "../..", "dockerfile": "../images/a/Dockerfile"},
        "containerEnv": {"A": "1", "TOKEN": "${localEnv:T}"},
        "mounts": [f"{bind('/data', '/data')},readonly", f"{bind('/key', '/k')},readonly"],
        "init": True,
        "hostRequirements": {"cpus": 2, "memory": str(1 << 30), "gpu": True},
        "runArgs": ["--network=host", "--volume=${localWorkspaceFolder}/data:/x", "--privileged"],
        "forwardPorts": [8080],
    }


def test_what_an_image_extends_is_built_before(tmp_path: Path) -> None:
    text = f"images: {{a: {{{BASE}, tag: '1'}}, b: {{extends: a, tag: '2', env: {{B: b}}}}, c: {{extends: b, env: {{C: c}}}}}}\n"
    found = containers(tmp_path, text)
    assert [one.get("initializeCommand", "").split(" && ") for one in found.values()] == [
        [""],
        ["docker buildx build --load -t pipeline/a:1 -f compiled/images/a/Dockerfile ."],
        [
            "docker buildx build --load -t pipeline/a:1 -f compiled/images/a/Dockerfile .",
            "docker buildx build --load -t pipeline/b:2 -f compiled/images/b/Dockerfile .",
        ],
    ]


def test_users(tmp_path: Path) -> None:
    def of(image: str, node: str) -> dict[str, Any]:
        text = f"pipeline: {{image: {{{BASE}{image}}}, run: x{node}}}\n"
        [found] = containers(tmp_path, text).values()
        return {
            key: found[key] for key in ("containerUser", "remoteUser", "updateRemoteUserUID") if key in found
        }

    assert of("", "") == {}
    assert of(", user: '1000:1000'", "") == {"updateRemoteUserUID": False}
    assert of("", ", user: '7'") == {"containerUser": "7", "updateRemoteUserUID": False}
    assert of("", ", user: www-data") == {"containerUser": "www-data", "remoteUser": "www-data"}


def test_what_the_reader_would_replace_is_refused(tmp_path: Path) -> None:
    text = f"version: 1\npipeline: {{image: {{{BASE}}}, run: x, env: {{A: '${{localEnv:HOME}}'}}}}\n"
    result = made(tmp_path, text)
    assert (result.files, [d.code for d in result.diagnostics]) == ({}, ["target-refuses"])
