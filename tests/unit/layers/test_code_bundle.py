"""`code_bundle`: the modules that code imports, found by reading it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from code_layers import Kit, hadolint
from imgc.instructions.types import Copy, From
from imgc.layers.code_bundle import CALLS
from imgc.layers.imports import follow


def tree(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        where = folder / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "entry", "expected"),
    [
        (
            {"m.py": "import a, b.c", "a.py": "", "b/c.py": "", "b/d.py": "", "z.py": ""},
            "m.py",
            "a.py b/c.py m.py",
        ),
        (
            {"m.py": "import b.c", "b/__init__.py": "import x", "b/c.py": "", "x.py": ""},
            "m.py",
            "b/__init__.py b/c.py m.py x.py",
        ),
        (
            {"m.py": "from b import c, d", "b/__init__.py": "d = 1", "b/c.py": ""},
            "m.py",
            "b/__init__.py b/c.py m.py",
        ),
        (
            {"m.py": "from b import c", "b/__init__.py": "", "b/c/__init__.py": ""},
            "m.py",
            "b/__init__.py b/c/__init__.py m.py",
        ),
        ({"m.py": "from n import c", "n/c.py": ""}, "m.py", "m.py n/c.py"),
        (
            {"m.py": "import n.o.c", "n/o/c.py": "from . import d", "n/o/d.py": ""},
            "m.py",
            "m.py n/o/c.py n/o/d.py",
        ),
        ({"m.py": "import a", "a.py": "import m"}, "m.py", "a.py m.py"),
        ({"m.py": "import a", "a/__init__.py": "", "a.py": ""}, "m.py", "a/__init__.py m.py"),
        ({"m.py": "import a", "a.py": "", "a/x.txt": ""}, "m.py", "a.py m.py"),
        ({"m.py": "import numpy, os.path, json"}, "m.py", "m.py"),
        (
            {
                "m.py": "def f():\n  import a\ntry:\n  import b\nexcept ImportError: pass",
                "a.py": "",
                "b.py": "",
            },
            "m.py",
            "a.py b.py m.py",
        ),
        ({"m.py": "__import__('a'); import importlib", "a.py": ""}, "m.py", "m.py"),
        (
            {"m.py": "from p import *", "p/__init__.py": "__all__ = ['a', 'f']", "p/a.py": "", "p/b.py": ""},
            "m.py",
            "m.py p/__init__.py p/a.py",
        ),
        (
            {
                "p/m.py": "from . import a\nfrom .b import c\nfrom .. import q",
                "p/__init__.py": "",
                "p/a.py": "",
                "p/b.py": "",
                "q.py": "",
            },
            "p/m.py",
            "p/__init__.py p/a.py p/b.py p/m.py q.py",
        ),
        (
            {"p/m.py": "import a, p.b", "p/a.py": "", "p/b.py": "", "p/__init__.py": ""},
            "p/m.py",
            "p/__init__.py p/a.py p/b.py p/m.py",
        ),
        (
            {"scripts/m.py": "import lib", "scripts/lib.py": "", "lib.py": ""},
            "scripts/m.py",
            "scripts/lib.py scripts/m.py",
        ),
        (
            {"src/app/__init__.py": "from app.x import y", "src/app/x.py": ""},
            "src/app/__init__.py",
            "src/app/__init__.py src/app/x.py",
        ),
        ({"m.py": "import app", "src/app/__init__.py": ""}, "m.py", "m.py src/app/__init__.py"),
        ({"m.py": "import a.b.c", "a/__init__.py": ""}, "m.py", "a/__init__.py m.py"),
        ({"m.py": "from ... import x\nfrom . import y", "y.py": ""}, "m.py", "m.py y.py"),
        ({"m.py": "import A", "a.py": ""}, "m.py", "m.py"),
        ({"m.py": "x = '\\d'; import a", "a.py": "# -*- coding: latin-1 -*-\n"}, "m.py", "a.py m.py"),
    ],
)
def test_follow(tmp_path: Path, files: dict[str, str], entry: str, expected: str) -> None:
    found = follow(tree(tmp_path, files), [entry])
    assert (found.files, found.problems) == (tuple(sorted(expected.split())), ())


def test_files_that_are_no_python(tmp_path: Path) -> None:
    tree(tmp_path, {"m.py": "import a, b", "a.py": "x = 1\ndef (:\n", "b.py": "\0"})
    (tmp_path / "b.py").write_bytes(b"x = '\0'")
    found = follow(tmp_path, ["m.py", "gone.py"])
    assert [(problem.file, problem.line) for problem in found.problems][:2] == [
        ("a.py", 2),
        ("b.py", found.problems[1].line),
    ]
    assert found.problems[2].reason == "no such file or directory"


def test_deep_nesting_is_a_finding(tmp_path: Path) -> None:
    tree(tmp_path, {"m.py": "(" * 20_000 + ")" * 20_000})
    assert len(follow(tmp_path, ["m.py"]).problems) == 1


NAMES = ("a", "b", "c", "p", "p.a", "p.q", "p.q.b", "n.x")
FILES = {
    "a": "a.py",
    "b": "b.py",
    "c": "c.py",
    "p": "p/__init__.py",
    "p.a": "p/a.py",
    "p.q": "p/q/__init__.py",
    "p.q.b": "p/q/b.py",
    "n.x": "n/x.py",
}
IMPORTS = st.lists(
    st.one_of(
        st.sampled_from(NAMES).map("import {}".format),
        st.sampled_from(NAMES)
        .filter(lambda name: "." in name)
        .map(lambda name: f"from {name.rpartition('.')[0]} import {name.rpartition('.')[2]}"),
        st.just("import json"),
    ),
    max_size=3,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries(dict.fromkeys(NAMES, IMPORTS)), IMPORTS)
def test_what_python_loads_is_what_is_found(
    tmp_path_factory: pytest.TempPathFactory, imports: dict[str, list[str]], first: list[str]
) -> None:
    """Held against Python itself: every module below the root that a run has loaded is among the files."""
    folder = tmp_path_factory.mktemp("tree")
    tree(folder, {FILES[name]: "\n".join(lines) for name, lines in imports.items()})
    report = (
        "import sys; print(*(getattr(m, '__file__', 0) or '' for m in list(sys.modules.values())), sep='\\n')"
    )
    tree(folder, {"m.py": "\n".join([*first, report])})
    done = subprocess.run(
        [sys.executable, "-B", "m.py"], cwd=folder, text=True, capture_output=True, check=True
    )
    loaded = {
        Path(line).relative_to(folder).as_posix()
        for line in done.stdout.split()
        if Path(line).is_relative_to(folder)
    }
    found = set(follow(folder, ["m.py"]).files)
    assert loaded <= found
    # `from p import a` loads p.a unless p has another a by then, which only a run can tell.
    if not any(line.startswith("from") for lines in (*imports.values(), first) for line in lines):
        assert loaded == found


# The layer


@pytest.fixture
def kit(kit: Kit) -> Kit:
    tree(
        kit.folder,
        {
            "src/app/main.py": "from app import util\nimport other",
            "src/app/__init__.py": "",
            "src/app/util.py": "",
            "src/other.py": "",
            "src/unused.py": "",
            "data.csv": "",
        },
    )
    return kit


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "code_bundle: {entry: src/app/main.py}",
            [
                "WORKDIR /app",
                "COPY src/app/__init__.py src/app/main.py src/app/util.py ./src/app/",
                "COPY src/other.py ./src/",
            ],
        ),
        (
            "copy_dir: src\ncode_bundle: {entry: src/app/main.py}",
            [
                "WORKDIR /app",
                "COPY src/app/__init__.py src/app/main.py src/app/util.py ./app/",
                "COPY src/other.py ./",
            ],
        ),
        ("code_bundle: {entry: src/unused.py, dst: /x}", ["WORKDIR /app", "COPY src/unused.py /x/src/"]),
        ("code_bundle: {entry: src/unused.py, dst: y/}", ["WORKDIR /app", "COPY src/unused.py ./y/src/"]),
        ("code_bundle: {style: all}", ["WORKDIR /app", "COPY . ./"]),
        ("copy_dir: src\ncode_bundle: {style: all, dst: lib}", ["WORKDIR /app", "COPY src ./lib/"]),
        ("code_bundle: {entry: src/unused.py}\nuser: 7", None),
    ],
)
def test_what_is_copied(kit: Kit, source: str, expected: list[str] | None) -> None:
    text = kit.dockerfile(source)
    assert expected in (None, text.splitlines()[1:])
    assert hadolint(text, kit.folder) == ""
    assert kit.codes == []


def test_where_it_is(kit: Kit) -> None:
    kit.image("code_bundle: {entry: src/unused.py}")
    assert kit.recipe.path_map == {".": "/app"}
    kit.image("copy_dir: src\ncode_bundle: {entry: src/unused.py, dst: lib}")
    assert kit.recipe.path_map == {"src": "/app/lib"}


def test_the_files_of_calls_are_the_entry(kit: Kit) -> None:
    text = kit.dockerfile(
        "copy_dir: src\ncode_bundle: {}", notes={CALLS: ("src/other.py", "src/unused.py", "x.py")}
    )
    assert text.splitlines()[2:] == ["COPY src/other.py src/unused.py ./"]


def test_many_folders_are_one_layer(kit: Kit) -> None:
    modules = {f"lib/p{number}/m.py": "" for number in range(30)}
    tree(kit.folder, {**modules, "main.py": "\n".join(f"import lib.p{number}.m" for number in range(30))})
    text = kit.dockerfile("code_bundle: {entry: main.py}\nuser: 1000:50\nauto_workdir: false\nworkdir: /w")
    assert isinstance(kit.recipe.helpers[0].steps[0].instruction, From)
    assert [step.instruction for step in kit.recipe.steps if isinstance(step.instruction, Copy)] == [
        Copy(("/code",), "/w/", "1000:50", "code")
    ]
    assert hadolint(text, kit.folder) == ""


def test_source_files_hold_for_it(kit: Kit) -> None:
    assert kit.image("code_bundle: {style: all}\nsource_files: ignore") == []
    kit.image("code_bundle: {style: all}\nsource_files: download")
    assert [type(step.instruction).__name__ for step in kit.recipe.steps[1:]] == ["Workdir"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("code_bundle: {}", [("missing-entry", 1, 1)]),
        ("code_bundle: {entry: src/none.py}", [("path-missing", 1, 22)]),
        ("code_bundle: {entry: src}", [("path-not-a-file", 1, 22)]),
        ("code_bundle: {entry: data.csv}", [("entry-not-python", 1, 22)]),
        ("copy_dir: src\ncode_bundle: {entry: data.csv}", [("entry-outside", 2, 22)]),
        ("copy_dir: srcc\ncode_bundle: {entry: data.csv}", [("path-missing", 1, 11)]),
        ("copy_url: https://h/a\ncopy_branch: b\ncode_bundle: {style: all}", [("conflicting-keys", 3, 1)]),
        ("code_bundle: {style: all}\ncopy_repo: true", [("conflicting-keys", 2, 1)]),
        ("code_bundle: {style: all}\ncopy_repo: false", []),
        ('code_bundle: {style: all, dst: "a\\0"}', [("unwritable-value", 1, 32)]),
        ("code_bundle: x", []),
    ],
)
def test_what_is_said(kit: Kit, source: str, said: list[tuple[str, int, int]]) -> None:
    kit.image(source)
    assert kit.said == said


def test_a_module_that_cannot_be_read_is_named(kit: Kit) -> None:
    kit.file("src/other.py", "x = 1\nclass\n")
    kit.image("code_bundle: {entry: src/app/main.py}")
    assert kit.said == [("unreadable-module", 1, 22)]
    assert "src/other.py:2: invalid syntax" in kit.findings[0].message
