"""Compose files: what is built and what runs to its end is carried over, servers and the rest are said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imgc.importing.source import SourceError
from importkit import Imported, import_text

DOCKERFILE = 'FROM debian:bookworm-slim AS base\nENTRYPOINT ["sh"]\nFROM base AS tool\nCMD ["-c", "ls"]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "web/docker").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    for name in ("web/Dockerfile", "web/docker/Other"):
        (tmp_path / name).write_text(DOCKERFILE)
    return tmp_path


def imported(text: str, folder: Path) -> Imported:
    return import_text(text, folder, "compose.yaml")


def service(keys: str, folder: Path) -> dict[str, Any]:
    """The node of a service with an image and a command."""
    lines = "".join(f"    {line}\n" for line in keys.split("\n"))
    text = f"services:\n  a:\n    image: busybox:1.35\n    entrypoint: ls\n{lines}secrets: {{tok: {{file: ./tok}}}}\n"
    found: dict[str, Any] = imported(text, folder).data["pipeline"]
    return {key: value for key, value in found.items() if key not in ("image", "run")}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("environment: {A: b, N: 1, T: true}", {"env": {"A": "b", "N": "1", "T": "true"}}),
        ("environment: [A=b=c, 'D=$$x']", {"env": {"A": "b=c", "D": "$x"}}),
        ("user: '1000'\nworking_dir: /w\nshm_size: 64m\nnetwork_mode: none",
         {"user": "1000", "workdir": "/w", "shm_size": "64Mi", "network": "none"}),
        ("volumes: ['./data:/d', './data:/e:ro', {type: bind, source: data, target: /f, read_only: true}]", {"mounts": [
            {"src": "data", "dst": "/d"}, {"src": "data", "dst": "/e", "read_only": True}, {"src": "data", "dst": "/f", "read_only": True}]}),
        ("volumes: ['v:/d', '/x', {type: tmpfs, target: /t}]", {"docker_run_args": ["--volume=v:/d", "--volume=/x", "--tmpfs=/t"]}),
        ("cpus: 1.5\nmem_limit: 1.5gb", {"cpu": 1.5, "mem": "1.5Gi"}),
        ("deploy: {resources: {limits: {cpus: '2.0', memory: 512M}}}", {"cpu": 2, "mem": "512Mi"}),
        ("deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 2, capabilities: [gpu]}]}}}", {"gpu": 2}),
        ("secrets: [tok, {source: tok, target: t}]", {"secrets": ["tok", {"secret": "tok", "target": "/run/secrets/t"}]}),
        ("cap_drop: [NET_RAW]\nextra_hosts: ['h:1.2.3.4', 'i=::1']\nlabels: {x: y}\nhostname: h\nread_only: true\ninit: true", {
            "docker_run_args": ["--cap-drop=NET_RAW", "--label=x=y", "--add-host=h:1.2.3.4", "--add-host=i:::1", "--hostname=h",
                                "--read-only"]}),
        ("restart: 'no'", {}),
    ],
)  # fmt: skip
def test_keys(keys: str, expected: dict[str, Any], folder: Path) -> None:
    assert service(keys, folder) == expected


def test_the_socket_of_docker(folder: Path) -> None:
    found = service("volumes: ['/var/run/docker.sock:/var/run/docker.sock']", folder)
    assert found == {"requires_docker": True}


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        ("web", {"dockerfile": "web/Dockerfile"}),
        ("{context: ./web}", {"dockerfile": "web/Dockerfile"}),
        ("{context: web, dockerfile: docker/Other, args: {A: 1}, target: tool}", {"dockerfile": {
            "path": "web/docker/Other", "context": "web", "args": {"A": "1"}, "target": "tool"}}),
        ('{context: web, dockerfile_inline: "FROM a:1"}', {"dockerfile": {"text": "FROM a:1", "context": "web"}}),
        ("{context: web, args: [A=b], labels: {l: m}, platforms: [linux/amd64], network: host, no_cache: true, shm_size: 1g}", {
            "dockerfile": {"path": "web/Dockerfile", "args": {"A": "b"}}, "labels": {"l": "m"}, "platforms": ["linux/amd64"],
            "build": {"network": "host", "no_cache": True, "shm_size": "1Gi"}}),
    ],
)  # fmt: skip
def test_builds(build: str, expected: dict[str, Any], folder: Path) -> None:
    found = imported(f"services:\n  a:\n    build: {build}\n    command: ls\n", folder)
    assert found.data["images"] == {"a": expected}


def test_the_name_of_what_is_built(folder: Path) -> None:
    found = imported("services: {a: {build: web, image: 'ghcr.io/acme/web:1.2', command: ls}}", folder)
    image = found.data["images"]["a"]
    assert (image["registry"], image["repository"], image["tag"]) == ("ghcr.io", "acme/web", "1.2")


@pytest.mark.parametrize(
    ("keys", "run"),
    [
        ("{}", ["sh", "-c", "ls"]),
        ("{command: -c 'echo \"a  b\"'}", ["sh", "-c", 'echo "a  b"']),
        ("{command: [-c, 'a  b']}", ["sh", "-c", "a  b"]),
        ("{entrypoint: [echo], command: [x]}", ["echo", "x"]),
        ("{entrypoint: echo y}", ["echo", "y"]),
    ],
)
def test_what_a_built_service_runs(keys: str, run: list[str], folder: Path) -> None:
    text = f"services:\n  a:\n    build: web\n    <<: {keys}\n"
    assert imported(text, folder).data["pipeline"]["run"] == run


def test_what_only_the_image_knows(folder: Path) -> None:
    found = imported("services: {a: {image: 'acme/x:1'}, b: {image: 'acme/y:1', command: ls}}", folder)
    assert found.data["pipeline"]["parallel"]["a"] == {"image": "a", "skip": True, "run": "true"}
    assert found.data["pipeline"]["parallel"]["b"] == {"image": "b", "run": ["ls"]}
    assert [message.split(" ")[0:3] for _, message in found.warnings] == [
        ["what", "the", "service"],
        ["an", "ENTRYPOINT", "of"],
    ]


@pytest.mark.parametrize(
    "keys", ["ports: ['80:80']", "restart: always", "healthcheck: {test: [CMD, 'true']}"]
)
def test_a_server_is_no_step(keys: str, folder: Path) -> None:
    text = f"services:\n  s:\n    image: 'acme/x:1'\n    entrypoint: serve\n    {keys}\n  a:\n    image: 'acme/x:1'\n    entrypoint: ls\n    depends_on: [s]\n"
    found = imported(text, folder)
    nodes = found.data["pipeline"]["parallel"]
    assert nodes["s"]["skip"] is True
    assert nodes["a"] == {"image": "s", "run": ["ls"]}
    assert any("nothing that goes on runs beside a node" in message for _, message in found.warnings)


JOB = "    image: acme/x:1\n    entrypoint: ls\n"


def test_a_chain_is_serial(folder: Path) -> None:
    text = (
        f"services:\n  c:\n{JOB}    depends_on: {{b: {{condition: service_completed_successfully}}}}\n"
        f"  a:\n{JOB}  b:\n{JOB}    depends_on: {{a: {{condition: service_completed_successfully}}}}\n"
    )
    found = imported(text, folder)
    assert list(found.data["pipeline"]["serial"]) == ["a", "b", "c"]
    assert found.warnings == []


def test_other_orders_are_needs(folder: Path) -> None:
    text = f"services:\n  a:\n{JOB}  b:\n{JOB}  c:\n{JOB}    depends_on: [a, b]\n"
    found = imported(text, folder)
    assert found.data["pipeline"]["parallel"]["c"]["needs"] == ["a", "b"]
    assert found.lines == [11, 11]


def test_a_cycle_is_left_out(folder: Path) -> None:
    text = f"services:\n  a:\n{JOB}    depends_on: [b]\n  b:\n{JOB}    depends_on: [a]\n"
    assert any("left out" in message for _, message in imported(text, folder).warnings)


def test_variables_are_parameters(folder: Path) -> None:
    text = """\
