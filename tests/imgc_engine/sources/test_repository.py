"""The state of the pipeline's own repository, and which branch of it a CI system means."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitserver import commit, git, repository
from imgc_engine.sources.program import SourceError
from imgc_engine.sources.repository import compare_branch, problem_of, remote_url, wanted_ref
from imgc_engine.sources.repository import repository as state_of


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clean clone of a remote with one commit."""
    repository(tmp_path / "first", {"a.py": "1\n", "deep/pipeline.yaml": "version: 1\n"})
    git(tmp_path, "clone", "-q", "--bare", "first", "remote.git")
    git(tmp_path, "clone", "-q", "remote.git", "clone")
    return tmp_path / "clone"


def test_a_clean_clone(clone: Path, tmp_path: Path) -> None:
    found = state_of(clone / "deep")
    assert found is not None
    assert (found.root, found.remote, found.branch) == (clone, "origin", "main")
    assert found.url == f"file://{tmp_path}/remote.git"
    assert found.commit == git(clone, "rev-parse", "HEAD")
    assert (found.clean, found.pushed) == (True, True)
    assert problem_of(found, clone) == []


def test_no_repository(tmp_path: Path) -> None:
    assert state_of(tmp_path) is None
    assert problem_of(None, tmp_path) == [f"{tmp_path} is in no git repository"]


def test_a_fresh_repository(tmp_path: Path) -> None:
    found = state_of(repository(tmp_path / "new"))
    assert found is not None
    assert (found.remote, found.url, found.branch, found.commit, found.pushed) == ("", "", "main", "", False)
    assert problem_of(found, tmp_path) == ["nothing is committed yet", "it has no remote"]


@pytest.mark.parametrize("name", ["a.py", "new\nfile é.py", "deep/new"])
def test_changes(clone: Path, name: str) -> None:
    (clone / name).write_text("changed\n")
    found = state_of(clone)
    assert found is not None
    assert (found.clean, found.changed) == (False, (name,))
    assert name in problem_of(found, clone)[0]


def test_what_imgc_writes_is_no_change(clone: Path) -> None:
    for name in ("deep/imgc.lock", "deep/compiled/plan.json", "deep/.imgc/x"):
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).write_text("x")
    found = state_of(clone / "deep")
    assert found is not None
    assert found.clean
    (clone / "imgc.lock").write_text("not beside the pipeline file")
    assert state_of(clone / "deep").changed == ("imgc.lock",)


def test_not_pushed(clone: Path) -> None:
    commit(clone, {"b.py": "2\n"})
    found = state_of(clone)
    assert (found.clean, found.pushed) == (True, False)
    assert "is not pushed to origin" in problem_of(found, clone)[0]
    git(clone, "push", "-q", "origin", "main")
    assert state_of(clone).pushed


def test_a_detached_head(clone: Path) -> None:
    git(clone, "checkout", "-q", "--detach")
    found = state_of(clone)
    assert (found.branch, found.remote, found.pushed) == ("", "origin", True)


def test_which_remote_counts(clone: Path) -> None:
    git(clone, "remote", "rename", "origin", "upstream")
    assert state_of(clone).remote == "upstream"
    git(clone, "remote", "add", "origin", "https://ci:token@git.example.com/x.git")
    assert state_of(clone).remote == "upstream"  # that of the branch
    git(clone, "checkout", "-q", "--detach")
    found = state_of(clone)
    assert (found.remote, found.url) == ("origin", "https://git.example.com/x.git")
    assert remote_url(clone, "origin") == "https://ci:token@git.example.com/x.git"


def test_a_remote_that_is_a_path(clone: Path, tmp_path: Path) -> None:
    git(clone, "remote", "set-url", "origin", "../remote.git")
    assert state_of(clone).url == f"file://{tmp_path}/remote.git"
    git(clone, "remote", "set-url", "origin", "git@host.example:a/b.git")
    assert state_of(clone).url == "git@host.example:a/b.git"


def test_a_broken_repository(tmp_path: Path) -> None:
    folder = repository(tmp_path / "x", {"a": "b"})
    (folder / ".git/config").write_text("[core\n")
    with pytest.raises(SourceError, match="bad config"):
        state_of(folder)


CI = {
    "github": (
        {"GITHUB_HEAD_REF": "topic", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_BASE_REF": "main"},
        ("topic", ("refs/pull/7/head", "refs/heads/topic")),
    ),
    "github push": ({"GITHUB_HEAD_REF": "", "GITHUB_REF": "refs/heads/topic"}, None),
    "gitlab": (
        {"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "topic", "CI_MERGE_REQUEST_IID": "7", "CI_COMMIT_REF_NAME": "topic"},
        ("topic", ("refs/merge-requests/7/head", "refs/heads/topic")),
    ),
    "gitlab push": ({"CI_COMMIT_BRANCH": "topic", "CI_COMMIT_REF_NAME": "topic"}, None),
    "bitbucket": ({"BITBUCKET_PR_ID": "7", "BITBUCKET_BRANCH": "topic"}, ("topic", ("refs/heads/topic",))),
    "bitbucket push": ({"BITBUCKET_BRANCH": "topic"}, None),
    "azure": ({"SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/topic"}, ("topic", ("refs/heads/topic",))),
    "azure with github": (
        {"SYSTEM_PULLREQUEST_SOURCEBRANCH": "topic", "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER": "7"},
        ("topic", ("refs/pull/7/head", "refs/heads/topic")),
    ),
    "buildkite": (
        {"BUILDKITE_PULL_REQUEST": "7", "BUILDKITE_BRANCH": "topic"},
        ("topic", ("refs/pull/7/head", "refs/heads/topic")),
    ),
    "buildkite fork": (
        {"BUILDKITE_PULL_REQUEST": "7", "BUILDKITE_BRANCH": "them:topic"},
        ("them:topic", ("refs/pull/7/head",)),
    ),
    "buildkite push": ({"BUILDKITE_PULL_REQUEST": "false", "BUILDKITE_BRANCH": "topic"}, None),
    "jenkins": (
        {"CHANGE_ID": "7", "CHANGE_BRANCH": "topic", "BRANCH_NAME": "PR-7"},
        ("topic", ("refs/pull/7/head", "refs/heads/topic")),
    ),
    "jenkins push": ({"BRANCH_NAME": "topic"}, None),
    "none": ({}, None),
}  # fmt: skip


@pytest.mark.parametrize("case", CI)
def test_the_compare_branch(case: str) -> None:
    env, expected = CI[case]
    assert compare_branch(env) == expected
    assert wanted_ref(env) == (expected or ("the default branch", ("HEAD",)))
