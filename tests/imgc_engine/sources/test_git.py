"""From names to commits, against real repositories and a real server."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gitserver import Server, commit, git, repository
from imgc_engine.interrupt import Interrupt
from imgc_engine.plan import SecretSource
from imgc_engine.secrets import Secrets
from imgc_engine.sources import program
from imgc_engine.sources.access import Access, access_of, bare
from imgc_engine.sources.git import resolve
from imgc_engine.sources.program import Git, SourceError

PASSWORD = "planted-9f:2'c\"$x%é"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = repository(tmp_path / "work", {"a.py": "1\n"})
    git(folder, "tag", "-a", "v1", "-m", "One")
    git(folder, "tag", "light")
    git(folder, "checkout", "-q", "-b", "feature/new-thing")
    commit(folder, {"b.py": "2\n"})
    git(folder, "checkout", "-q", "main")
    return folder


def problem(url: str, ref: str = "HEAD", tool: Git = program.HOST) -> SourceError:
    with pytest.raises(SourceError) as caught:
        resolve(url, ref, git=tool)
    return caught.value


@pytest.mark.parametrize("over", ["http", "file"])
@pytest.mark.parametrize(
    ("ref", "means"),
    [
        ("main", "main"),
        ("HEAD", "main"),
        ("feature/new-thing", "feature/new-thing"),
        ("v1", "v1^{commit}"),
        ("light", "light"),
        ("refs/heads/feature/new-thing", "feature/new-thing"),
        ("refs/tags/v1", "v1^{commit}"),
    ],
)
def test_names(work: Path, server: Server, over: str, ref: str, means: str) -> None:
    url = server.publish(work, "demo")
    url = url if over == "http" else f"file://{server.root}/demo.git"
    assert resolve(url, ref) == git(work, "rev-parse", means)


def test_a_branch_wins_over_a_tag_of_its_name(work: Path) -> None:
    git(work, "tag", "both", "feature/new-thing")
    git(work, "branch", "both", "main")
    assert resolve(f"file://{work}", "both") == git(work, "rev-parse", "main")


def test_a_name_is_not_the_end_of_another(work: Path) -> None:
    git(work, "branch", "x/refs/heads/deep", "feature/new-thing")
    assert problem(f"file://{work}", "deep").kind == "branch"
    assert problem(f"file://{work}", "new-thing").near == ("feature/new-thing",)


def test_commits_whole_and_short_at_a_tip_and_below(work: Path, server: Server) -> None:
    url = server.publish(work, "demo")
    for revision in ("main", "feature/new-thing", "feature/new-thing~1"):
        full = git(work, "rev-parse", revision)
        assert resolve(url, full) == full
        assert resolve(url, full.upper()) == full
        assert resolve(url, full[:9]) == full


def test_a_commit_that_vanished(work: Path, server: Server) -> None:
    url = server.publish(work, "demo")
    lost = commit(work, {"c": "never pushed"})
    found = problem(url, lost)
    assert (found.kind, found.of_user) == ("commit", True)
    assert lost in str(found)
    assert "never pushed" in str(found)
    assert problem(url, lost[:10]).kind == "branch"


def test_an_unknown_branch_names_those_that_are_like_it(work: Path, server: Server) -> None:
    found = problem(server.publish(work, "demo"), "feature/new-thin")
    assert found.near == ("feature/new-thing",)
    assert "did you mean 'feature/new-thing'?" in str(found)
    assert "there are feature/new-thing, light, main, v1." in str(problem(f"{server.url}/demo.git", "zzzzzz"))


def test_an_empty_repository(tmp_path: Path) -> None:
    folder = repository(tmp_path / "empty")
    assert "has no default branch" in str(problem(f"file://{folder}"))
    assert "none at all" in str(problem(f"file://{folder}", "main"))


def test_no_such_repository(server: Server, tmp_path: Path) -> None:
    for url in (f"{server.url}/nothing.git", f"file://{tmp_path}/nothing"):
        found = problem(url)
        assert found.kind == "repository"
        assert url in str(found)


def test_a_host_that_is_down_is_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/x.git"
        found = problem(url)
    assert (found.kind, found.of_user) == ("host", False)
    assert str(found).startswith(f"{url} cannot be reached: ")


def test_a_server_in_trouble_is_tried_again(work: Path, server: Server) -> None:
    url = server.publish(work, "demo")
    server.status = 503
    assert problem(url).kind == "host"
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("url", "ref"),
    [
        ("--upload-pack=touch x", "HEAD"),
        ("ext::sh -c touch% x", "HEAD"),
        ("http://127.0.0.1:1/x", "--upload-pack=x"),
        ("http://127.0.0.1:1/x", "a b"),
        ("http://127.0.0.1:1/x", ""),
        ("http://127.0.0.1:1/x\n", "HEAD"),
    ],
)
def test_hostile_values_never_reach_git(url: str, ref: str, tmp_path: Path) -> None:
    found = problem(url, ref, Git(program=str(tmp_path / "no-git-is-run")))
    assert found.kind in ("repository", "branch")


def test_without_git() -> None:
    assert "install it" in str(problem("http://127.0.0.1:1/x", tool=Git(program="no-such-git")))


def test_a_git_that_hangs_is_ended_and_so_are_its_children(tmp_path: Path) -> None:
    slow = tmp_path / "git"
    slow.write_text(f"#!/bin/sh\n(sleep 600; echo) &\necho $! > {tmp_path}/pid\nwait\n")
    slow.chmod(0o755)
    with pytest.raises(SourceError) as caught:
        Git(program=str(slow))("ls-remote", url="http://x/y", timeout=0.3)
    assert caught.value.kind == "timeout"
    assert _gone(int((tmp_path / "pid").read_text()))


def test_an_interrupt_ends_it(tmp_path: Path) -> None:
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nsleep 600\n")
    slow.chmod(0o755)
    interrupt = Interrupt()
    interrupt.request()
    assert problem("http://x/y", tool=Git(interrupt=interrupt, program=str(slow))).kind == "interrupted"


def _gone(process: int) -> bool:
    for _ in range(100):
        stat = Path(f"/proc/{process}/stat")
        if not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_hook_s_repository_is_not_taken_for_ours(work: Path, tmp_path: Path, monkeypatch) -> None:
    other = repository(tmp_path / "other", {"x": "y"})
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    commit_of_work = resolve(f"file://{work}", "main")
    monkeypatch.undo()
    assert commit_of_work == git(work, "rev-parse", "main")


# SSH: git's own way, with a program of ours in the place of ssh


def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    program = tmp_path / "ssh"
    program.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/told\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(program))
    return tmp_path / "told"


def test_ssh_addresses_of_both_kinds(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = ssh(tmp_path, monkeypatch, 'for last; do :; done; exec sh -c "$last"')
    head = git(work, "rev-parse", "main")
    assert resolve(f"ssh://git@git.example.com:2222{work}", "main") == head
    assert resolve(f"git@git.example.com:{work}", "main") == head
    assert "-p 2222 git@git.example.com" in told.read_text()


@pytest.mark.parametrize(
    ("said", "kind", "remedy"),
    [
        ("git@h: Permission denied (publickey).", "credentials", "SSH agent"),
        ("Host key verification failed.", "host", "Host key verification failed"),
        (
            "ssh: Could not resolve hostname h: Name or service not known",
            "host",
            "Could not resolve hostname",
        ),
        ("ERROR: Repository not found.", "repository", "or it is private"),
    ],
)
def test_what_ssh_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, kind: str, remedy: str
) -> None:
    ssh(tmp_path, monkeypatch, f"echo '{said}' >&2; exit 255")
    found = problem("git@h:a/b")
    assert found.kind == kind
    assert remedy in str(found)


# Credentials


def secrets(tmp_path: Path, **values: str) -> Secrets:
    sources = {}
    for name, value in values.items():
        name = name.replace("__", ".")
        (tmp_path / name).write_text(value)
        sources[name] = SecretSource(env=None, file=str(tmp_path / name))
    return Secrets(sources, tmp_path)


def access(tmp_path: Path, url: str, **values: str) -> Access:
    names = {name.replace("__", "."): None for name in values}
    return access_of(secrets(tmp_path, **values), names, (url,))


@pytest.mark.parametrize("name", ["GIT_AUTH_TOKEN", "GIT_AUTH_TOKEN__127.0.0.1"])
def test_a_secret_is_the_login(work: Path, server: Server, tmp_path: Path, name: str) -> None:
    url = server.publish(work, "demo")
    server.login = f"me:{PASSWORD}"
    found = problem(url)
    assert (found.kind, found.of_user) == ("credentials", False)
    assert "GIT_AUTH_TOKEN" in str(found)
    assert resolve(url, git=Git(access(tmp_path, url, **{name: f"me:{PASSWORD}\n"})))


def test_a_token_alone_and_a_header(work: Path, server: Server, tmp_path: Path) -> None:
    url = server.publish(work, "demo")
    server.login = "x-access-token:abc"
    assert resolve(url, git=Git(access(tmp_path, url, GIT_AUTH_TOKEN="abc")))
    assert resolve(url, git=Git(access(tmp_path, url, GIT_AUTH_HEADER="Basic eC1hY2Nlc3MtdG9rZW46YWJj")))


def test_a_wrong_password_is_said_and_not_shown(work: Path, server: Server, tmp_path: Path) -> None:
    url = server.publish(work, "demo")
    server.login = "me:right"
    found = problem(url, tool=Git(access(tmp_path, url, GIT_AUTH_TOKEN=f"me:{PASSWORD}")))
    assert found.kind == "credentials"
    assert PASSWORD not in str(found)


def test_a_secret_goes_to_its_host_alone(work: Path, server: Server, tmp_path: Path) -> None:
    url = server.publish(work, "demo")
    server.login = "me:pw"
    other = access(tmp_path, url, **{"GIT_AUTH_TOKEN__git.example.com": "me:pw"})
    assert problem(url, tool=Git(other)).kind == "credentials"
    assert not any(given for _, given in server.asked)


def test_credentials_are_in_no_argument_and_no_variable(tmp_path: Path) -> None:
    told = tmp_path / "told"
    fake = tmp_path / "git"
    fake.write_text(
        f'#!/bin/sh\ntr "\\0" " " </proc/$$/cmdline >{told}\nenv >>{told}\nprintf "%s\\tHEAD\\n" {"1" * 40}\n'
    )
    fake.chmod(0o755)
    login = access(
        tmp_path, "https://git.example.com/x", GIT_AUTH_TOKEN=f"me:{PASSWORD}", GIT_AUTH_HEADER="Basic eDp5"
    )
    assert resolve("https://git.example.com/x", git=Git(login, program=str(fake))) == "1" * 40
    text = told.read_text()
    assert "include.path=" in text
    assert PASSWORD not in text
    assert "eDp5" not in text
    folder = Path(text.split("include.path=")[1].split()[0]).parent
    assert not folder.exists()


def test_urls_are_shown_without_credentials() -> None:
    assert bare("https://ci:tok@git.example.com/x") == "https://git.example.com/x"
    assert bare("https://git.example.com/x@y") == "https://git.example.com/x@y"
    assert bare("git@github.com:a/b") == "git@github.com:a/b"
    assert bare("ssh://git@h/x") == "ssh://git@h/x"


def test_a_remote_s_own_credentials_are_used(work: Path, server: Server) -> None:
    url = server.publish(work, "demo")
    server.login = "ci:t%k"
    own = url.replace("://", "://ci:t%25k@")
    assert resolve(bare(own), git=Git(Access().with_url(own)))


def test_nothing_of_docker_is_imported() -> None:
    code = (
        "import sys, imgc_engine.sources.git, imgc_engine.sources.repository; print('docker' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False\n"
    )