services:
  a:
    image: "busybox:${TAG:-1.35}"
    entrypoint: echo ${WORD-x} "$$HOME" ${BAD:-a b}
    environment: {U: "${USER_NAME}", N: "${A:-${B:-c}}", P: "x${TAG}y"}
"""
    found = imported(text, folder)
    assert found.data["params"] == {"TAG": "1.35", "USER_NAME": "", "A": "c", "WORD": "x"}
    assert found.data["images"] == {"a": "busybox:${{ params.TAG }}"}
    assert found.data["pipeline"]["run"] == ["echo", "${{ params.WORD }}", "$HOME", "a", "b"]
    assert found.data["pipeline"]["env"] == {
        "U": "${{ params.USER_NAME }}",
        "N": "${{ params.A }}",
        "P": "x${{ params.TAG }}y",
    }
    assert found.lines == [4, 5]


def test_secrets(folder: Path) -> None:
    text = "services: {a: {image: 'a:1', entrypoint: ls}}\nsecrets: {f: {file: ./x}, e: {environment: E}, x: {external: true}}\n"
    found = imported(text, folder)
    assert found.data["secrets"] == {"f": {"file": "x"}, "e": {"env": "E"}, "x": {"env": "SECRET_X"}}
    assert found.lines == [2]


@pytest.mark.parametrize(
    "keys", ["never_heard_of: {a: [1]}", "logging: {driver: x}", "env_file: .env", "networks: [x]", "extends: {service: b}", "tty: true"]
)  # fmt: skip
def test_what_has_no_key_is_a_comment_and_a_warning(keys: str, folder: Path) -> None:
    text = f"services:\n  a:\n    image: busybox:1.35\n    entrypoint: ls\n    {keys}\n"
    found = imported(text, folder)
    assert f"# {keys}" in found.text
    assert found.lines == [5]


def test_keys_of_the_file_without_a_key_here(folder: Path) -> None:
    text = (
        "services: {a: {image: 'a:1', entrypoint: ls}}\nnetworks: {x: {}}\nx-mine: 1\ninclude: [other.yaml]\n"
    )
    assert imported(text, folder).lines == [2, 3, 4]


@pytest.mark.parametrize("value", ["1", "[a]", "null"])
def test_a_service_that_is_none(value: str, folder: Path) -> None:
    found = imported(f"services:\n  b: {value}\n  a: {{image: 'a:1', entrypoint: ls}}\n", folder)
    assert found.data["pipeline"] == {"image": "a", "run": ["ls"]}
    assert found.lines == [2]
    assert "services.b" in found.text


def test_a_label_that_is_a_mapping(folder: Path) -> None:
    text = "services: {a: {image: 'a:1', entrypoint: ls, labels: {x: {y: z}, v: w}}}"
    found = imported(text, folder)
    assert found.data["pipeline"]["docker_run_args"] == ["--label=v=w"]
    assert len(found.warnings) == 1


def test_a_dockerfile_that_never_ends_is_not_read(folder: Path) -> None:
    found = imported("services: {a: {build: {context: /dev, dockerfile: zero}}}", folder)
    assert found.warnings


def test_a_build_elsewhere_is_no_step(folder: Path) -> None:
    found = imported("services: {a: {build: 'https://github.com/acme/x.git', command: ls}}", folder)
    assert "images" not in found.data
    assert "# build: https://github.com/acme/x.git" in found.text


@pytest.mark.parametrize(
    "text", ["a: 1", "services: []", "[]", "", "services: {}\n---\nservices: {}", "services: {a: 1, a: 2}"]
)
def test_no_compose_file(text: str, folder: Path) -> None:
    with pytest.raises(SourceError):
        imported(text, folder)
