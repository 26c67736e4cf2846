"""What the sources of a pipeline are now: `copy_url`, `copy_repo`, and what containers are to download."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitserver import Server, commit, git, repository
from imgc_engine.secrets import Secrets
from imgc_engine.sources.lookup import Answer, Lookups, Wanted, look_up

REPO = Wanted("repo", "", "", ".imgc/sources/x")
DOWNLOAD = Wanted("repo", "", "", "src", download=True)


@pytest.fixture
def clone(server: Server, tmp_path: Path) -> Path:
    """A clean clone, at its remote's default branch, over HTTP."""
    first = repository(tmp_path / "first", {"src/a.py": "1\n", "pipeline.yaml": "version: 1\n"})
    git(first, "checkout", "-q", "-b", "topic")
    commit(first, {"src/a.py": "topic\n"})
    git(first, "checkout", "-q", "main")
    url = server.publish(first, "demo")
    git(tmp_path, "clone", "-q", url, "clone")
    return tmp_path / "clone"


def ask(wanted: Wanted, folder: Path) -> Answer:
    return look_up([wanted], folder, {})[wanted]


def problem(wanted: Wanted, folder: Path) -> str:
    answer = ask(wanted, folder)
    assert answer.error is not None
    assert answer.error.of_user
    return str(answer.error)


def test_several_at_once(clone: Path, server: Server) -> None:
    url = f"{server.url}/demo.git"
    main, topic = Wanted("git", url, "main", "m"), Wanted("git", url, "topic", "t")
    missing = Wanted("git", url, "tropic", "x")
    found = look_up([main, topic, missing, REPO, main], clone, {})
    assert len(found) == 4
    assert found[main].commit == found[REPO].commit == git(clone, "rev-parse", "origin/main")
    assert found[topic].commit == git(clone, "rev-parse", "origin/topic")
    assert found[missing].error.near == ("topic",)


def test_a_secret_that_is_not_there_is_missed_only_where_it_is_needed(clone: Path, server: Server) -> None:
    wanted = Wanted("git", f"{server.url}/demo.git", "main", "m")
    secrets = {"GIT_AUTH_TOKEN": {"env": "IMGC_TEST_NOT_SET"}}
    assert look_up([wanted], clone, secrets)[wanted].error is None
    server.login = "me:password"
    found = look_up([wanted], clone, secrets)[wanted]
    assert found.error.kind == "credentials"
    assert "IMGC_TEST_NOT_SET" in str(found.error)


# copy_repo


def test_the_default_branch_and_what_is_here_beside_it(clone: Path) -> None:
    assert ask(REPO, clone).notice == ""
    git(clone, "checkout", "-q", "topic")
    answer = ask(REPO, clone)
    assert answer.commit == git(clone, "rev-parse", "origin/main")
    assert "not " + git(clone, "rev-parse", "topic")[:12] in answer.notice
    (clone / "src/a.py").write_text("changed\n")
    assert "without the changes here that are not committed" in ask(REPO, clone).notice


