"""ZenML pipelines: what each row of docs/features.md becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imgc.analysis.analysis import analyse
from imgc.cli.import_ import imported
from imgc.document.document import load
from imgc.document.nodes import plain
from imgc.importing.source import source
from importkit import Imported, import_text, written

PREAMBLE = (
    "import os\nfrom zenml import pipeline, step\nfrom zenml.config import DockerSettings, ResourceSettings\n"
    "from zenml.config.retry_config import StepRetryConfig\nfrom zenml.integrations.constants import PYTORCH, EVIDENTLY\n"
)
FILES = {
    "requirements.txt": "a\n", "docker/Dockerfile": "FROM debian:bookworm-slim\n", "docker/ignore": "x\n", "pyproject.toml":
    '[project]\nname = "a"\nversion = "1"\n', "uv.lock": "", "steps/load.py":
    "from zenml import step\nfrom zenml.config import ResourceSettings\n"
    "@step(settings={'resources': ResourceSettings(cpu_count=2)})\ndef load(rows=1): pass\n",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path, FILES)


def zenml(folder: Path, text: str) -> Imported:
    return import_text(PREAMBLE + text, folder, "run.py", "zenml")


BASE = {"base": "a.io/b:1"}
IMAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "Z2 parent_image": ('parent_image="a.io/b:1"', BASE),
    "Z2 skip_build": ('parent_image="a.io/b:1", skip_build=True', {**BASE, "skip_build": True}),
    "Z3 dockerfile": ('dockerfile="docker/Dockerfile"', {"dockerfile": "docker/Dockerfile"}),
    "Z3 build_context_root and build_options": (
        'dockerfile="docker/Dockerfile", build_context_root=".", '
        'build_options={"pull": True, "build_args": {"A": 1}, "shm_size": "1g", "labels": {"l": "m"}, "rm": True}',
        {
            "dockerfile": {"path": "docker/Dockerfile", "context": ".", "args": {"A": "1"}}, "build": {"pull": True},
            "labels": {"l": "m"},
        },
    ),
    "Z3 build_config": (
        'parent_image="a.io/b:1", build_config={"build_options": {"nocache": True, "cache_from": ["c:1"], "squash": True}, "dockerignore": "docker/ignore"}',
        {**BASE, "build": {"no_cache": True, "cache_from": ["c:1"], "options": {"squash": "True"}}, "dockerignore": "docker/ignore", "copy_dir": "."},
    ),
    "Z4 source_files": ('parent_image="a.io/b:1", source_files="include"', {**BASE, "source_files": "include"}),
    "Z4 download": ('parent_image="a.io/b:1", source_files="download"', {**BASE, "source_files": "download", "copy_repo": True}),
    "Z4 ignore": ('parent_image="a.io/b:1", source_files="ignore"', {**BASE, "source_files": "ignore"}),
    "Z4 allow": (
        'parent_image="a.io/b:1", allow_including_files_in_images=True, allow_download_from_code_repository=False',
        {**BASE, "source_files": "include"},
    ),
    "Z4 allow neither": (
        'parent_image="a.io/b:1", allow_including_files_in_images=False, allow_download_from_code_repository=False, allow_download_from_artifact_store=False',
        {**BASE, "source_files": "ignore"},
    ),
    "Z5 dockerignore": ('parent_image="a.io/b:1", dockerignore="docker/ignore"', {**BASE, "dockerignore": "docker/ignore", "copy_dir": "."}),
    "Z7 a list": ('requirements=["torch==1.12.0", "torchvision"]', {"pip_packages": ["torch==1.12.0", "torchvision"]}),
    "Z7 a file": ('requirements="requirements.txt"', {"requirements": "requirements.txt"}),
    "Z7 pyproject_path": ('pyproject_path="pyproject.toml"', {"uv_project": "pyproject.toml"}),
    "Z8 install_stack_requirements": ('requirements=["a"], install_stack_requirements=False', {"pip_packages": ["a"], "install_stack": False}),
    "Z9 apt_packages": ('apt_packages=["git"]', {"apt_packages": ["git"]}),
    "Z10 environment": ('parent_image="a.io/b:1", environment={"http_proxy": "x", "B": 1}', {**BASE, "env": {"HTTP_PROXY": "x", "B": "1"}}),
    "Z10 runtime_environment": ('parent_image="a.io/b:1", runtime_environment={"A": "$x"}', {**BASE, "runtime_env": {"A": "$$x"}}),
    "Z12 user": ('parent_image="a.io/b:1", user="me"', {**BASE, "user": "me"}),
    "Z12 local_project_install_command": (
        'parent_image="a.io/b:1", local_project_install_command="pip install ."', {**BASE, "local_project_install": "pip install ."},
    ),
    "Z12 the installer": (
        'requirements=["a"], python_package_installer="pip", python_package_installer_args={"index-url": "https://i.example/s", "no-deps": None, "timeout": 5}',
        {"pip_packages": ["a"], "pip": {"installer": "pip", "index_url": "https://i.example/s", "extra_args": ["--no-deps", "--timeout=5"]}},
    ),
    "Z12 names": ('parent_image="a.io/b:1", target_repository="me/x", image_tag="v1"', {**BASE, "repository": "me/x", "tag": "v1"}),
    "Z12 prevent_build_reuse": ('parent_image="a.io/b:1", prevent_build_reuse=True', {**BASE, "reuse": False}),
}  # fmt: skip


@pytest.mark.parametrize("name", IMAGES)
def test_settings(folder: Path, name: str) -> None:
    arguments, expected = IMAGES[name]
    result = zenml(folder, f"settings = DockerSettings({arguments})\n")
    found = result.data["images"]["settings"]
    if "shm_size" in arguments:  # 1g is no size in the format's words
        assert any("shm_size" in message for _, message in result.warnings)
    else:
        assert result.warnings == []
    assert found == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('"pip_freeze"', "pip_freeze"),
        ("True", True),
        ('["poetry", "export", "--extras=train"]', ["poetry", "export", "--extras=train"]),
        ("PythonEnvironmentExportMethod.POETRY_EXPORT", "poetry_export"),
    ],
)
def test_z6_the_local_environment_is_asked_by_lock(folder: Path, written: str, expected: object) -> None:
    """Until `imgc lock` has asked, the key is a comment that says so."""
    result = zenml(
        folder,
        "from zenml.config.docker_settings import PythonEnvironmentExportMethod\n"
        f'settings = DockerSettings(parent_image="python:3.12", replicate_local_python_environment={written})\n',
    )
    said = {"True": "true"}.get(str(expected), str(expected).replace("'", ""))
    assert f"# replicate_local_environment: {said}" in result.text.replace('"', "")
    assert any("imgc lock" in message for _, message in result.warnings)


def test_z8_integrations_become_bundles(folder: Path) -> None:
    result = zenml(folder, "settings = DockerSettings(required_integrations=[PYTORCH, 'evidently'])\n")
    assert result.data["images"]["settings"] == {"bundles": ["pytorch", "evidently"]}
    assert result.data["bundles"] == {"pytorch": {}, "evidently": {}}
    assert [message.count("zenml integration requirements") for _, message in result.warnings] == [1, 1]


def test_steps_follow_their_data(folder: Path) -> None:
    result = zenml(
        folder,
        "@step\ndef load(n=1): pass\n@step\ndef train(data, rate: float = 0.1): pass\n@step\ndef report(model): pass\n"
        "@pipeline\ndef training(rate: float = 0.5):\n    data = load(n=3)\n    model = train(data, rate=rate)\n    report(model)\n"
        'if __name__ == "__main__":\n    training(rate=0.2)\n',
    )
    assert result.data["name"] == "training"
    assert result.data["images"] == {"default": {"copy_dir": ".", "pip_packages": ["zenml"]}}
    assert result.data["pipeline"] == {
        "image": "default",
        "serial": {
            "load": {"call": {"file": "run.py", "function": "load", "args": {"n": 3}}},
            "train": {"call": {"file": "run.py", "function": "train", "args": {"rate": 0.2}}},
            "report": {"call": {"file": "run.py", "function": "report"}},
        },
    }
    assert [message.split("(line")[0].strip() for _, message in result.warnings] == [
        "the argument `data` of train",
        "the argument `model` of report",
    ]


FLOWS = {
    "two at once": ("a = one()\nb = one()\ntwo(a, b)", {"one": None, "one_2": None, "two": ["one", "one_2"]}),
    "after": ("a = one()\ntwo(after=[a])\none()", {"one": None, "two": ["one"], "one_2": None}),
    "after by name": ('one()\ntwo(after="one")\none()', {"one": None, "two": ["one"], "one_2": None}),
    "unpacked": ("a, b = one()\ntwo(b)\nc = two(a)", {"one": None, "two": ["one"], "two_2": ["one"]}),
    "in a list": ("r = [one() for _ in range(2)]\ntwo(r)", {"one": None, "one_2": None, "two": ["one", "one_2"]}),
    "through a method": ("a = one()\none()\ntwo(a.load())", {"one": None, "one_2": None, "two": ["one"]}),
    "step.after": ("a = one()\nb = two()\nb.after(a)\none()", {"one": None, "two": ["one"], "one_2": None}),
    "named by id": ('one(id="first")\none(id="second")', {"first": None, "second": None}),
    "through a function": ("a = helper()\none()\ntwo(a)", {"one": None, "one_2": None, "two": ["one"]}),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOWS)
def test_steps_that_need_no_other_are_parallel(folder: Path, name: str) -> None:
    body, expected = FLOWS[name]
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    result = zenml(
        folder,
        f"@step\ndef one(): pass\n@step\ndef two(a=0, b=0): pass\ndef helper():\n    return one()\n@pipeline\ndef p():\n{lines}\n",
    )
    assert {key: node.get("needs") for key, node in result.data["pipeline"]["parallel"].items()} == expected


STEP_SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "Z11 lists are replaced, mappings merged": (
        '@step(settings={"docker": DockerSettings(requirements=["tensorflow"], environment={"B": "2"})})\ndef train(): pass\n',
        {"image": "train"},
    ),
    "resources": (
        '@step(settings={"resources": ResourceSettings(cpu_count=2, gpu_count=1, memory="2GB")})\ndef train(): pass\n',
        {"cpu": 2, "gpu": 1, "mem": "2GB"},
    ),
    "retry": ("@step(retry=StepRetryConfig(max_retries=2, delay=10))\ndef train(): pass\n", {"retry": {"attempts": 3, "backoff": "10s"}}),
    "configure": ('@step\ndef train(): pass\ntrain.configure(settings={"resources": {"cpu_count": 3}})\n', {"cpu": 3}),
    "a name": ('@step(name="other", enable_cache=False)\ndef train(): pass\n', {}),
}  # fmt: skip


@pytest.mark.parametrize("name", STEP_SETTINGS)
def test_settings_of_a_step(folder: Path, name: str) -> None:
    text, expected = STEP_SETTINGS[name]
    result = zenml(
        folder,
        f'{text}docker = DockerSettings(requirements=["pandas"], apt_packages=["git"], environment={{"A": "1"}})\n'
        '@pipeline(settings={"docker": docker})\ndef p():\n    train()\n',
    )
    key = "other" if name == "a name" else "train"
    expected = {"call": {"file": "run.py", "function": "train"}, **expected}
    assert result.data["pipeline"] == {"image": "docker", "serial": {key: expected}}
    assert result.warnings == []
    if "image" in expected:
        assert result.data["images"]["train"] == {
            "apt_packages": ["git"], "pip_packages": ["tensorflow", "zenml"], "env": {"A": "1", "B": "2"}, "copy_dir": ".",
        }  # fmt: skip


def test_options_at_the_call(folder: Path) -> None:
    result = zenml(
        folder,
        '@step\ndef train(): pass\n@pipeline\ndef p():\n    train.with_options(settings={"docker": {"parent_image": "a:1"}})()\n'
        'if __name__ == "__main__":\n    p.with_options(settings={"docker": DockerSettings(parent_image="b:1")})()\n',
    )
    assert result.data["images"] == {
        "default": {"base": "b:1", "copy_dir": "."},
        "train": {"base": "a:1", "copy_dir": "."},
    }
    assert result.data["pipeline"]["serial"]["train"]["image"] == "train"


def test_steps_of_other_files(folder: Path) -> None:
    result = zenml(folder, "from steps.load import load\n@pipeline\ndef p():\n    load(3)\n")
    node = {"call": {"file": "steps/load.py", "function": "load", "args": {"rows": 3}}, "cpu": 2}
    assert result.data["pipeline"]["serial"] == {"load": node}
    assert result.data["images"]["default"] == {
        "copy_dir": ".", "env": {"PYTHONPATH": "/app"}, "pip_packages": ["zenml"],
    }  # fmt: skip


def test_a_pipeline_below_the_root_of_its_project(folder: Path) -> None:
    """As ZenML's projects are: `python run.py` at the root, pipelines and steps in packages below it."""
    (folder / ".git").mkdir()
    (folder / "pipelines").mkdir()
    (folder / "steps/__init__.py").write_text("from .load import load\nfrom .train import train\n")
    (folder / "steps/train.py").write_text(
        "from zenml import step\nimport config\n@step(name=config.NAME)\ndef train(data, epochs): pass\n"
    )
    (folder / "config.py").write_text(
        "import os\nNAME = 'training'\nEPOCHS = 2 + 1\nif os.environ.get('X'):\n    print(EPOCHS)\n"
    )
    text = (
        PREAMBLE + "from steps import load, train\nimport config as c\n"
        "@pipeline(settings={'docker': DockerSettings(requirements='requirements.txt')})\ndef p(epochs: int = c.EPOCHS):\n"
        "    train(load(), epochs)\n"
    )
    (folder / "pipelines/training.py").write_text(text)
    given = source("pipelines/training.py", text.encode(), folder / "pipelines", folder)
    written, found = imported(given, "zenml")
    assert not analyse("pipeline.yaml", written, folder).failed
    data = plain(load("pipeline.yaml", written).root)
    assert isinstance(data, dict)
    assert data["images"]["default"] == {
        "requirements": "requirements.txt", "copy_dir": ".", "env": {"PYTHONPATH": "/app"}, "pip_packages": ["zenml"],
    }  # fmt: skip
    assert data["pipeline"]["serial"] == {
        "load": {"call": {"file": "steps/load.py", "function": "load"}, "cpu": 2},
        "training": {"call": {"file": "steps/train.py", "function": "train", "args": {"epochs": 3}}},
    }
    assert [one.span.place.line for one in found] == [10]


