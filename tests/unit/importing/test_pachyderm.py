"""Pachyderm's specs: JSON and YAML, one and many, against the pairs of the conformance cases."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from imgc.document.document import load
from imgc.document.nodes import plain
from imgc.importing.source import SourceError
from importkit import Imported, import_text
from tests_support import ROOT

PAIR = re.compile(
    r'^```json title="Pachyderm"\n(?P<spec>.*?)^```\n.*?^<!-- case: (?P<case>\S+) -->',
    re.MULTILINE | re.DOTALL,
)
PAIRS = [
    (found["case"], found["spec"])
    for found in PAIR.finditer((ROOT / "docs/comparison.md").read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("case", "spec"), PAIRS, ids=[case for case, _ in PAIRS])
def test_a_pair_of_the_conformance_cases(case: str, spec: str, shared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    shutil.copytree(shared / "conformance/valid" / case, folder)
    imported = import_text(spec, folder, "map.json")
    assert imported.warnings == []
    ours = plain(load("f", (folder / "pipeline.yaml").read_text(encoding="utf-8")).root)
    assert isinstance(ours, dict)
    assert imported.data.pop("doc", None) == json.loads(spec).get(
        "description"
    )  # ours is said in other words
    assert imported.data == {key: value for key, value in ours.items() if key != "doc"}


def test_there_are_pairs() -> None:
    assert len(PAIRS) == 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data/pages").mkdir(parents=True)
    (tmp_path / "source").mkdir()
    (tmp_path / "source/main.py").write_text("")
    return tmp_path


def spec(name: str = "a", **keys: Any) -> dict[str, Any]:
    transform = {"image": "busybox:1.35", "cmd": ["ls"]}
    return {
        "pipeline": {"name": name},
        "transform": transform,
        "input": {"pfs": {"repo": "pages", "glob": "/*"}},
        **keys,
    }


def imported(folder: Path, *specs: dict[str, Any]) -> Imported:
    return import_text("\n".join(map(json.dumps, specs)), folder, "specs.json")


def node(folder: Path, **keys: Any) -> dict[str, Any]:
    found: dict[str, Any] = imported(folder, spec(**keys)).data["pipeline"]
    return {key: value for key, value in found.items() if key not in ("image", "input", "run")}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"parallelism_spec": {"constant": 4}}, {"max_concurrent": 4}),
        ({"resource_limits": {"cpu": 2, "memory": "512Mi"}}, {"cpu": 2, "mem": "512Mi"}),
        ({"resource_limits": {"cpu": "250m", "gpu": {"type": "nvidia.com/gpu", "number": 1}}}, {"cpu": 0.25, "gpu": 1}),
        ({"datum_timeout": "90s", "datum_tries": 5}, {"max_time": "90s", "retry": {"attempts": 5}}),
    ],
)  # fmt: skip
def test_limits(keys: dict[str, Any], expected: dict[str, Any], folder: Path) -> None:
    assert node(folder, **keys) == expected


def test_the_transform(folder: Path) -> None:
    transform = {
        "image": "acme/x:1", "cmd": ["sh"], "stdin": ["a", "b $x"], "env": {"A": "$1", "B": 2}, "user": "app", "working_dir": "/w",
        "accept_return_code": [3], "secrets": [{"name": "s", "key": "k", "env_var": "V"}, {"name": "t", "mount_path": "/t", "key": "f"}],
    }  # fmt: skip
    result = imported(folder, spec(transform=transform))
    assert result.data["images"] == {"a": "acme/x:1"}
    assert result.data["pipeline"] == {
        "image": "a", "input": {"repo": "pages", "glob": "/*"}, "run": ["sh"], "stdin": "a\nb $x\n", "env": {"A": "$1", "B": "2"},
        "secrets": [{"secret": "s.k", "env": "V"}, {"secret": "t.f", "target": "/t/f"}], "user": "app", "workdir": "/w",
        "accept_return_code": [3],
    }  # fmt: skip
    assert result.data["secrets"] == {"s.k": {"env": "SECRET_S_K"}, "t.f": {"env": "SECRET_T_F"}}
    assert len(result.warnings) == 2


def test_several_pipelines_are_nodes_that_read_each_other(folder: Path) -> None:
    second = spec("b", input={"cross": [
        {"pfs": {"repo": "a", "glob": "x"}}, {"union": [{"pfs": {"repo": "pages", "name": "p", "glob": "/"}}]}]})  # fmt: skip
    result = imported(folder, spec("a"), second)
    assert result.data["pipeline"]["parallel"]["b"]["input"] == {
        "cross": [{"node": "a", "glob": "/x"}, {"union": [{"repo": "pages", "glob": "/", "name": "p"}]}]
    }
    assert result.data["repos"] == {"pages": {"path": "data/pages"}}
    assert result.warnings == []


def test_yaml_of_several_documents(folder: Path) -> None:
    text = """\
