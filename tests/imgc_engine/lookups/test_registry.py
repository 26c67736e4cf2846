"""The registry client against a registry that does not behave."""

from __future__ import annotations

import base64
import json
import stat
import time
from pathlib import Path

import pytest
from fake_registry import Registry, digest_of, drips, hangs_up, layer, says, stalls, status

from imgc.lock.lock import Lock, read
from imgc.lock.write import write
from imgc.model.reference import parse
from imgc_engine.lookups import registry as registries
from imgc_engine.lookups.credentials import Credentials, credentials
from imgc_engine.lookups.found import NotFound
from imgc_engine.lookups.images import look_up
from imgc_engine.lookups.manifests import RemoteImage, remote_image
from imgc_engine.lookups.names import tags
from imgc_engine.lookups.registry import Patience, RegistryError

SHORT = Patience(0.4, 1.5, (0.05, 0.1))


def ask(
    fake: Registry, name: str = "app:1", patience: Patience = SHORT, platforms: tuple[str, ...] = ()
) -> RemoteImage:
    reference = parse(f"{fake.address}/{name}")
    return remote_image(registries.Registry(reference.registry, patience), reference, platforms)


def kind(fake: Registry, name: str = "app:1", platforms: tuple[str, ...] = ()) -> str:
    with pytest.raises(RegistryError) as caught:
        ask(fake, name, platforms=platforms)
    assert fake.address in str(caught.value)
    return caught.value.kind


def log_in(config: Path, fake: Registry, login: str, **more: str) -> None:
    entry = {"auth": base64.b64encode(login.encode()).decode(), **more}
    config.write_text(json.dumps({"auths": {fake.address: entry}}))


def test_the_digest_is_that_of_the_index(registry: Registry) -> None:
    digest = registry.image("app", "1", platforms=("linux/arm64", "linux/amd64"), User="app")
    found = ask(registry, platforms=("linux/arm64",))
    assert found.digest == digest
    assert found.config["architecture"] == "arm64"
    assert ask(registry, platforms=("linux/amd64", "linux/arm64")).config["architecture"] == "amd64"


def test_a_reference_with_a_digest(registry: Registry) -> None:
    digest = registry.image("app", "1", User="app")
    assert ask(registry, f"app:old@{digest}").config["config"] == {"User": "app"}


def test_a_platform_that_the_image_does_not_have(registry: Registry) -> None:
    registry.image("app", "1", platforms=("linux/amd64",))
    assert kind(registry, platforms=("linux/amd64", "linux/s390x")) == "answer"
    registry.image("one", "1")
    assert kind(registry, "one:1", platforms=("linux/arm64",)) == "answer"


def test_what_is_not_there(registry: Registry) -> None:
    assert kind(registry) == "missing"


@pytest.mark.parametrize("fault", [status(500), status(503), hangs_up, stalls, status(429, Retry_After="0")])
def test_a_fault_that_passes(registry: Registry, fault) -> None:  # type: ignore[no-untyped-def]
    digest = registry.image("app", "1")
    registry.faults = [fault, fault]
    assert ask(registry).digest == digest


@pytest.mark.parametrize(
    ("fault", "expected"),
    [(status(502), "unreachable"), (hangs_up, "unreachable"), (stalls, "unreachable"), (drips, "unreachable"),
     (status(429, Retry_After="3600"), "limit"), (status(403), "denied"), (status(418), "answer")],
)  # fmt: skip
def test_a_fault_that_stays(registry: Registry, fault, expected: str) -> None:  # type: ignore[no-untyped-def]
    registry.image("app", "1")
    registry.faults = [fault] * 50
    assert kind(registry) == expected


def test_nobody_waits_for_an_hour(registry: Registry) -> None:
    registry.image("app", "1")
    registry.faults = [status(429, Retry_After="3600")] * 50
    assert kind(registry) == "limit"
    assert len(registry.asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b"null",
        b'{"config": 5}',
        b'{"manifests": [5, {"digest": 7}]}',
        b"\xff\xfe",
    ],
)
def test_garbage(registry: Registry, body: bytes) -> None:
    registry.faults = [says(body)] * 50
    assert kind(registry) == "answer"


def test_an_answer_that_is_cut_off(registry: Registry) -> None:
    registry.image("app", "1")
    registry.faults = [says(b'{"schemaVersion": 2', 4000)] * 50
    assert kind(registry) == "unreachable"


def test_an_answer_without_end(registry: Registry) -> None:
    registry.faults = [says(b" " * 5_000_000)]
    assert kind(registry) == "answer"


def test_content_that_is_not_what_its_digest_says(registry: Registry) -> None:
    digest = registry.image("app", "1")
    path = f"app/manifests/{digest}"
    registry.blobs[path] = (registry.blobs[path][0], registry.blobs[path][1] + b" ")
    assert kind(registry, f"app@{digest}") == "answer"


