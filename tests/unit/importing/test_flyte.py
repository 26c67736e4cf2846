"""Flyte workflows: what each row of docs/features.md becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from importkit import Imported, import_text, written

PREAMBLE = "import asyncio, os, flyte\nfrom datetime import timedelta\nfrom pathlib import Path\nfrom flyte import Image\n"
KIT = "import os\nfrom datetime import timedelta\nfrom flytekit import ImageSpec, Resources, Secret, dynamic, task, workflow\n"
PROJECT = '[project]\nname = "a"\nversion = "1"\n[tool.poetry]\nname = "a"\nversion = "1"\n'
FILES = {
    "requirements.txt": "a\n", "docker/app/Dockerfile": "FROM debian:bookworm-slim\n", "docker/ignore": "x\n", "src/a.py": "",
    "pyproject.toml": PROJECT, "uv.lock": "", "poetry.lock": "", "a.cfg": "", "b.cfg": "",
    "train.py": "# /// script\n# dependencies = []\n# ///\n",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path, FILES)


def flyte(folder: Path, text: str) -> Imported:
    return import_text(PREAMBLE + text, folder, "flow.py", "flyte")


def flytekit(folder: Path, text: str) -> Imported:
    return import_text(KIT + text, folder, "flow.py", "flyte")


DEBIAN = "Image.from_debian_base(python_version=(3, 12))"
PYTHON: dict[str, Any] = {"python_version": "3.12"}
IMAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "F1 nothing": ("Image.from_debian_base()", {}),
    "F1 from_debian_base": (
        'Image.from_debian_base(python_version=(3, 12), registry="ghcr.io/me", registry_secret="ghcr", name="app", platform=("linux/amd64", "linux/arm64"))',
        {**PYTHON, "registry": "ghcr.io/me", "registry_secret": "ghcr", "name": "app", "platforms": ["linux/amd64", "linux/arm64"]},
    ),
    "F1 a version of flyte": ('Image.from_debian_base(flyte_version="2.1.0", install_flyte=True)', {"pip_packages": ["flyte==2.1.0"]}),
    "F2 from_base": ('Image.from_base("ghcr.io/me/base:1.2.3")', {"base": "ghcr.io/me/base:1.2.3"}),
    "F2 from_uv_script": (
        'Image.from_uv_script("train.py", name="train", pre=True, extra_args="--no-deps")',
        {"uv_script": "train.py", "name": "train", "pip": {"pre": True, "extra_args": "--no-deps"}},
    ),
    "F2 from_dockerfile": (
        'Image.from_dockerfile(Path(__file__).parent / "docker/app/Dockerfile", registry="ghcr.io/me", name="custom", platform="linux/amd64")',
        {"dockerfile": "docker/app/Dockerfile", "registry": "ghcr.io/me", "name": "custom", "platforms": ["linux/amd64"]},
    ),
    "F3 clone": (
        'Image.from_base("a:1").clone(name="renamed", registry="b.io/c", extendable=True).with_apt_packages("vim")',
        {"base": "a:1", "name": "renamed", "registry": "b.io/c", "apt_packages": ["vim"]},
    ),
    "F3 clone on another base": (
        'Image.from_debian_base().clone(name="n", base_image="debian:bookworm-slim", python_version=(3, 11))',
        {"base": "debian:bookworm-slim", "python_version": "3.11", "name": "n"},
    ),
    "F4 with_apt_packages": (f'{DEBIAN}.with_apt_packages("git", "jq")', {**PYTHON, "apt_packages": ["git", "jq"]}),
    "F4 with_pip_packages": (
        f'{DEBIAN}.with_pip_packages("numpy>=1.26", index_url="https://i.example/s", extra_index_urls=["https://j.example/s"], pre=True, extra_args="--no-deps")',
        {
            **PYTHON, "pip_packages": ["numpy>=1.26"],
            "pip": {"index_url": "https://i.example/s", "extra_index_urls": ["https://j.example/s"], "pre": True, "extra_args": "--no-deps"},
        },
    ),
    "F4 with_requirements": (f'{DEBIAN}.with_requirements("requirements.txt")', {**PYTHON, "requirements": "requirements.txt"}),
    "F4 in the format's order": (
        f'{DEBIAN}.with_apt_packages("git").with_pip_packages("numpy").with_source_folder("src", "/work").with_commands(["true"])',
        {**PYTHON, "apt_packages": ["git"], "pip_packages": ["numpy"], "copy": {"src": "src", "dst": "/work"}, "commands": ["true"]},
    ),
    "F4 in another order": (
        f'{DEBIAN}.with_commands(["true"]).with_apt_packages("git").with_apt_packages("jq")',
        {**PYTHON, "layers": [{"commands": ["true"]}, {"apt_packages": ["git"]}, {"apt_packages": ["jq"]}]},
    ),
    "F4 options of one install": (
        f'{DEBIAN}.with_requirements("requirements.txt", pre=True).with_pip_packages("numpy")',
        {**PYTHON, "layers": [{"requirements": "requirements.txt", "pip": {"pre": True}}, {"pip_packages": ["numpy"]}]},
    ),
    "F4 secret_mounts": (
        f'{DEBIAN}.with_pip_packages("numpy", secret_mounts=["pat", flyte.Secret("pypi", mount="/run/x"), flyte.Secret(key="k", group="g", as_env_var="V")])',
        {
            **PYTHON,
            "layers": [{"pip_packages": ["numpy"], "secrets": ["pat", {"secret": "pypi", "target": "/run/x"}, {"secret": "k", "env": "V"}]}],
        },
    ),
    "F5 with_uv_project": (f'{DEBIAN}.with_uv_project("pyproject.toml")', {**PYTHON, "uv_project": "pyproject.toml"}),
    "F5 with_uv_project, all": (
        f'{DEBIAN}.with_uv_project(pyproject_file=Path("pyproject.toml"), uvlock=Path("uv.lock"), project_install_mode="dependencies_only", pre=True)',
        {**PYTHON, "uv_project": {"pyproject": "pyproject.toml", "lock": "uv.lock", "mode": "dependencies_only", "pre": True}},
    ),
    "F5 with_poetry_project": (
        f'{DEBIAN}.with_poetry_project("pyproject.toml", poetry_lock="poetry.lock", extra_args="--only main")',
        {**PYTHON, "poetry_project": {"pyproject": "pyproject.toml", "lock": "poetry.lock", "extra_args": "--only main"}},
    ),
    "F6 with_env_vars": (f'{DEBIAN}.with_env_vars({{"A": "b", "P": "/x:$PATH", "M": "$"}})', {**PYTHON, "env": {"A": "b", "P": "/x:${PATH}", "M": "$$"}}),
    "F6 with_workdir": (f'{DEBIAN}.with_workdir("/work")', {**PYTHON, "workdir": "/work"}),
    "F6 with_commands": (
        f'{DEBIAN}.with_commands(["a", "b"], secret_mounts="pat")', {**PYTHON, "layers": [{"commands": ["a", "b"], "secrets": ["pat"]}]},
    ),
    "F7 with_source_folder": (f'{DEBIAN}.with_source_folder(Path("src"))', {**PYTHON, "copy": {"src": "src", "dst": "src"}}),
    "F7 its contents": (
        f'{DEBIAN}.with_source_folder("src", "/w/", copy_contents_only=True)', {**PYTHON, "copy": {"src": "src", "dst": "/w", "contents_only": True}},
    ),
    "F7 with_source_file": (f'{DEBIAN}.with_source_file("a.cfg")', {**PYTHON, "copy": {"src": "a.cfg", "dst": "./"}}),
    "F7 with_source_file, a list": (
        f'{DEBIAN}.with_source_file([Path("a.cfg"), Path("b.cfg")], "/etc/app")', {**PYTHON, "copy": {"src": ["a.cfg", "b.cfg"], "dst": "/etc/app/"}},
    ),
    "F7 with_dockerignore": (f'{DEBIAN}.with_dockerignore(Path("docker/ignore"))', {**PYTHON, "dockerignore": "docker/ignore"}),
    "F8 with_code_bundle": (
        f'{DEBIAN}.with_code_bundle(copy_style="all", dst="/code")', {**PYTHON, "code_bundle": {"style": "all", "dst": "/code"}},
    ),
    "F10 extendable": ('Image.from_debian_base().clone(name="n", extendable=False)', {"name": "n", "extendable": False}),
}  # fmt: skip


@pytest.mark.parametrize("name", IMAGES)
def test_an_image(folder: Path, name: str) -> None:
    written, expected = IMAGES[name]
    result = flyte(folder, f"app = {written}\n")
    assert result.data["images"] == {"app": expected}
    assert result.warnings == []


def test_f2_a_reference_by_name_needs_its_image(folder: Path) -> None:
    result = flyte(folder, 'app = Image.from_ref_name("team")\n')
    assert result.data["images"] == {"app": {"ref": "team"}}
    assert result.data["image_refs"] == {"team": "registry.invalid/team:unknown"}
    assert ["which image team is" in message for _, message in result.warnings] == [True]


def test_f3_images_of_their_own_are_extended(folder: Path) -> None:
    result = flyte(
        folder,
        'base = Image.from_base("a:1")\nbase = base.clone(name="b", extendable=True)\napp = base.with_pip_packages("x")\n'
        'app = app.with_env_vars({"A": "1"})\n',
    )
    assert result.data["images"] == {
        "base": {"base": "a:1", "name": "b"},
        "app": {"extends": "base", "layers": [{"pip_packages": ["x"]}, {"env": {"A": "1"}}]},
    }


def test_secrets_get_an_entry(folder: Path) -> None:
    result = flyte(
        folder, f'app = {DEBIAN}.with_commands(["x"], secret_mounts=[flyte.Secret("my-key", group="g")])\n'
    )
    assert result.data["secrets"] == {"my-key": {"env": "G_MY_KEY"}}


SPECS: dict[str, tuple[str, dict[str, Any]]] = {
    "packages": ('packages=["a"], apt_packages=["git"], python_version="3.12"', {"python_version": "3.12", "apt_packages": ["git"], "pip_packages": ["a"]}),
    "base": ('base_image="a:1", name="n", registry="b.io/c", env={"A": "$x"}', {"base": "a:1", "name": "n", "registry": "b.io/c", "env": {"A": "$$x"}}),
    "conda": (
        'conda_packages=["x"], conda_channels=["c"], packages=["a"]',
        {"base": "mambaorg/micromamba:2.0.5", "conda": {"packages": ["x"], "channels": ["c"], "pip": ["a"]}},
    ),
    "requirements": ('requirements="requirements.txt", pip_index="https://i.example/s"', {"requirements": "requirements.txt", "pip": {"index_url": "https://i.example/s"}}),
    "a lock": ('requirements="uv.lock"', {"uv_project": "pyproject.toml"}),
    "commands and files": (
        'source_root="src", commands=["x"], copy=["a.cfg"], platform="linux/amd64", entrypoint=["/bin/x"]',
        {
            "copy_dir": "src", "commands": ["x"], "copy": [{"src": "a.cfg", "dst": "a.cfg"}], "platforms": ["linux/amd64"],
            "entrypoint": ["/bin/x"],
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPECS)
def test_an_image_spec(folder: Path, name: str) -> None:
    written, expected = SPECS[name]
    result = flytekit(folder, f"app = ImageSpec({written})\n")
    assert result.data["images"] == {"app": expected}
    assert result.warnings == []


def test_methods_of_an_image_spec(folder: Path) -> None:
    result = flytekit(
        folder,
        'base = ImageSpec(packages=["a"])\napp = ImageSpec(base_image=base).with_packages(["b"]).with_commands(["x"]).force_push()\n',
    )
    assert result.data["images"] == {
        "base": {"pip_packages": ["a"]}, "app": {"extends": "base", "pip_packages": ["b"], "commands": ["x"]},
    }  # fmt: skip


SETTINGS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "resources": (
        'resources=flyte.Resources(cpu=(1, 2), memory="1Gi", gpu=1, shm="64M")', "", {"cpu": 2, "mem": "1Gi", "gpu": 1, "shm_size": "64M"},
    ),
    "thousandths": ('resources=flyte.Resources("500m", "1Gi")', "", {"cpu": 0.5, "mem": "1Gi"}),
    "env_vars": ('env_vars={"A": "$x"}', "", {"env": {"A": "$x"}}),
    "secrets": (
        'secrets=["k", flyte.Secret(key="l", as_env_var="L2"), flyte.Secret("m", mount="/etc/flyte/secrets")]', "",
        {"secrets": [{"secret": "k", "env": "K"}, {"secret": "l", "env": "L2"}, {"secret": "m", "target": "/etc/flyte/secrets"}]},
    ),
    "retries": ("", "retries=2", {"retry": {"attempts": 3}}),
    "a strategy": ("", "retries=flyte.RetryStrategy(count=1)", {"retry": {"attempts": 2}}),
    "timeout": ("", "timeout=90", {"max_time": "90s"}),
    "a timedelta": ("", "timeout=timedelta(minutes=5, seconds=1)", {"max_time": "301s"}),
    "a Timeout": ("", "timeout=flyte.Timeout(max_runtime=timedelta(hours=1))", {"max_time": "3600s"}),
    "without a cache": ('cache="disable"', "interruptible=False", {}),
    "the task wins": ('env_vars={"A": "1"}', 'env_vars={"B": "2"}', {"env": {"B": "2"}}),
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_a_task(folder: Path, name: str) -> None:
    environment, decorator, expected = SETTINGS[name]
    result = flyte(
        folder,
        f'env = flyte.TaskEnvironment(name="e", image=Image.from_base("a:1"), {environment})\n@env.task({decorator})\ndef work(): pass\n',
    )
    node = {"image": "e", "call": {"file": "flow.py", "function": "work"}, **expected}
    assert result.data["pipeline"] == {"serial": {"work": node}}
    assert result.data["images"] == {"e": {"base": "a:1", "copy_dir": "."}}
    assert result.warnings == []


IMAGES_OF_TASKS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "none": ("", "default", {"copy_dir": ".", "pip_packages": ["flyte"]}),
    "auto": ('image="auto"', "default", {"copy_dir": ".", "pip_packages": ["flyte"]}),
    "a reference": ('image="a.io/b:1"', "e", {"base": "a.io/b:1", "copy_dir": "."}),
    "by a variable": ("image=app", "app", {"python_version": "3.12", "pip_packages": ["x", "flyte"], "copy_dir": "."}),
    "a bundle": ('image=Image.from_base("a:1").clone(name="n", extendable=True).with_code_bundle()', "e", {"base": "a:1", "name": "n", "code_bundle": {"style": "loaded_modules"}}),
}  # fmt: skip


@pytest.mark.parametrize("name", IMAGES_OF_TASKS)
def test_images_that_run_tasks_have_the_code(folder: Path, name: str) -> None:
    written, image, expected = IMAGES_OF_TASKS[name]
    variable = f'app = {DEBIAN}.with_pip_packages("x")\n' if image == "app" else ""
    result = flyte(
        folder,
        f'{variable}env = flyte.TaskEnvironment("e", {written})\n@env.task\ndef work(): pass\n',
    )
    assert result.data["images"] == {image: expected}
    assert result.data["pipeline"]["serial"]["work"]["image"] == image


TASKS = (
    'env = flyte.TaskEnvironment(name="e", image="a:1")\n@env.task\nasync def one(n: int = 0) -> int: return n\n'
    "@env.task\nasync def two(x: int = 0, y: int = 0) -> int: return x\n"
)


def names(tree: Any) -> Any:
    """A tree as its names alone."""
    if isinstance(tree, dict) and "serial" in tree:
        return [name if "call" in node else (name, names(node)) for name, node in tree["serial"].items()]
    if isinstance(tree, dict) and "parallel" in tree:
        return {name: node.get("needs") for name, node in tree["parallel"].items()}
    return tree


MAINS: dict[str, tuple[str, Any]] = {
    "one after the other": ("a = await one(1)\nreturn await two(a)", ["one", "two"]),
    "gather": (
        "a, b = await asyncio.gather(one(1), one(2))\nreturn await two(a, y=b)", [("one and others", {"one": None, "one_2": None}), "two"],
    ),
    "gather a list": (
        "r = await asyncio.gather(*[one(n) for n in range(3)])\nreturn r", [("one and others", {"one": None, "one_2": None, "one_3": None})],
    ),
    "tasks of asyncio": (
        "a = asyncio.create_task(one(1))\nb = asyncio.create_task(two(2))\nawait one(await a)", [("one and others", {"one": None, "two": None}), "one_2"],
    ),
    "map": ("return list(flyte.map(one, [1, 2]))", [("one and others", {"one": None, "one_2": None})]),
    "aio and override": ("await one.aio(1)\nawait two.override(retries=1)(2)", ["one", "two"]),
    "in a group": ('with flyte.group("g"):\n    await one(1)\nawait two(2)', ["one", "two"]),
}  # fmt: skip


@pytest.mark.parametrize("name", MAINS)
def test_what_main_calls_is_run_in_its_order(folder: Path, name: str) -> None:
    body, expected = MAINS[name]
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    result = flyte(folder, f"{TASKS}@env.task\nasync def main():\n{lines}\n")
    assert names(result.data["pipeline"]) == expected
    assert result.data["name"] == "main"


def test_arguments_of_the_run(folder: Path) -> None:
    result = flyte(
        folder,
        f"{TASKS}@env.task\nasync def main(n: int, m: int = 2):\n    await two(n, y=m)\n"
        'if __name__ == "__main__":\n    flyte.init_from_config("c")\n    print(flyte.run(main, n=5).url)\n',
    )
    assert result.data["pipeline"]["serial"]["two"]["call"]["args"] == {"x": 5, "y": 2}


def test_a_workflow_of_flytekit(folder: Path) -> None:
    result = flytekit(
        folder,
        'image = ImageSpec(base_image="a:1", packages=["x"])\n'
        '@task(container_image=image, requests=Resources(cpu="2", mem="1Gi"), environment={"A": "1"}, retries=1, secret_requests=[Secret(group="g", key="k")])\n'
        "def load(n: int) -> int: return n\n@task(timeout=timedelta(seconds=5))\ndef train(x: int) -> int: return x\n@task\ndef side(): pass\n"
        "@workflow\ndef wf(n: int = 3) -> int:\n    x = load(n=n)\n    y = train(x=x).with_overrides(requests=Resources(mem='2Gi'))\n    s = side()\n    s >> x\n    return y\n",
    )
    assert result.data["secrets"] == {"k": {"env": "G_K"}}
    assert result.data["pipeline"] == {
        "parallel": {
            "load": {
                "image": "image", "call": {"file": "flow.py", "function": "load", "args": {"n": 3}}, "cpu": 2, "mem": "1Gi", "env": {"A": "1"},
                "secrets": [{"secret": "k", "env": "G_K"}], "retry": {"attempts": 2}, "needs": ["side"],
            },
            "train": {"image": "default", "call": {"file": "flow.py", "function": "train"}, "max_time": "5s", "mem": "2Gi", "needs": ["load"]},
            "side": {"image": "default", "call": {"file": "flow.py", "function": "side"}},
        }
    }  # fmt: skip
    assert result.data["images"] == {
        "image": {"base": "a:1", "pip_packages": ["x"], "copy_dir": "."},
        "default": {"copy_dir": ".", "pip_packages": ["flytekit"]},
    }


LOST: dict[str, tuple[str, str]] = {
    "F9 with_local_v2": (f"app = {DEBIAN}.with_local_v2()\n", "dist/NAME.whl"),
    "F9 with_local_v2_plugins": (f"app = {DEBIAN}.with_local_v2_plugins(['flyteplugins-x'])\n", "dist/NAME.whl"),
    "an unknown package": (f"app = {DEBIAN}.with_pip_packages(os.environ['P'], 'b')\n", "cannot be known without running"),
    "an unknown image": ('env = flyte.TaskEnvironment("f", image=os.environ["I"])\n@env.task\ndef main(): pass\n', "`image`"),
    "an unknown method": (f"app = {DEBIAN}.with_magic(1)\n", "`.with_magic(1)`"),
    "an unknown parameter": ("app = Image.from_debian_base(magic=1)\n", "`magic`"),
    "a cache": ('env = flyte.TaskEnvironment("f", cache="auto")\n@env.task\ndef main(): pass\n', "done again in every run"),
    "a device": ('env = flyte.TaskEnvironment("f", resources=flyte.Resources(gpu="A100:1"))\n@env.task\ndef main(): pass\n', "the device A100"),
    "a disk": ('env = flyte.TaskEnvironment("f", resources=flyte.Resources(disk="1Gi"))\n@env.task\ndef main(): pass\n', "`disk`"),
    "a result": (f"{TASKS}@env.task\nasync def main():\n    await two(await one())\n", "a result of one"),
    "main itself": (f"{TASKS}@env.task\nasync def main():\n    await two()\n", "the task main itself"),
    "an unknown map": (f"{TASKS}@env.task\nasync def main(n):\n    flyte.map(one, n)\n    await two()\n", "a node with `matrix`"),
    "a loop": (f"{TASKS}@env.task\nasync def main(n):\n    for i in n:\n        await one(i)\n    await two()\n", "for i in n"),
    "another task": (f"{TASKS}@env.task\nasync def main():\n    await two()\n", "`one`"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOST)
def test_what_is_lost_is_a_comment_and_a_warning(folder: Path, name: str) -> None:
    text, message = LOST[name]
    result = flyte(folder, text)
    assert any(message in said for _, said in result.warnings), result.warnings
    comments = " ".join(row for row in result.text.split("\n") if row.lstrip().startswith("#"))
    assert message in comments
