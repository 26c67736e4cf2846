"""Commits in the shared cache, and their files laid out."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from pathlib import Path

import pytest

from gitserver import Server, commit, git, repository
from imgc_engine.sources.cache import cache_folder, check_out
from imgc_engine.sources.git import resolve
from imgc_engine.sources.program import HOST, SourceError


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = repository(tmp_path / "work", {"a.py": "1\n", "deep/b.py": "b\r\n", "large": "x" * 100_000})
    (folder / "run.sh").write_text("echo\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("deep/b.py")
    commit(folder, {"-é\n ": "odd\n"})
    return folder


def laid_out(target: Path) -> dict[str, str]:
    return {
        str(path.relative_to(target)): path.read_bytes().decode()
        for path in target.rglob("*")
        if path.is_file()
    }


def out(tmp_path: Path, url: str, revision: str, **options) -> dict[str, str]:
    target = tmp_path / "out"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    check_out(url, revision, target, git=HOST, **options)
    return laid_out(target)


def test_files_are_as_they_were_committed(work: Path, server: Server, tmp_path: Path) -> None:
    (tmp_path / "no-config").write_text("[core]\n autocrlf = true\n symlinks = false\n")
    found = out(tmp_path, server.publish(work, "demo"), git(work, "rev-parse", "HEAD"))
    assert {name: text for name, text in found.items() if name != "large"} == {
        "a.py": "1\n", "deep/b.py": "b\r\n", "run.sh": "echo\n", "link": "b\r\n", "-é\n ": "odd\n",
    }  # fmt: skip
    target = tmp_path / "out"
    assert (target / "link").readlink() == Path("deep/b.py")
    assert stat.S_IMODE((target / "run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((target / "a.py").stat().st_mode) == 0o644


def test_a_second_time_nobody_is_asked(work: Path, server: Server, tmp_path: Path) -> None:
    url, head = server.publish(work, "demo"), git(work, "rev-parse", "HEAD")
    first = out(tmp_path, url, head)
    server.asked.clear()
    assert out(tmp_path, url, head) == first
    assert server.asked == []


def test_history_is_not_fetched(work: Path, server: Server, tmp_path: Path) -> None:
    url, head = server.publish(work, "demo"), git(work, "rev-parse", "HEAD")
    out(tmp_path, url, head)
    (store,) = (cache_folder() / "git").glob("*/HEAD")
    assert git(store.parent, "rev-list", head) == head


def test_an_older_commit(work: Path, server: Server, tmp_path: Path) -> None:
    url, old = server.publish(work, "demo"), git(work, "rev-parse", "HEAD~1")
    assert set(out(tmp_path, url, old)) == {"a.py", "deep/b.py", "large"}


def test_a_folder_alone_and_only_its_files_are_fetched(work: Path, server: Server, tmp_path: Path) -> None:
    url, head = server.publish(work, "demo"), git(work, "rev-parse", "HEAD")
    assert out(tmp_path, url, head, folder="deep") == {"b.py": "b\r\n"}
    (store,) = (cache_folder() / "git").glob("*/HEAD")
    large = git(work, "rev-parse", "HEAD:large")
    missing = git(store.parent, "rev-list", "--objects", "--missing=print", head).splitlines()
    assert f"?{large}" in missing
    assert "large" in out(tmp_path, url, head)  # what was left out comes when it is wanted


def test_no_such_folder(work: Path, server: Server, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no folder 'nowhere'"):
        out(tmp_path, server.publish(work, "demo"), git(work, "rev-parse", "HEAD"), folder="nowhere")


def test_a_commit_that_vanished(work: Path, server: Server, tmp_path: Path) -> None:
    url, lost = server.publish(work, "demo"), commit(work, {"c": "never pushed"})
    for folder in ("", "deep"):  # a partial clone asks its server for what it lacks
        with pytest.raises(SourceError, match="never pushed") as caught:
            out(tmp_path, url, lost, folder=folder)
        assert caught.value.kind == "commit"


def test_a_clone_on_this_machine_saves_the_way(work: Path, server: Server, tmp_path: Path) -> None:
    url, head = server.publish(work, "demo"), git(work, "rev-parse", "HEAD")
    assert "a.py" in out(tmp_path, url, head, nearby=work)
    assert server.asked == []
    other = repository(tmp_path / "other", {"x": "y"})
    head = commit(work, {"new": "1"})
    git(work, "push", "-q", "origin", "main")
    assert "new" in out(tmp_path, url, head, nearby=other)  # that does not have it


def test_two_at_once_fetch_once(work: Path, server: Server, tmp_path: Path) -> None:
    url, head = server.publish(work, "demo"), git(work, "rev-parse", "HEAD")
    targets = [tmp_path / f"out-{number}" for number in range(4)]
    failed: list[BaseException] = []

    def work_on(target: Path) -> None:
        try:
            target.mkdir()
            check_out(url, head, target, git=HOST)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work_on, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len({tuple(laid_out(target)) for target in targets}) == 1
    assert sum("git-upload-pack" in path and "info/refs" in path for path, _ in server.asked) == 1


def test_a_repository_of_longer_commits(tmp_path: Path) -> None:
    folder = tmp_path / "long"
    folder.mkdir()
    git(folder, "init", "-q", "--object-format=sha256")
    head = commit(folder, {"a": "1\n"})
    url = f"file://{folder}"
    assert resolve(url, "main") == resolve(url, head) == head
    assert out(tmp_path, url, head) == {"a": "1\n"}


def store_of() -> Path:
    (head,) = (cache_folder() / "git").glob("*/HEAD")
    return head.parent


@pytest.mark.parametrize("damage", ["lock", "head", "objects", "config"])
def test_what_a_crash_left_of_a_cache_is_made_anew(
    work: Path, server: Server, tmp_path: Path, damage: str
) -> None:
    url, old, head = (
        server.publish(work, "demo"),
        git(work, "rev-parse", "HEAD~1"),
        git(work, "rev-parse", "HEAD"),
    )
    first = out(tmp_path, url, old)
    store = store_of()
    if damage == "lock":
        (store / "shallow.lock").write_text("")
    elif damage == "head":
        (store / "HEAD").write_text("")
    elif damage == "config":
        (store / "config").write_text("[core\n")
    else:
        for path in (store / "objects").rglob("*"):
            if path.is_file():
                path.chmod(0o644)
                path.write_bytes(b"")
    assert out(tmp_path, url, old) == first
    assert "-é\n " in out(tmp_path, url, head)


def test_a_cache_that_cannot_be_written(work: Path, server: Server, tmp_path: Path) -> None:
    url = server.publish(work, "demo")
    (tmp_path / "cache").write_text("a file in the place of the folder")
    with pytest.raises(OSError):
        out(tmp_path, url, git(work, "rev-parse", "HEAD"))


# Submodules


def with_module(work: Path, module: Path, path: str, url: str) -> str:
    git(work, "config", "-f", ".gitmodules", f"submodule.{path}.path", path)
    git(work, "config", "-f", ".gitmodules", f"submodule.{path}.url", url)
    head = git(module, "rev-parse", "HEAD")
    git(work, "update-index", "--add", "--cacheinfo", f"160000,{head},{path}")
    git(work, "add", ".gitmodules")
    git(work, "commit", "-q", "-m", "A submodule")
    return git(work, "rev-parse", "HEAD")


def test_submodules_and_theirs(work: Path, server: Server, tmp_path: Path) -> None:
    inner = repository(tmp_path / "inner", {"i": "inner\n"})
    server.publish(inner, "inner")
    lib = repository(tmp_path / "lib", {"l": "lib\n"})
    with_module(lib, inner, "more/in", "../inner.git")
    lib_url = server.publish(lib, "lib")
    commit(lib, {"l": "a later state, which is not wanted\n"})
    git(lib, "reset", "-q", "--hard", "HEAD~1")
    head = with_module(work, lib, "deep/lib", lib_url)
    url = server.publish(work, "demo")
    found = out(tmp_path, url, head)
    assert found["deep/lib/l"] == "lib\n"
    assert found["deep/lib/more/in/i"] == "inner\n"
    assert out(tmp_path, url, head, folder="deep")["lib/l"] == "lib\n"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:///etc", "is not followed"),
        ("/etc", "is not followed"),
        ("ext::sh -c id", "is not followed"),
        ("-x@host:y", "is not followed"),
        ("../nothing.git", "There is no repository at http"),
    ],
)
def test_submodules_that_lead_elsewhere(
    work: Path, server: Server, tmp_path: Path, url: str, message: str
) -> None:
    lib = repository(tmp_path / "lib", {"l": "lib\n"})
    head = with_module(work, lib, "lib", url)
    with pytest.raises(SourceError, match=message):
        out(tmp_path, server.publish(work, "demo"), head)


def test_a_submodule_that_nothing_describes(work: Path, server: Server, tmp_path: Path) -> None:
    lib = repository(tmp_path / "lib", {"l": "lib\n"})
    with_module(work, lib, "lib", "../lib.git")
    git(work, "rm", "-q", "--cached", ".gitmodules")
    git(work, "commit", "-q", "-m", "Forget it")
    with pytest.raises(SourceError, match=r"no URL of it in \.gitmodules"):
        out(tmp_path, server.publish(work, "demo"), git(work, "rev-parse", "HEAD"))


def test_the_cache_is_where_the_user_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == tmp_path / "cache/imgc"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache/imgc"
    assert os.environ["HOME"] == str(tmp_path)
