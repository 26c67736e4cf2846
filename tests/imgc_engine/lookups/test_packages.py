"""Package lists by the real uv, from an index of the test's own."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_registry import Registry, layer

from imgc.lock.lock import FILE, FOLDER, read
from imgc_cli import Result, imgc
from imgc_engine.lookups import packages

PYTHON = layer(
    {
        "bin/sh": b"x",
        "usr/bin/python3": "python3.11",
        "usr/bin/python3.11": b"x",
        "etc/os-release": b"ID=debian\n",
    }
)


def wheel(name: str, version: str, *needs: str) -> bytes:
    out = io.BytesIO()
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(
        f"Requires-Dist: {need}\n" for need in needs
    )
    with zipfile.ZipFile(out, "w") as archive:
        for path, text in (
            (f"{name}.py", f"version = {version!r}\n"), (f"{info}/METADATA", metadata),
            (f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
            (f"{info}/RECORD", ""),
        ):  # fmt: skip
            archive.writestr(zipfile.ZipInfo(path), text)
    return out.getvalue()


@dataclass
class Index:
    """Files by package; `login` is USER:PASSWORD where one is wanted; `status` answers everything."""

    url: str = ""
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    login: str = ""
    status: int = 0

    def add(self, name: str, version: str, *needs: str) -> None:
        self.files.setdefault(name, {})[f"{name}-{version}-py3-none-any.whl"] = wheel(name, version, *needs)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Index]:
    made = Index()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = "Basic " + base64.b64encode(made.login.encode()).decode()
            parts = self.path.strip("/").split("/")
            if made.status or (made.login and self.headers.get("Authorization") != wanted):
                self.send(made.status or 401, b"")
            elif len(parts) == 2 and parts[1] in made.files:
                rows = (
                    f'<a href="/files/{parts[1]}/{file}#sha256={hashlib.sha256(data).hexdigest()}">{file}</a>'
                    for file, data in made.files[parts[1]].items()
                )
                self.send(200, "".join(rows).encode())
            elif parts[0] == "files" and parts[2] in made.files.get(parts[1], {}):
                self.send(200, made.files[parts[1]][parts[2]])
            else:
                self.send(404, b"")

        do_HEAD = do_GET

        def send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}/simple"
    for name, value in (
        ("UV_CACHE_DIR", str(tmp_path / "uv")),
        ("UV_HTTP_RETRIES", "0"),
        ("UV_NO_CONFIG", "1"),
    ):
        monkeypatch.setenv(name, value)
    for name in ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def project(registry: Registry, index: Index):  # type: ignore[no-untyped-def]
    """Writes a pipeline file of images with these keys, each on a base with Python 3.11."""
    registry.image("base", "1", PYTHON)
    index.add("alpha", "1.0", "beta")
    index.add("beta", "1.0")
    index.add("beta", "2.0")

    def write(head: str = "", **images: str) -> None:
        rows = []
        for name, keys in images.items():
            start = "" if "extends" in keys else f"base: '{registry.address}/base:1', "
            rows.append(f"  {name}: {{{start}pip: {{index_url: '{index.url}'}}, {keys}}}\n")
        Path("pipeline.yaml").write_text(f"version: 1\n{head}images:\n" + "".join(rows))

    return write


def pinned(image: str) -> list[str]:
    lines = (Path(FOLDER) / f"{image}.txt").read_text().splitlines()
    return [line.split(" ")[0] for line in lines if "==" in line]


def dockerfile(image: str) -> str:
    """Its text, with each instruction on one line."""
    text = (Path("compiled/images") / image / "Dockerfile").read_text()
    return re.sub(r"\s*\\\n\s*", " ", text)


def locked(capsys: pytest.CaptureFixture[str], *words: str) -> Result:
    done = imgc(capsys, "lock", *words)
    assert done.code == 0, done.err
    assert imgc(capsys, "lock", "--check").code == 0
    return done


def test_all_packages_with_their_hashes(project, index: Index, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    project(a="pip_packages: [alpha]")
    assert "2 packages, 2 hashes" in locked(capsys, "--packages").err
    text = (Path(FOLDER) / "a.txt").read_text()
    assert (
        f"--hash=sha256:{hashlib.sha256(index.files['alpha']['alpha-1.0-py3-none-any.whl']).hexdigest()}"
        in text
    )
    assert pinned("a") == ["alpha==1.0", "beta==2.0"]
    assert str(Path.cwd()) not in text
    assert imgc(capsys, "compile", "--locked").code == 0
    text = dockerfile("a")
    assert "--mount=type=bind,source=imgc.lock.d/a.txt,target=/tmp/a.txt" in text
    assert "--no-deps --require-hashes -r /tmp/a.txt" in text
    assert "those of imgc.lock.d/a.txt" in imgc(capsys, "explain", "a").out
    assert "!imgc.lock.d/a.txt" in Path("compiled/images/a/Dockerfile.dockerignore").read_text()


def test_one_more_requirement_moves_nothing_else(
    project, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:  # type: ignore[no-untyped-def]
    project(a="pip_packages: [beta]")
    locked(capsys, "--packages")
    index.add("beta", "3.0")
    locked(capsys)
    assert pinned("a") == ["beta==2.0"]
    project(a="pip_packages: [beta, alpha]")
    done = imgc(capsys, "check")
    assert (done.code, "stale-lock" in done.out, "imgc lock" in done.out) == (1, True, True)
    assert imgc(capsys, "lock", "--check").out == (
        "~ packages a (something else was asked for when it was made)\n"
    )
    assert "~ a" in locked(capsys).err
    assert pinned("a") == ["alpha==1.0", "beta==2.0"]
    locked(capsys, "--update", "a")
    assert pinned("a") == ["alpha==1.0", "beta==3.0"]


def test_requirements_files_bundles_and_layers_are_one_list(
    project, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:  # type: ignore[no-untyped-def]
    index.add("gamma", "1.0")
    Path("more.txt").write_text("-c limits.txt\nalpha\n")
    Path("limits.txt").write_text("beta<2\n")
    project(
        "bundles: {b: {pip_packages: [gamma]}}\n",
        a="requirements: more.txt, bundles: [b], layers: [{commands: [ls]}, {pip_packages: [beta]}]",
    )
    locked(capsys, "--packages")
    assert pinned("a") == ["alpha==1.0", "beta==1.0", "gamma==1.0"]
    imgc(capsys, "compile")
    assert dockerfile("a").count("pip install --system") == 1
    Path("limits.txt").write_text("beta\n")
    assert imgc(capsys, "check").code == 1
    locked(capsys)


def test_a_child_keeps_to_the_list_of_its_parent(project, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    project(
        a="pip_packages: ['beta<2']", b="extends: a, commands: [ls]", c="extends: b, pip_packages: [alpha]"
    )
    locked(capsys, "--packages")
    assert (pinned("a"), pinned("c")) == (["beta==1.0"], ["alpha==1.0", "beta==1.0"])
    project(a="pip_packages: ['beta']", b="extends: a, commands: [ls]", c="extends: b, pip_packages: [alpha]")
    locked(capsys, "--update")
    assert (pinned("a"), pinned("c")) == (["beta==2.0"], ["alpha==1.0", "beta==2.0"])
    assert list(read(Path(FILE).read_text())[0].packages) == ["a", "c"]


def test_local_projects_are_installed_after_what_they_need(
    project, capsys: pytest.CaptureFixture[str]
) -> None:  # type: ignore[no-untyped-def]
    Path("lib").mkdir()
    text = '[project]\nname = "lib"\nversion = "1"\ndependencies = ["beta"]\n'
    Path("lib/pyproject.toml").write_text(text)
    project(a="pip_packages: ['./lib', alpha]")
    locked(capsys, "--packages")
    assert pinned("a") == ["alpha==1.0", "beta==2.0"]
    imgc(capsys, "compile")
    steps = dockerfile("a").split("RUN ")
    assert "--require-hashes" in steps[-2]
    assert "--no-deps /tmp/packages/lib" in steps[-1]
    Path("lib/pyproject.toml").write_text(text.replace('"beta"', '"beta<2"'))
    assert imgc(capsys, "check").code == 1
    locked(capsys)
    assert pinned("a") == ["alpha==1.0", "beta==1.0"]


def test_pip_installs_the_list_as_well(project, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    project(a="pip_packages: [alpha]")
    text = Path("pipeline.yaml").read_text()
    Path("pipeline.yaml").write_text(text.replace("pip: {", "pip: {installer: pip, "))
    locked(capsys, "--packages")
    imgc(capsys, "compile")
    text = dockerfile("a")
    assert "-m pip install" in text
    assert "--no-deps --require-hashes -r /tmp/a.txt" in text


def test_lists_that_belong_to_nothing_are_removed(project, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    project(a="pip_packages: [alpha]", b="pip_packages: [beta]")
    locked(capsys, "--packages")
    project(b="pip_packages: [beta]")
    assert "unused-lock" in imgc(capsys, "check").out
    locked(capsys)
    assert [path.name for path in Path(FOLDER).iterdir()] == ["b.txt"]
    locked(capsys, "--no-packages")
    assert not Path(FOLDER).exists()
    imgc(capsys, "compile")
    assert "pip install --system" in dockerfile("b")


def test_a_list_that_was_edited_is_not_used(project, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    project(a="pip_packages: [alpha]")
    locked(capsys, "--packages")
    file = Path(FOLDER) / "a.txt"
    file.write_text(file.read_text().replace("beta==2.0", "beta==1.0"))
    done = imgc(capsys, "compile")
    assert (done.code, "is not the list that belongs to it" in done.err) == (1, True)
    file.unlink()
    assert imgc(capsys, "compile").code == 1


def test_layers_with_other_options_cannot_share_a_list(project, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    project(a="pip_packages: [alpha], layers: [{pip_packages: [beta], pip: {pre: true}}]")
    done = imgc(capsys, "lock", "--packages")
    assert done.code == 0, done.err
    project(
        b="pip_packages: [alpha]",
        a="pip_packages: [alpha], layers: [{pip_packages: [beta], pip: {pre: true}}]",
    )
    imgc(capsys, "lock", "--packages")
    done = imgc(capsys, "check")
    assert (done.code, "different 'pip' options" in done.out) == (1, True)


def test_what_cannot_be_fulfilled_is_the_files_fault(project, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    project(a="pip_packages: [alpha, 'beta>5']", b="pip_packages: [beta]")
    done = imgc(capsys, "lock", "--packages")
    assert done.code == 1
    assert "lookup-failed" in done.err
    assert "beta>5" in done.err
    assert pinned("b") == ["beta==2.0"]


def test_an_index_that_is_down_or_wants_another_login(
    project, index: Index, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    project(a="pip_packages: [alpha]")
    index.status = 503
    done = imgc(capsys, "lock", "--packages")
    assert (done.code, "503" in done.err) == (3, True)
    index.status, index.login = 0, "me:planted-index"
    assert imgc(capsys, "lock", "--packages").code != 0
    text = Path("pipeline.yaml").read_text()
    private = f"index_url: {{url: '{index.url}', username: me, password: tok}}"
    text = text.replace(f"index_url: '{index.url}'", private)
    Path("pipeline.yaml").write_text(text.replace("images:", "secrets: {tok: {env: IMGC_TEST_TOK}}\nimages:"))
    done = imgc(capsys, "lock", "--packages")
    assert (done.code, "IMGC_TEST_TOK" in done.err) == (3, True)
    monkeypatch.setenv("IMGC_TEST_TOK", "planted-wrong")
    done = imgc(capsys, "lock", "--packages")
    assert done.code != 0
    assert "planted-wrong" not in done.err
    monkeypatch.setenv("IMGC_TEST_TOK", "planted-index")
    done = locked(capsys, "--packages")
    assert "planted-index" not in done.err + (Path(FOLDER) / "a.txt").read_text() + Path(FILE).read_text()


def test_without_uv_it_is_said_how_to_get_it(
    project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    project(a="pip_packages: [alpha]")
    monkeypatch.setattr(packages, "find_uv", lambda: None)
    done = imgc(capsys, "lock", "--packages")
    assert (done.code, "pip install uv" in done.err) == (3, True)