def test_the_pipeline_of_another_file_that_is_called(folder: Path) -> None:
    (folder / "pipes.py").write_text(
        "from zenml import pipeline\nfrom steps.load import load\n@pipeline\ndef p(n=1):\n    load(n)\n"
    )
    result = zenml(folder, "from pipes import p\nif __name__ == '__main__':\n    p(n=5)\n")
    assert result.data["pipeline"]["serial"]["load"]["call"]["args"] == {"rows": 5}


OTHER_FILES = {
    "not there": "from nothing import load\n@pipeline\ndef p():\n    one()\n    load()\n",
    "no Python": "from broken import load\n@pipeline\ndef p():\n    one()\n    load()\n",
    "a circle": "from circle import load\n@pipeline\ndef p():\n    one()\n    load()\n",
    "a loop without an end": "from loops import load\n@pipeline\ndef p():\n    one()\n    load()\n",
}


@pytest.mark.parametrize("name", OTHER_FILES)
def test_files_that_say_nothing(folder: Path, name: str) -> None:
    (folder / "broken.py").write_text("def load(:\n")
    (folder / "circle.py").write_text("from circle2 import load\n")
    (folder / "circle2.py").write_text("from circle import load\n")
    (folder / "loops.py").write_text("for i in range(2000):\n    for j in range(2000):\n        load = j\n")
    result = zenml(folder, f"@step\ndef one(): pass\n{OTHER_FILES[name]}")
    assert list(result.data["pipeline"]["serial"]) == ["one"]
    assert any("`load()`" in message for _, message in result.warnings)