# first
pipeline: {name: a}
transform: {image: "busybox:1.35", cmd: [ls]}
input: {pfs: {repo: pages, glob: /*}}
---
pipeline: {name: b}
transform: {image: "busybox:1.35", cmd: [ls]}
input:
  pfs: {repo: a, glob: /}
  foo: 1
"""
    result = import_text(text, folder, "specs.yaml")
    assert list(result.data["pipeline"]["parallel"]) == ["a", "b"]
    assert result.warnings == [(10, "'input.foo' is not carried over: the format has no key for it")]


@pytest.mark.parametrize(
    "name", ["egress", "service", "spout", "autoscaling", "s3_out", "pod_spec", "never_heard_of"]
)
def test_what_has_no_key_is_a_comment_and_a_warning(name: str, folder: Path) -> None:
    result = imported(folder, spec(**{name: {"a": [1, "x"]}}))
    assert f"# {name}: {{a: [1, x]}}" in result.text
    assert [message.split(" is ")[0] for _, message in result.warnings] == [f"'{name}'"]


@pytest.mark.parametrize("kind", ["join", "group", "cron", "git"])
def test_without_its_input_a_node_is_not_run(kind: str, folder: Path) -> None:
    result = imported(folder, spec(input={kind: [{"pfs": {"repo": "pages", "glob": "/"}}]}))
    assert result.data["pipeline"]["skip"] is True
    assert "input" not in result.data["pipeline"]
    assert f"'input.{kind}'" in result.warnings[0][1]


def test_the_default_project_says_nothing(folder: Path) -> None:
    pfs = {"repo": "pages", "glob": "/", "project": "default"}
    text = spec(pipeline={"name": "a", "project": {"name": "default"}}, input={"pfs": pfs})
    assert imported(folder, text).warnings == []
    text = spec(pipeline={"name": "a", "project": {"name": "x"}}, input={"pfs": {**pfs, "project": "y"}})
    assert len(imported(folder, text).warnings) == 2


def test_inputs_of_old_specs(folder: Path) -> None:
    result = imported(
        folder,
        {
            "pipeline": {"name": "a"},
            "transform": {"image": "a:1", "cmd": ["x"]},
            "inputs": [{"repo": {"name": "x"}}],
        },
    )
    assert result.data["pipeline"]["skip"] is True
    assert "before 1.4" in result.warnings[0][1]


def test_data_that_is_not_here_is_asked_for(folder: Path) -> None:
    result = imported(folder, spec(input={"pfs": {"repo": "far", "glob": "/"}}))
    assert result.data["repos"] == {"far": {"path": "."}}
    assert result.data["pipeline"]["skip"] is True
    assert "get it" in result.warnings[0][1]


def test_an_entrypoint_has_to_be_written(folder: Path) -> None:
    result = imported(folder, spec(transform={"image": "acme/x:1"}))
    assert (result.data["pipeline"]["run"], result.data["pipeline"]["skip"]) == ("true", True)
    assert "ENTRYPOINT" in result.warnings[0][1]


def test_builders(folder: Path) -> None:
    result = imported(
        folder,
        spec(transform={"build": {"language": "python", "path": "./source"}, "image": "python:3.12-slim"}),
    )
    assert result.data["images"]["a"] == {
        "builder": {"language": "python", "path": "source"},
        "base": "python:3.12-slim",
    }
    assert "run" not in result.data["pipeline"]
    (folder / "source/Dockerfile").write_text("FROM busybox:1.35\n")
    result = imported(folder, spec(transform={"dockerfile": "source/Dockerfile", "cmd": ["ls"]}))
    assert result.data["images"]["a"] == {"dockerfile": "source/Dockerfile"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"pipeline": {"name": "a"}}\n{"transform": {}}', 2), ("[]", 1), ("a", 1), ("", 1), ("pipeline: {name: a}\na: {", 2),
        ('{"pipeline": {"name": "a"}} {"pipeline": {"name": "a"}}', 1), ("pipeline: {name: a, name: b}", 1),
    ],
)  # fmt: skip
def test_no_spec(text: str, line: int, folder: Path) -> None:
    with pytest.raises(SourceError) as caught:
        import_text(text, folder, "specs.json", "pachyderm")
    assert caught.value.span.place.line == line


def test_json_with_tabs_and_characters_outside_of_the_plane(folder: Path) -> None:
    text = '{\n\t"pipeline": {"name": "a"},\r\n\t"description": "\\ud83d\\ude00 \\ud83d \\/",\n\t"transform": {"image": "a:1", "cmd": ["x"]}\n}'
    assert import_text(text, folder, "specs.json").data["doc"] == "😀 \ufffd /"