# Credentials


def test_a_token_for_those_who_are_known(registry: Registry, docker_config: Path) -> None:
    digest = registry.image("app", "1")
    registry.users = {"ada": "s:cret"}
    log_in(docker_config, registry, "ada:s:cret")
    assert ask(registry).digest == digest
    tokens = [path for _, path, _ in registry.asked if path.startswith("/token")]
    assert tokens == ["/token?service=fake&scope=repository%3Aapp%3Apull"]


def test_wrong_credentials_are_told_from_none(registry: Registry, docker_config: Path) -> None:
    registry.image("app", "1")
    registry.users = {"ada": "secret"}
    with pytest.raises(RegistryError, match="wants a login"):
        ask(registry)
    log_in(docker_config, registry, "ada:wr0ng!")
    with pytest.raises(RegistryError, match="does not accept the credentials") as caught:
        ask(registry)
    assert "wr0ng!" not in str(caught.value)


def test_an_identity_token(registry: Registry, docker_config: Path) -> None:
    digest = registry.image("app", "1")
    registry.identity = "abc"
    log_in(docker_config, registry, "", identitytoken="abc")
    assert ask(registry).digest == digest


def test_credentials_go_to_no_other_server(registry: Registry, docker_config: Path) -> None:
    """Blobs are often elsewhere: there the credentials must not go."""
    import fake_registry

    registry.image("app", "1")
    log_in(docker_config, registry, "ada:secret")
    with fake_registry.registry() as other:
        other.blobs = registry.blobs
        path = next(path for path in registry.blobs if "/blobs/" in path)
        registry.faults = [lambda _: None, status(307, Location=f"http://{other.address}/v2/{path}")]
        ask(registry)
        assert [authorization for *_, authorization in other.asked] == [""]
        assert all(authorization.startswith("Basic ") for *_, authorization in registry.asked)


