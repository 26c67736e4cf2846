"""Paths that a pipeline names: found, missed with near names, outside, or not readable."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgc.context.project import Missing, Project


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """repo/.git, repo/lib/core.py, and the pipeline's folder, repo/app, with src and requirements.txt."""
    root = tmp_path / "repo"
    (root / ".git").mkdir(parents=True)
    write(root / "lib/core.py", "core")
    write(root / "app/src/main.py", "main")
    write(root / "app/src/data/a.csv")
    write(root / "app/requirements.txt", "six\n")
    write(tmp_path / "elsewhere/secret.txt", "secret")
    return root


@pytest.fixture
def project(tree: Path) -> Project:
    return Project(tree / "app", "pipeline.yaml")


def missing(project: Project, path: str, want: str = "any") -> Missing:
    found = project.locate(path, want)  # type: ignore[arg-type]
    assert isinstance(found, Missing), found
    assert found.message
    assert not found.message.endswith(".")  # it goes on with a label
    return found


@pytest.mark.parametrize(
    ("path", "want", "located"),
    [
        ("src", "any", "src"), ("src", "dir", "src"), ("src/", "dir", "src"), ("./src", "any", "src"),
        ("src/main.py", "file", "src/main.py"), ("src//./main.py", "file", "src/main.py"), (".", "dir", "."),
        ("./", "dir", "."), ("..", "dir", ".."), ("../lib", "dir", "../lib"),
        ("src/../../lib/core.py", "file", "../lib/core.py"),
        ("nowhere/../src", "any", "src"), ("../app/src", "dir", "src"), ("../app", "dir", "."),
    ],
)  # fmt: skip
def test_located(project: Project, path: str, want: str, located: str) -> None:
    assert project.locate(path, want) == located  # type: ignore[arg-type]
    assert project.exists(path)


def test_absolute_paths_inside_are_fine(project: Project, tree: Path) -> None:
    assert project.locate(str(tree / "lib")) == "../lib"
    assert project.locate(str(tree / "app")) == "."
    assert project.locate(f"/{tree}/app//src/") == "src"


def test_a_folder_known_by_a_symlink(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tree / "app")
    project = Project(tmp_path / "link", "pipeline.yaml")
    assert project.root == tree
    assert project.directory == tree / "app"
    assert project.locate("../lib") == "../lib"
    assert project.locate(str(tmp_path / "link/src")) == "src"
    assert project.locate(str(tree / "app/src")) == "src"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "empty"), ("~/x", "begins with '~'"), ("~", "begins with '~'"), ("a\0b", "NUL"),
        ("a\nb", "line break"),
        ("a\r", "line break"), ("\ud800", "not valid Unicode"),
    ],
)  # fmt: skip
def test_invalid(project: Project, path: str, words: str) -> None:
    found = missing(project, path)
    assert found.code == "path-invalid"
    assert words in found.message


@pytest.mark.parametrize(
    "path", ["../..", "../../elsewhere", "/", "/etc/passwd", "//etc/passwd", "src/../../../elsewhere"]
)
def test_outside(project: Project, path: str) -> None:
    found = missing(project, path)
    assert found.code == "path-outside"
    assert "--allow-outside" in found.message


def test_outside_is_not_looked_at(project: Project) -> None:
    assert missing(project, "../../no-such-file").code == "path-outside"


def test_allowed_outside(tree: Path, tmp_path: Path) -> None:
    project = Project(tree / "app", "pipeline.yaml", allow_outside=[tmp_path / "elsewhere"])
    assert project.locate("../../elsewhere/secret.txt") == "../../elsewhere/secret.txt"
    assert project.locate(str(tmp_path / "elsewhere")) == "../../elsewhere"
    assert missing(project, "../../elsewhere/secret.tx").near == ("../../elsewhere/secret.txt",)
    assert missing(project, "../..").code == "path-outside"
    write(tmp_path / "elsewhere-too/x")
    assert missing(project, "../../elsewhere-too/x").code == "path-outside"


def test_root_without_git_and_given_root(tmp_path: Path) -> None:
    write(tmp_path / "a/b/x")
    assert missing(Project(tmp_path / "a/b", "p.yaml"), "../b2").code == "path-outside"
    given_root = Project(tmp_path / "a/b", "p.yaml", root=tmp_path)
    assert given_root.locate("../..") == "../.."


