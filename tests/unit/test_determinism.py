"""The same files in, the same bytes out: wherever, whoever, whenever, and in whatever order keys are written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imgc.analysis.analysis import analyse
from imgc.plan.compiled import Compiled, compile_pipeline
from tests_support import ROOT

CASES = ["python-packages", "code", "starts", "tree", "system-packages"]


def compiled_by_process(folder: Path, **env: str) -> dict[str, bytes]:
    out = folder / "compiled"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **env}
    subprocess.run(
        [sys.executable, "-m", "imgc.cli.main", "compile", "-q"],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
    )
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("case", CASES)
def test_every_surrounding_gives_the_same_bytes(case: str, tmp_path: Path) -> None:
    found = []
    for number, env in enumerate(
        [
            {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
            {
                "PYTHONHASHSEED": "4242",
                "TZ": "Asia/Kathmandu",
                "LC_ALL": "C",
                "USER": "somebody",
                "PYTHONUTF8": "1",
            },
        ]
    ):
        folder = tmp_path / f"place-{number}" / "deeper" / "in" / ("a folder" if number else "b")
        shutil.copytree(ROOT / "tests" / "cases" / case, folder)
        found.append(compiled_by_process(folder, **env))
    assert found[0] == found[1]
    assert all(str(tmp_path).encode() not in data for data in found[0].values())


def compiled(text: str, folder: Path, file: str = "pipeline.yaml") -> Compiled:
    analysis = analyse(file, text, folder)
    assert not analysis.failed, [d.text for d in analysis.diagnostics]
    return compile_pipeline(analysis.resolved, folder / "compiled")


def content(text: str, folder: Path) -> str:
    plan = compiled(text, folder).plan
    return str(plan["images"]["a"]["content"])


BASE = """\
version: 1
images:
  a:
    base: python:3.11-slim
    env: {A: "1", B: "2"}
    pip_packages: [six]
    labels: {x: "1", y: "2"}
    copy_dir: src
"""

SAME = {
    "order of keys": BASE.replace('{A: "1", B: "2"}', '{B: "2", A: "1"}').replace(
        '{x: "1", y: "2"}', '{y: "2", x: "1"}'
    ),
    "comments": "# a comment\n" + BASE.replace("    env", "    # why\n    env"),
    "quotes and layout": BASE.replace("copy_dir: src", "copy_dir: './src'").replace("[six]", "\n      - six"),
    "another name of the pipeline": BASE + "name: other\n",
    "an unused image": BASE + "  b: {base: debian:bookworm-slim}\n",
    "its registry": BASE + "    registry: registry.example/x\n",
    "a name": BASE + "    name: renamed\n",
    "where it can be extended": BASE + "    extendable: false\n",
}
OTHER = {
    "base": BASE.replace("3.11-slim", "3.12-slim"),
    "env value": BASE.replace('A: "1"', 'A: "3"'),
    "env name": BASE.replace('A: "1"', 'C: "1"'),
    "package": BASE.replace("[six]", "[six, idna]"),
    "kind of package": BASE.replace("pip_packages", "system_packages"),
    "label": BASE.replace('x: "1"', 'x: "3"'),
    "split of a list": BASE.replace("[six]", "['six<2']"),
    "workdir": BASE + "    workdir: /srv\n",
    "user": BASE + "    user: app\n",
    "platforms": BASE + "    platforms: [linux/arm64]\n",
    "command": BASE + "    commands: [echo a]\n",
    "entrypoint": BASE + "    entrypoint: [a, b]\n",
    "entrypoint in one word": BASE + "    entrypoint: [a b]\n",
    "installer": BASE + "    pip: {installer: pip}\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.py").write_text("print(1)\n")
    return tmp_path


@pytest.mark.parametrize("change", SAME)
def test_what_changes_no_content_changes_no_tag(change: str, folder: Path) -> None:
    assert content(SAME[change], folder) == content(BASE, folder)


def test_every_change_of_content_changes_the_tag(folder: Path) -> None:
    found = {name: content(text, folder) for name, text in OTHER.items()}
    assert len({*found.values(), content(BASE, folder)}) == len(OTHER) + 1, found


def test_files_take_part_in_the_tag(folder: Path) -> None:
    before = content(BASE, folder)
    main = folder / "src" / "main.py"
    os.utime(main, (1, 1))
    (folder / "other.txt").write_text("not copied")
    (folder / "src" / "__pycache__").mkdir()
    (folder / "src" / "__pycache__" / "x.pyc").write_bytes(b"left out")
    assert content(BASE, folder) == before
    main.chmod(0o755)
    executable = content(BASE, folder)
    main.write_text("print(2)\n")
    edited = content(BASE, folder)
    main.rename(folder / "src" / "other.py")
    assert len({before, executable, edited, content(BASE, folder)}) == 4


def test_the_output_takes_no_part(folder: Path) -> None:
    text = BASE.replace("copy_dir: src", "copy_dir: .")
    before = content(text, folder)
    (folder / "compiled").mkdir()
    (folder / "compiled" / "plan.json").write_text("{}")
    (folder / "pipeline.yaml").write_text(text)
    assert content(text, folder) == before


def test_equal_images_are_named_once(folder: Path) -> None:
    text = BASE + "  b:\n" + "".join(f"{line}\n" for line in BASE.splitlines()[3:])
    images = compiled(text, folder).plan["images"]
    assert images["a"]["tag"] == images["b"]["tag"]
    assert (images["a"]["same_as"], images["b"]["same_as"]) == (None, "a")


def test_a_change_of_the_parent_changes_the_child(folder: Path) -> None:
    child = "  b: {extends: a, env: {C: c}}\n"
    first = compiled(BASE + child, folder).plan["images"]["b"]
    second = compiled(BASE.replace("[six]", "[idna]") + child, folder).plan["images"]["b"]
    assert first["after"] == ["a"]
    assert first["content"] != second["content"]


def test_inline_images_have_stable_names(folder: Path) -> None:
    text = "version: 1\npipeline:\n  serial:\n    a: {image: {base: 'debian:bookworm-slim', env: {A: b, C: d}}, run: x}\n    b: {image: {env: {C: d, A: b}, base: 'debian:bookworm-slim'}, run: y}\n"
    plan = compiled(text, folder).plan
    assert len(plan["images"]) == 1
    assert (
        plan["nodes"][1]["image"] == plan["nodes"][2]["image"] == "ready-kestrel" or plan["nodes"][1]["image"]
    )


def test_the_state_of_runs_takes_no_part_in_a_users_context(folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM debian:bookworm-slim\nCOPY . /all\n")
    text = "version: 1\nimages: {a: {dockerfile: Dockerfile}}\n"
    before = content(text, folder)
    (folder / ".imgc" / "compiled").mkdir(parents=True)
    (folder / ".imgc" / "compiled" / "plan.json").write_text("{}")
    assert content(text, folder) == before