def helper(folder: Path, name: str, answer: str) -> None:
    file = folder / f"docker-credential-{name}"
    file.write_text(f"#!/bin/sh\nread server\n[ $1 = get ] && cat <<END\n{answer}\nEND\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def test_credential_helpers(tmp_path: Path, docker_config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    helper(tmp_path, "one", '{"Username": "ada", "Secret": "x"}')
    helper(tmp_path, "two", '{"Username": "<token>", "Secret": "y"}')
    helper(tmp_path, "bad", "nothing")
    docker_config.write_text(
        json.dumps({"credHelpers": {"a.example": "one", "b.example": "two"}, "credsStore": "bad"})
    )
    assert credentials("a.example") == Credentials("ada", "x")
    assert credentials("b.example") == Credentials(token="y")
    assert credentials("c.example") is None


@pytest.mark.parametrize(
    "config",
    ["", "[]", '{"auths": 5}', '{"auths": {"a.example": 5}}', '{"auths": {"a.example": {"auth": "%%"}}}'],
)
def test_a_configuration_that_makes_no_sense(docker_config: Path, config: str) -> None:
    docker_config.write_text(config)
    assert credentials("a.example") is None


@pytest.mark.parametrize("name", ["https://index.docker.io/v1/", "docker.io", "https://docker.io"])
def test_docker_hub_has_several_names(docker_config: Path, name: str) -> None:
    auth = base64.b64encode(b"ada:x").decode()
    docker_config.write_text(json.dumps({"auths": {name: {"auth": auth}}}))
    assert credentials("docker.io") == Credentials("ada", "x")


def test_tags_come_newest_first(registry: Registry) -> None:
    body = json.dumps({"tags": ["1.9", "1.10", "latest"]}).encode()
    registry.blobs["app/tags/list?n=1000"] = "application/json", body
    assert tags(registry.address, "app") == ["1.10", "1.9", "latest"]


# A base as a whole

DEBIAN = b'PRETTY_NAME="Debian"\nID=debian\n'
BASE = layer(
    {
        "bin": "usr/bin", "usr/bin/sh": "dash", "usr/bin/dash": b"x", "usr/bin/apt-get": b"x",
        "etc/os-release": "../usr/lib/os-release", "usr/lib/os-release": DEBIAN,
        "etc/passwd": b"root:x:0:0::/root:/bin/sh\napp:x:1500:1501::/:/bin/sh\n",
        "usr/bin/python3": "python3.11", "usr/bin/python3.11": b"x",
        "usr/lib/python3.11/EXTERNALLY-MANAGED": b"[x]", "usr/bin/npm": b"x",
    }
)  # fmt: skip


def test_facts_from_layers(registry: Registry) -> None:
    digest = registry.image("app", "1", BASE, User="app", Entrypoint=["/init", "--"])
    value = look_up(f"{registry.address}/app:1", patience=SHORT).value
    assert (value.digest, value.distro, value.manager, value.user) == (digest, "debian", "apt", "app")
    assert (value.python, value.python_managed, value.shell, value.npm) == ("3.11", True, True, True)
    assert value.users == (("app", "1500:1501"), ("root", "0:0"))
    assert value.entrypoint == ("/init", "--")


def test_a_layer_on_top_takes_away(registry: Registry) -> None:
    top = layer(
        {
            "usr/lib/python3.11/.wh..wh..opq": None, "usr/bin/.wh.npm": None, "usr/bin/.wh.apt-get": None,
            "usr/local/bin/python3.12": b"x", "usr/local/bin/python3": "python3.12", "usr/bin/apk": b"x",
        }
    )  # fmt: skip
    registry.image("app", "1", BASE, top)
    value = look_up(f"{registry.address}/app:1", patience=SHORT).value
    assert (value.python, value.python_managed, value.npm, value.manager) == ("3.12", False, False, "apk")


def test_an_image_of_nothing(registry: Registry) -> None:
    registry.image("app", "1", layer({"hello": b"x"}), Cmd=["/hello"])
    value = look_up(f"{registry.address}/app:1", patience=SHORT).value
    assert (value.distro, value.manager, value.python, value.shell, value.users) == (
        None,
        "",
        "",
        False,
        None,
    )


def test_a_virtual_environment_on_path(registry: Registry) -> None:
    venv = layer({"opt/v/pyvenv.cfg": b"", "opt/v/bin/python3": "/usr/bin/python3"})
    registry.image("app", "1", BASE, venv, Env=["PATH=/opt/v/bin:/usr/bin:/bin"])
    value = look_up(f"{registry.address}/app:1", patience=SHORT).value
    assert (value.python, value.python_managed) == ("3.11", False)


def test_links_that_lead_in_circles(registry: Registry) -> None:
    registry.image("app", "1", layer({"bin": "usr/bin", "usr/bin": "../bin", "etc/passwd": "passwd"}))
    value = look_up(f"{registry.address}/app:1", patience=SHORT).value
    assert (value.shell, value.users) == (False, None)


@pytest.mark.parametrize("damage", [b"garbage", BASE[:200], BASE[:-20] + b"x" * 20, layer({"x": b"other"})])
def test_a_layer_that_is_damaged_leaves_the_digest(registry: Registry, damage: bytes) -> None:
    digest = registry.image("app", "1", BASE)
    registry.blobs[f"app/blobs/{digest_of(BASE)}"] = "", damage
    found = look_up(f"{registry.address}/app:1", patience=SHORT)
    assert (found.value.digest, found.value.distro) == (digest, None)
    assert "base_facts" in " ".join(found.notes)


def test_a_well_known_base_is_not_downloaded(registry: Registry) -> None:
    digest = registry.image("library/python", "3.12-slim-bookworm", BASE)

    def mirrored(reference: str) -> str:
        return f"{registry.address}/library/{reference}"

    found = look_up("python:3.12-slim-bookworm", mirrored=mirrored, patience=SHORT)
    assert found.value.digest == digest
    assert not [path for _, path, _ in registry.asked if path.endswith(digest_of(BASE))]


def test_without_registry_and_engine_there_is_no_answer(registry: Registry) -> None:
    registry.faults = [hangs_up] * 50
    with pytest.raises(NotFound, match="cannot be reached") as caught:
        look_up(f"{registry.address}/app:1", patience=SHORT)
    assert not caught.value.of_user
    registry.faults = []
    with pytest.raises(NotFound, match="no such image") as caught:
        look_up(f"{registry.address}/app:1", patience=SHORT)
    assert caught.value.of_user


def test_layers_have_their_own_time(registry: Registry) -> None:
    """They may take longer than all other questions together may."""
    top = layer({"etc/os-release": b"ID=fedora\n"})
    registry.image("app", "1", BASE, top)

    def slow(handler) -> bool:  # type: ignore[no-untyped-def]
        if handler.path.endswith(digest_of(BASE)):
            time.sleep(0.7)
        return False

    registry.faults = [slow] * 10
    assert look_up(f"{registry.address}/app:1", patience=Patience(1.0, 0.5)).value.distro == "fedora"


def test_whatever_an_image_says_of_itself_can_be_locked(registry: Registry) -> None:
    odd = layer({"etc/os-release": b"ID=-x\n", "etc/passwd": b"a\x00b:x:1:2::\n\xff:x:3:4::\nq\"':x:x:x\n"})
    registry.image(
        "app", "1", odd, User="a b\n", Entrypoint=["\ud800", 5], Env=["PATH", 7, "PATH=:relative:/bin"]
    )
    name = f"{registry.address}/app:1"
    value = look_up(name, patience=SHORT).value
    assert (value.user, value.distro) == (None, None)
    lock, problems = read(write(Lock({name: value})))
    assert (problems, list(lock.images)) == ([], [name])