LOST: dict[str, tuple[str, str]] = {
    "unknown value": ("S = DockerSettings(requirements=os.environ['R'])\n", "cannot be known without running"),
    "unknown field": ("S = DockerSettings(gpu_driver=1)\n", "`gpu_driver`"),
    "settings of a service": ('@pipeline(settings={"orchestrator.kubernetes": {}})\ndef q(): one()\n', "of another service"),
    "a schedule": ("@pipeline(schedule=1)\ndef q(): one()\n", "starts `imgc run`"),
    "an experiment tracker": ('@step(experiment_tracker="x")\ndef s(): pass\n@pipeline\ndef q(): s()\n', "the step logs to it itself"),
    "a condition": ("@pipeline\ndef q():\n    one()\n    if os.environ.get('X'):\n        one()\n", "os.environ.get('X')"),
    "an argument": ("@pipeline\ndef q():\n    one(os.getcwd())\n", "the argument `x` of one"),
    "another pipeline": ("@pipeline\ndef q():\n    one()\n@pipeline\ndef r():\n    one()\n", "the pipeline `r`"),
    "a pipeline in a pipeline": ("@pipeline\ndef r():\n    one()\n@pipeline\ndef q():\n    r()\nq()\n", "it is no step"),
    "backoff": ("@step(retry=StepRetryConfig(max_retries=1, backoff=2))\ndef s(): pass\n@pipeline\ndef q(): s()\n", "always the same"),
    "a cache mount": ("S = DockerSettings(python_package_installer_cache_mount='x')\n", "cache mount"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOST)
def test_what_is_lost_is_a_comment_and_a_warning(folder: Path, name: str) -> None:
    text, message = LOST[name]
    result = zenml(folder, f"@step\ndef one(x=1): pass\n{text}")
    assert any(message in said for _, said in result.warnings), result.warnings
    comments = " ".join(row for row in result.text.split("\n") if row.lstrip().startswith("#"))
    assert message in comments
