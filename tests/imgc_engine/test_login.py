"""The user's Docker configuration with an image's registry secret added, for one build."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import plans
import pytest

from imgc_engine.build.login import logged_in
from imgc_engine.failures import EngineError
from imgc_engine.plan import Image, SecretSource, load
from imgc_engine.secrets import Secrets


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "docker"
    (folder / "cli-plugins").mkdir(parents=True)
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    return folder


def image(reference: str, secret: str | None = "login") -> Image:
    made = plans.image(reference, dockerfile="x", registry_secret=secret)
    return load(plans.plan(images={"a": made})).images["a"]


def config(tmp_path: Path, reference: str, value: str) -> dict:
    (tmp_path / "value").write_text(value)
    secrets = Secrets({"login": SecretSource(None, str(tmp_path / "value"))}, tmp_path)
    with logged_in(image(reference), secrets) as env:
        folder = Path(env["DOCKER_CONFIG"])
        file = folder / "config.json"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        found = json.loads(file.read_text())
        found["there"] = sorted(path.name for path in folder.iterdir())
    assert not folder.exists()
    return found


def test_without_a_secret_nothing_changes(tmp_path: Path) -> None:
    with logged_in(image("r.example/a:1", None), Secrets({}, tmp_path)) as env:
        assert env == {}


def test_the_user_s_configuration_stays(own: Path, tmp_path: Path) -> None:
    (own / "config.json").write_text(
        '{"credsStore": "desktop", "credHelpers": {"gcr.io": "gcloud"}, "auths": {"x.example": {"auth": "eDp5"}}}'
    )
    found = config(tmp_path, "r.example:5000/team/a:1", "robot:pass:word\n")
    assert found["credsStore"] == "desktop"
    assert found["credHelpers"] == {"gcr.io": "gcloud", "r.example:5000": ""}
    assert found["auths"]["x.example"] == {"auth": "eDp5"}
    assert found["auths"]["r.example:5000"] == {"username": "robot", "password": "pass:word"}
    assert found["there"] == ["cli-plugins", "config.json"]


@pytest.mark.parametrize("text", ["", "no json", "[]"])
def test_a_configuration_that_cannot_be_read(own: Path, tmp_path: Path, text: str) -> None:
    (own / "config.json").write_text(text)
    assert list(config(tmp_path, "r.example/a:1", "u:p")["auths"]) == ["r.example"]


@pytest.mark.usefixtures("own")
def test_docker_hub_has_a_name_of_its_own(tmp_path: Path) -> None:
    assert list(config(tmp_path, "acme/a:1", "u:p")["auths"]) == ["https://index.docker.io/v1/"]


@pytest.mark.usefixtures("own")
def test_a_config_json_as_the_secret(tmp_path: Path) -> None:
    auths = {"a.example": {"auth": "eDp5"}, "b.example": {"auth": "eDp5"}}
    assert config(tmp_path, "r.example/a:1", json.dumps({"auths": auths}))["auths"] == auths
    with pytest.raises(EngineError, match="it has no 'auths'"):
        config(tmp_path, "r.example/a:1", '{"auth": 1}')