def test_git_file_of_a_submodule_is_a_root(tree: Path) -> None:
    write(tree / "app/.git", "gitdir: ../.git/modules/app\n")
    assert Project(tree / "app/src", "p.yaml").root == tree / "app"


@pytest.mark.parametrize(
    ("path", "want", "code"),
    [
        ("src", "file", "path-not-a-file"),
        ("requirements.txt", "dir", "path-not-a-directory"),
        ("requirements.txt/", "any", "path-not-a-directory"),
        ("fifo", "any", "path-not-a-file"),
        ("fifo", "file", "path-not-a-file"),
    ],
)
def test_wrong_kind(project: Project, tree: Path, path: str, want: str, code: str) -> None:
    os.mkfifo(tree / "app/fifo")
    assert missing(project, path, want).code == code


@pytest.mark.parametrize(
    ("path", "want", "near"),
    [
        ("requirement.txt", "any", ("requirements.txt",)),
        ("./requirements.tx", "file", ("./requirements.txt",)),
        ("Requirements.TXT", "any", ("requirements.txt",)),
        ("srcc/main.py", "any", ("src/main.py",)),
        ("./srcc/mian.py", "any", ("./src/main.py",)),
        ("srcc/nothing-like-it", "any", ()),
        ("src/daat/a.csv", "any", ("src/data/a.csv",)),
        ("../libb/core.py", "any", ("../lib/core.py",)),
        ("../appp/src", "any", ("src",)),
        ("requirements", "dir", ()),
        ("entirely-different", "any", ()),
    ],
)
def test_missing_with_near_names(project: Project, path: str, want: str, near: tuple[str, ...]) -> None:
    found = missing(project, path, want)
    assert found.code == "path-missing"
    assert found.near == near
    assert f"'{path}' does not exist" in found.message
    for value in found.near:
        assert project.exists(value)


def test_missing_says_which_part(project: Project, tree: Path) -> None:
    assert missing(project, "src/dta/a.csv").message == (
        "'src/dta/a.csv' does not exist: there is no 'dta' in 'src'"
    )
    assert missing(project, "requirements.txt/x").message == (
        "'requirements.txt/x' does not exist: 'requirements.txt' is a file"
    )
    assert missing(project, "nothing").message == "'nothing' does not exist"
    assert missing(project, f"{tree}/libb").near == (f"{tree}/lib",)
    assert missing(project, "x" * 300).code == "path-unreadable"
    assert missing(project, "/".join(["x"] * 3000)).code == "path-missing"


def test_near_names_stay_inside(project: Project, tree: Path, tmp_path: Path) -> None:
    (tree / "app/secret").symlink_to(tmp_path / "elsewhere")
    assert missing(project, "secrets").near == ()


def test_symlinks_out_of_the_project(project: Project, tree: Path, tmp_path: Path) -> None:
    (tree / "app/out").symlink_to("../../elsewhere")
    (tree / "app/out.txt").symlink_to(tmp_path / "elsewhere/secret.txt")
    for path in ("out", "out/secret.txt", "out.txt", "out/../out/secret.txt"):
        assert missing(project, path).code == "path-outside", path
    assert isinstance(project.read_text("out.txt"), Missing)
    allowed = Project(tree / "app", "p.yaml", allow_outside=[tmp_path / "elsewhere"])
    assert allowed.locate("out/secret.txt") == "out/secret.txt"
    assert allowed.read_text("out.txt") == "secret"


def test_symlinks_within_the_project(project: Project, tree: Path) -> None:
    (tree / "app/lib").symlink_to("../lib")
    assert project.locate("lib/core.py", "file") == "lib/core.py"
    assert project.read_bytes("lib/core.py") == b"core"


def test_broken_symlinks_and_loops(project: Project, tree: Path) -> None:
    (tree / "app/broken").symlink_to("nowhere")
    (tree / "app/loop").symlink_to("loop")
    (tree / "app/one").symlink_to("two")
    (tree / "app/two").symlink_to("one")
    (tree / "app/inner").symlink_to(".")
    found = missing(project, "broken")
    assert found.code == "path-missing"
    assert found.message == "'broken' is a symlink to 'nowhere', which does not exist"
    for path in ("loop", "one", "loop/x", "src/../two"):
        found = missing(project, path)
        assert found.code == "path-unreadable"
        assert "leads back to itself" in found.message
    assert project.locate("inner/inner/inner/src") == "inner/inner/inner/src"
    assert project.follow("loop") == missing(project, "loop")


