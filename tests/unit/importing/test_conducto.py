"""Conducto pipelines: what each row of docs/features.md becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imgc.importing.source import SourceError
from importkit import Imported, import_text, written

FILES = {
    "hello.py": "", "docker/app/Dockerfile": "FROM debian:bookworm-slim\n", "Dockerfile": "FROM debian:bookworm-slim\n",
    "local-copy/p/x": "", "steps.py": "def load(n=1): pass\n", "package.json": "{}", "package-lock.json": "{}",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path, FILES)


def conducto(folder: Path, text: str) -> Imported:
    return import_text(
        f"import os\nfrom pathlib import Path\nimport conducto as co\n{text}",
        folder,
        "pipeline.py",
        "conducto",
    )


IMAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "C2 a string": ('"alpine:3.20"', {"base": "alpine:3.20"}),
    "C2 a keyword": ('image="alpine:3.20"', {"base": "alpine:3.20"}),
    "C2 an f-string": ('f"python:{VERSION}-slim"', {"base": "python:3.12-slim"}),
    "C2 nothing": ("", {}),
    "C3 copy_dir": ('"python:3.12-slim", copy_dir="."', {"base": "python:3.12-slim", "copy_dir": "."}),
    "C3 a path of this file": (
        '"a:1", copy_dir=Path(__file__).parent / "docker"', {"base": "a:1", "copy_dir": "docker"},
    ),
    "C3 os.path": (
        '"a:1", copy_dir=os.path.join(os.path.dirname(os.path.abspath(__file__)), "docker", "app")',
        {"base": "a:1", "copy_dir": "docker/app"},
    ),
    "C4 copy_url": (
        '"a:1", copy_url="https://github.com/conducto/examples", copy_branch="main"',
        {"base": "a:1", "copy_url": "https://github.com/conducto/examples", "copy_branch": "main"},
    ),
    "C4 s3": ('"a:1", copy_url="s3://bucket/x"', {"base": "a:1", "copy_url": "s3://bucket/x"}),
    "C5 copy_repo": ('"a:1", copy_repo=True', {"base": "a:1", "copy_repo": True}),
    "C6 reqs_py": ('"python:3.12", reqs_py=["numpy>=1.20", "pandas"]', {"base": "python:3.12", "pip_packages": ["numpy>=1.20", "pandas"]}),
    "C6 install_pip": ('"python:3.12", install_pip=PACKAGES + ["c"]', {"base": "python:3.12", "pip_packages": ["a", "b", "c"]}),
    "C7 reqs_packages": ('reqs_packages=["jq"]', {"system_packages": ["jq"]}),
    "C7 install_packages": ('install_packages=["jq"]', {"system_packages": ["jq"]}),
    "C8 reqs_docker": ("reqs_docker=True", {"install_docker": True}),
    "C8 install_docker, off": ("image='a:1', install_docker=False", {"base": "a:1"}),
    "C9 dockerfile": ('dockerfile="docker/app/Dockerfile"', {"dockerfile": "docker/app/Dockerfile"}),
    "C9 context and arguments": (
        'dockerfile="docker/app/Dockerfile", context=".", docker_build_args={"A": 1}',
        {"dockerfile": {"path": "docker/app/Dockerfile", "context": ".", "args": {"A": "1"}}},
    ),
    "C9 layers on top": (
        'dockerfile="Dockerfile", reqs_packages=["jq"]', {"dockerfile": "Dockerfile", "system_packages": ["jq"]},
    ),
    "C9 dockerfile_text": ('dockerfile_text="FROM a:1\\n"', {"dockerfile": {"text": "FROM a:1\n"}}),
    "C10 docker_auto_workdir": ('"a:1", copy_dir=".", docker_auto_workdir=False', {"base": "a:1", "copy_dir": ".", "auto_workdir": False}),
    "C11 path_map": (
        '"a:1", copy_url="https://h.example/x", copy_branch="m", path_map={"./local-copy/p": "p"}',
        {"base": "a:1", "copy_url": "https://h.example/x", "copy_branch": "m", "path_map": {"./local-copy/p": "p"}},
    ),
    "C13 pre_built": ('"a:1", pre_built=True', {"base": "a:1", "skip_build": True}),
    "install_npm": ('"node:22", install_npm=["x"]', {"base": "node:22", "npm_packages": ["x"]}),
    "install_npm, of package.json": ('"node:22", copy_dir=".", reqs_npm=True', {"base": "node:22", "npm_packages": True, "copy_dir": "."}),
    "shell": ('"a:1", shell="/bin/bash"', {"base": "a:1", "shell": ["/bin/bash", "-ec"]}),
    "shell, found": ('"a:1", shell=co.Image.AUTO', {"base": "a:1"}),
    "by dictionary": ('**{"image": "a:1", "reqs_packages": ["jq"]}', {"base": "a:1", "system_packages": ["jq"]}),
}  # fmt: skip


@pytest.mark.parametrize("name", IMAGES)
def test_an_image(folder: Path, name: str) -> None:
    arguments, expected = IMAGES[name]
    result = conducto(folder, f'VERSION = "3.12"\nPACKAGES = ["a", "b"]\nimg = co.Image({arguments})\n')
    assert result.data["images"] == {"img": expected}
    assert result.warnings == []


NODES: dict[str, tuple[str, Any]] = {
    "C1 no image": ('root["a"] = co.Exec("ls")', {"serial": {"a": "ls"}}),
    "C2 a string": ('root["a"] = co.Exec("ls", image="alpine:3.20")', {"serial": {"a": {"image": "alpine:3.20", "run": "ls"}}}),
    "C2 a string without a tag": ('root["a"] = co.Exec("ls", image="alpine")', {"serial": {"a": {"image": {"base": "alpine"}, "run": "ls"}}}),
    "C12 an image without a name": (
        'root["a"] = co.Exec("ls", image=co.Image("a:1", copy_dir="."))',
        {"serial": {"a": {"image": {"base": "a:1", "copy_dir": "."}, "run": "ls"}}},
    ),
    "C12 nothing at all": ('root["a"] = co.Exec("ls", image=co.Image())', {"serial": {"a": {"image": {}, "run": "ls"}}}),
    "C15 trees": (
        'root["p"] = co.Parallel()\nroot["p/x"] = co.Exec("x")\nroot["p"]["y"] = co.Exec("y")\nroot["s"] = s = co.Serial()\ns["z"] = co.Exec("z")',
        {"serial": {"p": {"parallel": {"x": "x", "y": "y"}}, "s": {"serial": {"z": "z"}}}},
    ),
    "C15 paths from the root": (
        'root["/p"] = co.Parallel()\nroot["/p/x"] = co.Exec("x")\nroot["/p/x"].doc = "d"', {"serial": {"p": {"parallel": {"x": {"run": "x", "doc": "d"}}}}},
    ),
    "C15 with": (
        'with root:\n with co.Parallel(name="p") as p:\n  co.Exec("x", name="x")\n  p["y"] = co.Exec("y")\n co.Exec("z", name="z")',
        {"serial": {"p": {"parallel": {"x": "x", "y": "y"}}, "z": "z"}},
    ),
    "C15 a loop": (
        'for i, n in enumerate(["a", "b"]):\n root[f"{n}{i:02}"] = co.Exec("echo %d" % i)', {"serial": {"a00": "echo 0", "b01": "echo 1"}},
    ),
    "C15 a function that makes nodes": (
        'def make(n, c="echo"):\n p = co.Parallel()\n p[n] = co.Exec(c + " " + n)\n return p\nroot["a"] = make("x")\nroot["b"] = make("y", c="ls")',
        {"serial": {"a": {"parallel": {"x": "echo x"}}, "b": {"parallel": {"y": "ls y"}}}},
    ),
    "C16 a function": ('root["a"] = co.Exec(work)', {"serial": {"a": {"call": {"file": "pipeline.py", "function": "work"}}}}),
    "C16 arguments": (
        'root["a"] = co.Exec(work, 1, b="x", cpu=2)',
        {"serial": {"a": {"call": {"file": "pipeline.py", "function": "work", "args": {"a": 1, "b": "x"}}, "cpu": 2}}},
    ),
    "C16 arguments by position": (
        'root["a"] = co.Exec(work, 1, [True, "x"])',
        {"serial": {"a": {"call": {"file": "pipeline.py", "function": "work", "args": [1, [True, "x"]]}}}},
    ),
    "C16 a function of another file": (
        'from steps import load\nroot["a"] = co.Exec(load, n=2)',
        {"serial": {"a": {"call": {"file": "steps.py", "function": "load", "args": {"n": 2}}}}},
    ),
    "C18 a path of a command": (
        'root["a"] = co.Exec(f"cat {Path(__file__).parent}/hello.py")', {"serial": {"a": "cat ${{ path('./hello.py') }}"}},
    ),
    "C19 new": ('root["a"] = co.Serial(container_reuse_context=co.ContainerReuseContext.NEW)\nroot["a/b"] = co.Exec("x")', {"serial": {"a": {"container_reuse": "new", "serial": {"b": "x"}}}}),
    "C19 global": ('root["a"] = co.Exec("x", same_container=co.SameContainer.GLOBAL)', {"serial": {"a": {"container_reuse": "global", "run": "x"}}}),
    "C23 resources": ('root["a"] = co.Exec("x", cpu=0.5, mem=2, gpu=1)', {"serial": {"a": {"run": "x", "cpu": 0.5, "mem": "2Gi", "gpu": 1}}}),
    "C23 half a gigabyte": ('root["a"] = co.Exec("x", mem=0.5)', {"serial": {"a": {"run": "x", "mem": "512Mi"}}}),
    "C23 env": ('root["a"] = co.Exec("x", env={"A": "$B", "C": "d"})', {"serial": {"a": {"run": "x", "env": {"A": "$B", "C": "d"}}}}),
    "C23 switches": (
        'root["a"] = co.Exec("x", skip=True, suppress_errors=True, requires_docker=True)',
        {"serial": {"a": {"run": "x", "skip": True, "suppress_errors": True, "requires_docker": True}}},
    ),
    "C23 of groups": (
        'root["a"] = co.Serial(stop_on_error=False, max_concurrent=2)\nroot["a/b"] = co.Exec("x")',
        {"serial": {"a": {"stop_on_error": False, "max_concurrent": 2, "serial": {"b": "x"}}}},
    ),
    "C23 max_time": ('root["a"] = co.Exec("x", max_time="1h30m")', {"serial": {"a": {"run": "x", "max_time": "1h30m"}}}),
    "C23 max_time in seconds": ('root["a"] = co.Exec("x", max_time=90)', {"serial": {"a": {"run": "x", "max_time": "90s"}}}),
    "C23 max_time in days": ('root["a"] = co.Exec("x", max_time="2d")', {"serial": {"a": {"run": "x", "max_time": "48h"}}}),
    "C23 docker_run_args": (
        'root["a"] = co.Exec("x", docker_run_args="-v \'/a b:/c\'")', {"serial": {"a": {"run": "x", "docker_run_args": ["-v", "/a b:/c"]}}},
    ),
    "C23 words": (
        'root["a"] = co.Exec("x", title="t", doc="d", tags="one")', {"serial": {"a": {"run": "x", "title": "t", "doc": "d", "tags": ["one"]}}},
    ),
    "C23 lines": (
        'root["a"] = co.Exec("""\n  x\n  y\n""", doc="""\n    d\n    e\n    """)', {"serial": {"a": {"run": "  x\n  y", "doc": "d\ne"}}},
    ),
    "C23 set": ('root["a"] = co.Exec("x")\nroot["a"].set(cpu=2)', {"serial": {"a": {"run": "x", "cpu": 2}}}),
    "C23 params": ('root["a"] = co.Exec("x", params={"cpu": 2})', {"serial": {"a": {"run": "x", "cpu": 2}}}),
    "C23 set later": ('root["a"] = co.Exec("x")\nroot["a"].cpu = 2', {"serial": {"a": {"run": "x", "cpu": 2}}}),
    "C24 retry": ('root["a"] = co.Exec("x")\nroot["a"].on_error(co.callback.retry(3))', {"serial": {"a": {"run": "x", "retry": {"attempts": 4}}}}),
    "C24 retry_then_skip": (
        'root["a"] = a = co.Exec("x")\na.on_error(co.callback.retry_then_skip(max_num_retries=1))',
        {"serial": {"a": {"run": "x", "retry": {"attempts": 2}, "suppress_errors": True}}},
    ),
    "C24 retry_with_double_mem": (
        'root["a"] = a = co.Exec("x", mem=1)\na.on_error(co.callback.retry_with_double_mem(2))',
        {"serial": {"a": {"run": "x", "mem": "1Gi", "retry": {"attempts": 3, "on": ["error", "oom"], "mem_factor": 2}}}},
    ),
    "C24 handle_memory_errors": (
        'root["a"] = a = co.Exec("x")\na.on_error(co.callback.handle_memory_errors())',
        {"serial": {"a": {"run": "x", "retry": {"attempts": 3, "on": ["oom"], "mem_factor": 2}}}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NODES)
def test_a_node(folder: Path, name: str) -> None:
    body, expected = NODES[name]
    image = ', image=co.Image("python:3.12-slim", copy_dir=".")' if "C16" in name or "C18" in name else ""
    result = conducto(folder, f"def work(a=0, b=0): pass\nroot = co.Serial(doc='r'{image})\n{body}\n")
    below = {"serial": result.data["pipeline"]["serial"]}
    assert below == expected
    assert result.warnings == []


def test_registered_images_and_their_names(folder: Path) -> None:
    result = conducto(
        folder,
        'root = co.Parallel()\nroot.register_image(co.Image("python:3.8", copy_dir=".", name="base_python"))\n'
        'root["a"] = co.Exec("x", image_name="base_python")\n',
    )
    assert result.data["images"] == {"base_python": {"base": "python:3.8", "copy_dir": "."}}
    assert result.data["pipeline"] == {"parallel": {"a": {"image": "base_python", "run": "x"}}}


def test_an_image_by_the_name_of_another(folder: Path) -> None:
    result = conducto(
        folder, 'foo = co.Image("a:1", name="bar")\nroot = co.Serial(image="bar")\nroot["a"] = co.Exec("x")\n'
    )
    assert result.data["pipeline"]["image"] == "bar"


MAINS = {
    "the default of main": 'def other() -> co.Serial:\n return co.Serial()\ndef hello():\n r = co.Serial()\n r["a"] = co.Exec("x")\n return r\nif __name__ == "__main__":\n co.main(default=hello)',
    "what is annotated": 'def hello(n: int = 1) -> co.Serial:\n r = co.Serial()\n for i in range(n):\n  r["a"] = co.Exec("x")\n return r\nif __name__ == "__main__":\n co.main()',
    "a with block of a function": 'def hello() -> "co.Serial":\n with co.Serial() as r:\n  r["a"] = co.Exec("x")\n return r',
    "a node of the module": 'r = co.Serial()\nr["a"] = co.Exec("x")',
    "one node alone": 'def hello() -> co.Exec:\n return co.Exec("x")',
}  # fmt: skip


@pytest.mark.parametrize("name", MAINS)
def test_where_the_pipeline_is(folder: Path, name: str) -> None:
    expected = {"run": "x"} if "alone" in name else {"serial": {"a": "x"}}
    assert conducto(folder, MAINS[name]).data["pipeline"] == expected


LOST: dict[str, tuple[str, int, str]] = {
    "unknown value": ('co.Image(image=os.environ["IMAGE"])', 4, "cannot be known without running"),
    "unknown item": ('co.Image("a:1", reqs_packages=["jq", os.environ["X"]])', 4, "an item of `reqs_packages`"),
    "unknown keyword": ('co.Image("a:1", reqs_ruby=["x"])', 4, "`reqs_ruby`"),
    "a branch alone": ('co.Image("a:1", copy_repo=True, copy_branch="b")', 4, "`copy_branch`"),
    "git_sha": ('co.Image("a:1", git_sha="abc")', 4, "`git_sha`"),
    "lazy_py": ('root["l"] = co.lazy_py(work)', 4, "`lazy` takes a command"),
    "a command": ('root["l"] = co.Exec(open("x").read())', 4, "the command of `l`"),
    "a name": ('root[os.environ["N"]] = co.Exec("x")', 4, "its name is not known"),
    "a missing parent": ('root["a/b"] = co.Exec("x")', 4, "the node `a/b`"),
    "a condition": ('if os.environ.get("CI"):\n root["ci"] = co.Exec("x")', 4, 'if os.environ.get("CI")'),
    "a while loop": ('while True:\n root["ci"] = co.Exec("x")', 4, "while True"),
    "a nested function": ('def make():\n def inner(): pass\n return inner\nroot["a"] = co.Exec(make())', 7, "the function `inner`"),
    "email": ('root["x"].on_done(co.callback.email(to="a@b.example"))', 4, "sends the mail"),
    "an unknown callback": ('root["x"].on_error(print)', 4, "when: always"),
    "an argument": ('root["a"] = co.Exec(work, b=os.getcwd())', 4, "the argument `b`"),
    "another call": ('co.Image.register_directory("a", "..")', 4, "register_directory"),
    "a time": ('root["a"] = co.Exec("x", max_time="soon")', 4, "`soon` is no time"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOST)
def test_what_is_lost_is_a_comment_and_a_warning(folder: Path, name: str) -> None:
    body, line, message = LOST[name]
    root = "def work(a=0, b=0): pass; \nroot = co.Serial(image=co.Image('a:1', copy_dir='.')); root['x'] = co.Exec('x')\n"
    result = import_text(f"import os, conducto as co\n{root}{body}\n", folder, "pipeline.py", "conducto")
    assert any(at == line and message in said for at, said in result.warnings), result.warnings
    comments = " ".join(row for row in result.text.split("\n") if row.lstrip().startswith("#"))
    assert message in comments


def test_an_unknown_base_is_a_place_to_fill(folder: Path) -> None:
    """The rest is there; a build of it fails, rather than to begin from another image."""
    result = conducto(
        folder,
        'img = co.Image(image=os.environ["I"])\nroot = co.Serial(image=img)\nroot["a"] = co.Exec("x", image=os.environ["J"])\n',
    )
    assert result.data["images"] == {"img": {"base": "registry.invalid/unknown:unknown"}}
    assert result.data["pipeline"]["serial"]["a"] == {
        "image": {"base": "registry.invalid/unknown:unknown"},
        "run": "x",
    }
    assert [line for line, _ in result.warnings] == [4, 6]


@pytest.mark.parametrize(
    "path", ['"nowhere/Dockerfile"', '"/etc/Dockerfile"', 'os.environ["D"]', '"docker"', '"../Dockerfile"']
)
def test_a_dockerfile_that_is_not_there_is_a_place_to_fill(folder: Path, path: str) -> None:
    result = conducto(
        folder,
        f'root = co.Serial(image=co.Image(dockerfile={path}, context="."))\nroot["a"] = co.Exec("x")\n',
    )
    assert result.data["pipeline"] == {
        "image": {"base": "registry.invalid/unknown:unknown"},
        "serial": {"a": "x"},
    }
    assert len(result.warnings) == 1


def test_functions_that_make_parts_are_no_other_pipelines(folder: Path) -> None:
    result = conducto(
        folder,
        "def part(n) -> co.Serial:\n r = co.Serial()\n r['x'] = co.Exec(n)\n return r\n"
        "def whole() -> co.Serial:\n r = co.Serial()\n r['p'] = part('y')\n return r\n",
    )
    assert result.data["pipeline"] == {"serial": {"p": {"serial": {"x": "y"}}}}
    assert result.warnings == []


def test_code_that_is_not_in_the_image_is_left_out_with_its_node(folder: Path) -> None:
    result = conducto(
        folder, "def work(): pass\nroot = co.Serial()\nroot['a'] = co.Exec(work)\nroot['b'] = co.Exec('x')\n"
    )
    assert result.data["pipeline"] == {"serial": {"b": "x"}}
    assert any("nowhere in the image" in message for _, message in result.warnings)


def test_nothing_is_run(folder: Path) -> None:
    trace = folder / "trace"
    (folder / "evil.py").write_text(f"open({str(trace)!r}, 'w')\n")
    result = conducto(
        folder,
        f"import sys\nsys.path.insert(0, '.')\nimport evil\nopen({str(trace)!r}, 'w').write('x')\nos.system('touch {trace}')\n"
        f"exec(\"open({str(trace)!r}, 'w')\")\neval('1')\nroot = co.Serial()\nroot['a'] = co.Exec(str(Path({str(trace)!r}).touch()))\n"
        f"[Path({str(trace)!r}).write_text('x') for _ in range(2)]\nclass A:\n    open({str(trace)!r}, 'w')\n",
    )
    assert not trace.exists()
    assert result.lines


BAD: dict[str, tuple[str, int, str]] = {
    "syntax": ("import conducto\nx = (\n", 2, "was never closed"),
    "Python 2": ("import conducto\nprint 'x'\n", 2, "Python 2"),
    "null byte": ("import conducto\nx = '\0'\n", 2, "null byte"),
    "brackets": (f"x = {'[' * 3000}{']' * 3000}", 1, "nested"),
    "signs": (f"x = {'-' * 200_000}1", 1, "nested too deeply"),
    "runs for ever": ("import conducto\n" + "for i in range(2000):\n    for j in range(2000):\n        x = i\n" * 9, 25, "runs for longer"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_said_with_its_line(tmp_path: Path, name: str) -> None:
    text, line, message = BAD[name]
    with pytest.raises(SourceError) as caught:
        import_text(text, tmp_path, "pipeline.py", "conducto")
    assert message in str(caught.value)
    assert caught.value.span.place.line == line


GROWING = {
    "text": "x = 'a' * 10 ** 3\nfor i in range(100):\n    x = f'{x}{x}'\n",
    "products": "x = 2\nfor i in range(1000):\n    x = x * x\n",
    "lists": "x = [1]\nfor i in range(1000):\n    x = x + x\n",
    "lists in lists": "x = [1]\nfor i in range(1000):\n    x = [x, x]\nroot['a'] = co.Exec(work, x)\n",
    "itself": "x = []\nx.append(x)\nroot['a'] = co.Exec(work, x)\n",
    "widths": "x = '{:>1000000000}'.format(1)\ny = '%1000000000d' % 1\nz = f'{1:>1000000000}'\n",
    "replace": "x = 'a' * 90000\ny = x.replace('a', x)\nz = x.join(list(x))\n",
    "ranges": "x = list(range(10 ** 12))\ny = [0] * 10 ** 12\n",
    "loops in loops": "for i in range(2000):\n    for j in range(2000):\n        root[f'{i}{j}'] = co.Exec('y')\n",
    "recursion": "def f(n):\n    return f(n + 1)\nx = f(0)\n",
    "a long chain": "x = co.Image('a:1')" + ".a()" * 900 + "\n",
    "work on large values": "x = list(range(90000))\nfor i in range(2000):\n    y = i in x\n    z = sorted(x)\n",
    "digits": "x = round(5, -10 ** 9)\n",
    "a long sum": "x = " + "1 + " * 900 + "1\n",
    "many branches": "import sys\nif sys.x: pass\n" + "elif sys.x: pass\n" * 300,
}


@pytest.mark.parametrize("name", GROWING)
def test_what_would_grow_is_not_followed(folder: Path, name: str) -> None:
    result = conducto(
        folder,
        f"def work(a=0): pass\nroot = co.Serial(image=co.Image('b:1', copy_dir='.'))\nroot['b'] = co.Exec('x')\n{GROWING[name]}",
    )
    assert result.data["pipeline"]["serial"]["b"] == "x"
