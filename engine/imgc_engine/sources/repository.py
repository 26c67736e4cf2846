"""The repository that a pipeline file is in: where it comes from, and what state it is in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgc_engine.sources.access import bare
from imgc_engine.sources.git import HEAD
from imgc_engine.sources.program import HOST, Git, SourceError

OWN = (".imgc", "imgc.lock", "imgc.lock.d", "compiled")
"""What imgc itself writes beside a pipeline file: no change of the code."""


@dataclass(frozen=True, slots=True)
class Repository:
    """`remote` is the name of the remote that counts (the branch's own, else origin, else the only one), "" when
    there is none; `url` is where it is fetched, without credentials. `branch` is "" when HEAD is detached, `commit`
    "" before the first. `changed` are some files that are not as committed, relative to the root. `pushed` is
    whether the remote has the commit, as far as this clone knows."""

    root: Path
    remote: str = ""
    url: str = ""
    branch: str = ""
    commit: str = ""
    changed: tuple[str, ...] = ()
    pushed: bool = False

    @property
    def clean(self) -> bool:
        return not self.changed


def repository(directory: Path, *, git: Git = HOST) -> Repository | None:
    """The repository that a folder is in, and its state; None when it is in none. SourceError."""
    try:
        root = Path(git("rev-parse", "--show-toplevel", folder=directory).rstrip("\n"))
    except SourceError as error:
        if re.search(r"not a git repository|must be run in a work tree", str(error)):
            return None
        raise _explained(error, directory) from None
    commit = _line(git, root, "rev-parse", "-q", "--verify", "HEAD^{commit}")
    branch = _line(git, root, "symbolic-ref", "-q", "--short", "HEAD")
    remote = _remote(git, root, branch)
    return Repository(
        root,
        remote,
        bare(remote_url(root, remote, git=git)) if remote else "",
        branch,
        commit,
        _changed(git, root, directory),
        bool(commit and remote) and _pushed(git, root, remote, commit),
    )


def remote_url(root: Path, remote: str, *, git: Git = HOST) -> str:
    """Where a remote is fetched from, with the credentials that it may hold."""
    url = _line(git, root, "remote", "get-url", "--", remote)
    local = url and "://" not in url and not re.match(r"[^/]+:", url)
    return f"file://{(root / Path(url).expanduser()).resolve()}" if local else url


def own_settings(root: Path, *, git: Git = HOST) -> tuple[tuple[str, str], ...]:
    """What the clone's own configuration says of how servers are reached: actions/checkout and others keep a login
    in it, which holds for what is fetched of the repository."""
    pattern = r"^(http|credential|url)\.|^core\.sshcommand$"
    words = ("config", "--local", "--includes", "-z", "--get-regexp", pattern)
    entries = git(*words, folder=root, codes=(0, 1)).split("\0")
    return tuple((key, value) for key, _, value in (entry.partition("\n") for entry in entries) if key)


def local_url(root: Path) -> str:
    """A repository of this machine as its own remote."""
    return f"file://{root}"


def compare_branch(env: Mapping[str, str] | None = None) -> tuple[str, tuple[str, ...]] | None:
    """The branch that a CI system builds for a pull or merge request, by its usual name, and where to look for it,
    the best first. Forks' branches are only under the request's own reference. None outside of a request.
    """
    env = os.environ if env is None else env
    name, number, request = _request(env)
    if not name and not number:
        return None
    name = name.removeprefix("refs/heads/")
    where = (f"{request}/{number}/head",) if request and number.isdigit() else ()
    if name and ":" not in name:  # Buildkite writes OWNER:BRANCH for forks
        where = (*where, f"refs/heads/{name}")
    return (name or where[0], where) if where else None


def _request(env: Mapping[str, str]) -> tuple[str, str, str]:
    """Name of the compare branch, number of the request, and where the server keeps requests."""

    def get(name: str) -> str:
        return env.get(name, "")

    if get("GITHUB_HEAD_REF"):  # GitHub Actions, also Gitea's and Forgejo's
        found = re.match(r"refs/pull/(\d+)/", get("GITHUB_REF"))
        return get("GITHUB_HEAD_REF"), found[1] if found else "", "refs/pull"
    if get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"):  # GitLab
        return get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"), get("CI_MERGE_REQUEST_IID"), "refs/merge-requests"
    if get("BITBUCKET_PR_ID"):
        return get("BITBUCKET_BRANCH"), "", ""
    if get("SYSTEM_PULLREQUEST_SOURCEBRANCH"):  # Azure Pipelines
        return (
            get("SYSTEM_PULLREQUEST_SOURCEBRANCH"),
            get("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER"),
            "refs/pull",
        )
    if get("BUILDKITE_PULL_REQUEST") not in ("", "false"):
        return get("BUILDKITE_BRANCH"), get("BUILDKITE_PULL_REQUEST"), "refs/pull"
    if get("CHANGE_ID"):  # Jenkins, multibranch
        return get("CHANGE_BRANCH"), get("CHANGE_ID"), "refs/pull"
    return "", "", ""


def wanted_ref(env: Mapping[str, str] | None = None) -> tuple[str, tuple[str, ...]]:
    """What `copy_repo` takes: the compare branch of a request, else the default branch. A name for people, and
    references to try in this order."""
    return compare_branch(env) or ("the default branch", (HEAD,))


# Asking git


def _line(git: Git, root: Path, *words: str) -> str:
    """One line, or "" when git has no answer."""
    return git(*words, folder=root, codes=(0, 1, 2, 128)).strip("\n")


def _remote(git: Git, root: Path, branch: str) -> str:
    names = _line(git, root, "remote").split("\n")
    own = _line(git, root, "config", "--get", f"branch.{branch}.remote") if branch else ""
    for name in (own, "origin"):
        if name in names:
            return name
    return names[0] if len(names) == 1 else ""


def _changed(git: Git, root: Path, directory: Path, most: int = 5) -> tuple[str, ...]:
    """Some paths that differ from the commit, new files among them."""
    below = os.path.relpath(directory.resolve(), root.resolve())
    own = [f":(top,exclude,literal){os.path.normpath(os.path.join(below, name))}" for name in OWN]  # noqa: PTH118
    entries = git("status", "--porcelain=v1", "-z", "--no-renames", "--", ":(top)", *own, folder=root).split(
        "\0"
    )
    return tuple(entry[3:] for entry in entries if entry)[:most]


def _pushed(git: Git, root: Path, remote: str, commit: str) -> bool:
    words = ("for-each-ref", "--count=1", f"--contains={commit}", f"refs/remotes/{remote}/")
    return bool(git(*words, folder=root))


def _explained(error: SourceError, directory: Path) -> SourceError:
    if "dubious ownership" in str(error):
        return SourceError(
            "state",
            f"git does not trust the repository of {directory}, which belongs to another user: "
            f"git config --global --add safe.directory {directory}",
        )
    return error


def problem_of(found: Repository | None, directory: Path) -> Sequence[str]:
    """Why the commit of the repository cannot be fetched by others as what is here; empty when it can."""
    if found is None:
        return [f"{directory} is in no git repository"]
    problems = []
    if not found.commit:
        problems.append("nothing is committed yet")
    if found.changed:
        files = ", ".join(found.changed)
        problems.append(f"there are changes that are not committed ({files})")
    if not found.remote:
        problems.append("it has no remote")
    elif found.commit and not found.pushed:
        problems.append(f"its commit {found.commit[:12]} is not pushed to {found.remote}")
    return problems