def test_follow(project: Project, tree: Path) -> None:
    (tree / "app/lib").symlink_to("../lib")
    (tree / "app/core.py").symlink_to("lib/core.py")
    (tree / "app/absolute").symlink_to(tree / "lib")
    (tree / "app/away").symlink_to("../../elsewhere")
    (tree / "app/round").symlink_to("../../repo/app/src")
    assert project.follow("src/main.py") == ("src/main.py",)
    assert project.follow("lib") == ("lib", "../lib")
    assert project.follow("lib/core.py") == ("lib", "../lib/core.py")
    assert project.follow("core.py") == ("core.py", "lib", "../lib/core.py")
    assert project.follow("round/main.py") == ("round", "src/main.py")
    assert project.follow(".") == (".",)
    assert project.follow("..") == ("..",)
    for path in ("absolute", "away"):
        found = project.follow(path)
        assert isinstance(found, Missing)
        assert found.code == "path-outside"


def test_reading(project: Project, tree: Path) -> None:
    write(tree / "app/crlf.txt", "")
    (tree / "app/crlf.txt").write_bytes(b"\xef\xbb\xbfa\r\nb\r\n")
    (tree / "app/latin.txt").write_bytes(b"ok\nna\xefve\n")
    (tree / "app/large.txt").write_bytes(b"")
    os.truncate(tree / "app/large.txt", 17 * 1024 * 1024)
    assert project.read_text("requirements.txt") == "six\n"
    assert project.read_text("crlf.txt") == "a\r\nb\r\n"
    assert project.read_bytes("latin.txt") == b"ok\nna\xefve\n"
    for path, code, words in (
        ("latin.txt", "path-unreadable", "not UTF-8 text (line 2)"),
        ("large.txt", "path-unreadable", "larger than 16 MiB"),
        ("none.txt", "path-missing", "does not exist"),
        ("src", "path-not-a-file", "is a directory"),
    ):
        found = project.read_text(path)
        assert isinstance(found, Missing)
        assert (found.code, words in found.message) == (code, True)


def test_forget(project: Project, tree: Path) -> None:
    assert missing(project, "new").near == ()
    assert project.read_text("requirements.txt") == "six\n"
    write(tree / "app/new")
    write(tree / "app/requirements.txt", "seven\n")
    assert not project.exists("new")
    assert project.read_text("requirements.txt") == "six\n"
    project.forget()
    assert project.locate("new") == "new"
    assert project.read_text("requirements.txt") == "seven\n"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter: pytest's own is for the user who runs it alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        yield folder


AS_NOBODY = """
import os, sys
sys.path[:0] = {path!r}
from pathlib import Path
from imgc.context.project import Project
if os.geteuid() == 0:
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
project = Project(Path({folder!r}), "pipeline.yaml")
for found in (project.locate("shut/file"), project.read_text("file")):
    print(found.code, found.message)
print(project.locate("shut"))
"""


def test_no_permission(open_folder: Path) -> None:
    write(open_folder / "shut/file").parent.chmod(0)
    write(open_folder / "file", "x").chmod(0)
    script = AS_NOBODY.format(path=sys.path, folder=str(open_folder))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "path-unreadable 'shut/file' cannot be read: permission denied",
        "path-unreadable 'file' cannot be read: permission denied",
        "shut",
    ], done.stderr
    (open_folder / "shut").chmod(0o755)


texts = st.text(st.sampled_from("ab./~\\ é\0\n\t*-") | st.characters(), max_size=12)


@given(texts, st.sampled_from(["any", "file", "dir"]))
def test_any_text_is_answered(tmp_path_factory: pytest.TempPathFactory, path: str, want: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "any-text"
    write(folder / "a/b")
    write(folder / "b/a.b")
    found = Project(folder, "p.yaml").locate(path, want)  # type: ignore[arg-type]
    if isinstance(found, str):
        assert (folder / found).exists()
        assert ".." not in found.split("/")