def test_the_compare_branch_of_a_request(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(clone, "checkout", "-q", "--detach", "origin/topic")  # as CI systems do
    monkeypatch.setenv("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "topic")
    monkeypatch.setenv("CI_MERGE_REQUEST_IID", "7")
    assert ask(REPO, clone) == Answer(git(clone, "rev-parse", "origin/topic"))
    monkeypatch.setenv("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "gone")
    assert "has no branch 'gone', which this CI job is for" in problem(REPO, clone)


def test_a_fork_s_branch_is_under_the_request(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = git(clone, "rev-parse", "origin/topic")
    git(tmp_path / "served/demo.git", "update-ref", "refs/pull/7/head", head)
    monkeypatch.setenv("GITHUB_HEAD_REF", "branch-of-the-fork")
    monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
    assert ask(REPO, clone).commit == head


def test_a_repository_without_a_remote(tmp_path: Path) -> None:
    folder = repository(tmp_path / "new", {"a": "1\n"})
    assert ask(REPO, folder) == Answer(git(folder, "rev-parse", "HEAD"))
    (folder / "a").write_text("2\n")
    notice = ask(REPO, folder).notice
    assert "the last commit: the repository has no remote" in notice
    assert "not committed" in notice
    target = tmp_path / "out"
    target.mkdir()
    Lookups(folder, Secrets({}, folder), {}).fill(REPO, git(folder, "rev-parse", "HEAD"), target)
    assert (target / "a").read_text() == "1\n"


def test_a_repository_with_nothing_in_it(tmp_path: Path) -> None:
    assert "neither a remote nor a commit" in problem(REPO, repository(tmp_path / "new"))


def test_no_repository(tmp_path: Path) -> None:
    assert "is in no git repository: 'copy_dir'" in problem(REPO, tmp_path)


def test_a_remote_with_credentials_in_it(clone: Path, server: Server, tmp_path: Path) -> None:
    server.login = "ci:planted"
    git(clone, "remote", "set-url", "origin", f"{server.url}/demo.git".replace("://", "://ci:planted@"))
    answer = ask(REPO, clone)
    assert answer.commit == git(clone, "rev-parse", "HEAD")
    lookups, target = Lookups(clone, Secrets({}, clone), {}), tmp_path / "out"
    target.mkdir()
    lookups.fill(REPO, answer.commit, target)
    assert "planted" not in lookups.own_remote()[0]
    assert not [
        path for path in (tmp_path / "cache").rglob("*") if path.is_file() and b"planted" in path.read_bytes()
    ]


@pytest.mark.parametrize("included", [False, True])
def test_a_login_that_a_ci_system_keeps_in_the_clone(
    clone: Path, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, included: bool
) -> None:
    """As actions/checkout does, in a clone without history, for a commit that the clone does not have."""
    url = git(clone, "remote", "get-url", "origin")
    git(tmp_path, "clone", "-q", "--depth=1", url, "shallow")
    shallow = tmp_path / "shallow"
    server.login = "x-access-token:planted"
    header = "AUTHORIZATION: basic eC1hY2Nlc3MtdG9rZW46cGxhbnRlZA=="
    if included:
        (tmp_path / "login").write_text(f'[http "{server.url}/"]\n extraheader = {header}\n')
        git(shallow, "config", f"includeIf.gitdir:{shallow}/.git.path", str(tmp_path / "login"))
    else:
        git(shallow, "config", f"http.{server.url}/.extraheader", header)
    monkeypatch.setenv("CHANGE_ID", "7")
    monkeypatch.setenv("CHANGE_BRANCH", "topic")
    answer = ask(REPO, shallow)
    assert answer.commit == git(clone, "rev-parse", "origin/topic")
    target = tmp_path / "out"
    target.mkdir()
    Lookups(shallow, Secrets({}, shallow), {}).fill(REPO, answer.commit, target)
    assert (target / "src/a.py").read_text() == "topic\n"
    other = Wanted("git", url, "topic", "t")
    assert ask(other, shallow).error.kind == "credentials"  # it is not for other repositories


def test_a_clone_without_history_is_near_enough(clone: Path, server: Server, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", git(clone, "remote", "get-url", "origin"), "shallow")
    shallow, target = tmp_path / "shallow", tmp_path / "out"
    answer = ask(REPO, shallow)
    server.asked.clear()
    target.mkdir()
    Lookups(shallow, Secrets({}, shallow), {}).fill(REPO, answer.commit, target)
    assert (target / "src/a.py").read_text() == "1\n"
    assert server.asked == []


# source_files: download


def test_a_clean_and_pushed_commit(clone: Path, tmp_path: Path) -> None:
    answer = ask(DOWNLOAD, clone)
    assert answer == Answer(git(clone, "rev-parse", "HEAD"))
    target = tmp_path / "out"
    target.mkdir()
    Lookups(clone, Secrets({}, clone), {}).fill(DOWNLOAD, answer.commit, target)
    assert [path.name for path in target.iterdir()] == ["a.py"]


def test_what_others_could_not_get(clone: Path) -> None:
    (clone / "src/a.py").write_text("changed\n")
    assert "changes that are not committed (src/a.py)" in problem(DOWNLOAD, clone)
    git(clone, "commit", "-q", "-am", "Change")
    assert "is not pushed to origin" in problem(DOWNLOAD, clone)
    git(clone, "push", "-q", str(clone.parent / "served/demo.git"), "main")
    assert ask(DOWNLOAD, clone).error is None  # the clone does not know; its remote was asked
    git(clone, "remote", "remove", "origin")
    assert "it has no remote" in problem(DOWNLOAD, clone)
