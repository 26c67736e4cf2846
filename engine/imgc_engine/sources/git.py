"""From a branch, tag or commit of a repository to the one commit it means now."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from imgc_engine.sources.access import bare
from imgc_engine.sources.program import HOST, Git, SourceError

HEAD = "HEAD"
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_SHORT = re.compile(r"[0-9a-f]{7,63}")
_REFUSED = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|^-")
_NEAR = 3
FULL_HISTORY = 600.0  # seconds to look through all commits of a repository


def resolve(url: str, ref: str = HEAD, *, git: Git = HOST) -> str:
    """The commit, in full, that a branch, a tag (as what it points to), a commit or HEAD (the default branch)
    of the repository is. Of a branch and a tag of one name it is the branch, as `git clone` has it. SourceError.
    """
    check_url(url)
    if not ref or _REFUSED.search(ref):
        raise SourceError("branch", f"{ref!r} is no name of a branch, tag or commit.")
    found = listed(url, ref, git)
    if found:
        return found
    if _COMMIT.fullmatch(ref.lower()):
        return _full(url, ref.lower(), git)
    if _SHORT.fullmatch(ref.lower()) and (commit := _short(url, ref.lower(), git)):
        return commit
    raise _unknown(url, ref, git)


def check_url(url: str) -> None:
    """Nothing that git would take for an option, or for a program to run. SourceError."""
    if not url or url.startswith("-") or "::" in url.partition("/")[0] or re.search(r"[\x00-\x1f\x7f]", url):
        raise SourceError("repository", f"{bare(url)!r} is no URL of a repository.")


def listed(url: str, ref: str, git: Git) -> str:
    """The commit of a name that the server lists; "" when it lists none of it."""
    names = (ref,) if ref == HEAD or ref.startswith("refs/") else (f"refs/heads/{ref}", f"refs/tags/{ref}")
    patterns = [pattern for name in names for pattern in (name, f"{name}^{{}}")]
    refs = dict(_refs(git("ls-remote", "--", url, *patterns, url=url)))
    for name in names:
        if name in refs:
            return refs.get(f"{name}^{{}}", refs[name])  # a tag may be an object of its own
    if ref == HEAD:
        raise SourceError(
            "branch", f"{bare(url)} has no default branch: it is empty, or its HEAD leads nowhere."
        )
    return ""


def _refs(text: str) -> Iterable[tuple[str, str]]:
    for line in text.splitlines():
        commit, tab, name = line.partition("\t")
        if tab:
            yield name, commit


def _full(url: str, commit: str, git: Git) -> str:
    """The commit, if the server still has it."""
    with tempfile.TemporaryDirectory(prefix="imgc-") as folder:
        empty = Path(folder)
        git("init", *bare_of(commit), folder=empty)
        try:
            git(
                "fetch", "-q", "--depth=1", "--filter=tree:0", "--no-tags", "--", url, commit,
                url=url, folder=empty, timeout=FULL_HISTORY,
            )  # fmt: skip
        except SourceError as error:
            if error.kind in ("credentials", "host", "timeout", "interrupted"):
                raise
            if _history(url, commit, git, empty) != commit:
                raise vanished(url, commit) from None
    return commit


def bare_of(commit: str) -> tuple[str, ...]:
    """Arguments of `git init` for a repository that takes commits of this kind."""
    return ("-q", "--bare", "--template=", *(("--object-format=sha256",) if len(commit) == 64 else ()))


def vanished(url: str, commit: str) -> SourceError:
    return SourceError(
        "commit",
        f"{bare(url)} has no commit {commit} (any more): it was never pushed, or its branch was rewritten or removed.",
    )


def _short(url: str, beginning: str, git: Git) -> str:
    """The commit that begins so; "" when there is none. Ambiguous ones are an error."""
    with tempfile.TemporaryDirectory(prefix="imgc-") as folder:
        git("init", *bare_of(""), folder=Path(folder))
        return _history(url, beginning, git, Path(folder))


def _history(url: str, commit: str, git: Git, folder: Path) -> str:
    """Look for a commit in all that branches and tags hold, without the files where the server allows it."""
    git(
        "fetch", "-q", "--filter=tree:0", "--", url, "+refs/heads/*:refs/x/*", "+refs/tags/*:refs/y/*",
        url=url, folder=folder, timeout=FULL_HISTORY,
    )  # fmt: skip
    try:
        return git("rev-parse", "-q", "--verify", f"{commit}^{{commit}}", folder=folder).strip()
    except SourceError as error:
        if "ambiguous" in str(error):
            message = f"Several commits of {bare(url)} begin with {commit}: write more of it."
            raise SourceError("commit", message) from None
        return ""


def _unknown(url: str, ref: str, git: Git) -> SourceError:
    """No such branch; with those that have a similar name."""
    text = git("ls-remote", "--heads", "--tags", "--refs", "--", url, url=url)
    names = sorted({name.split("/", 2)[2] for name, _ in _refs(text)})
    lower = {name.lower(): name for name in names}
    near = tuple(lower[name] for name in get_close_matches(ref.lower(), lower, _NEAR))
    if near:
        remedy = f"did you mean {' or '.join(repr(name) for name in near)}?"
    else:
        shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        remedy = f"there are {shown}." if names else "it has none at all."
    return SourceError("branch", f"{bare(url)} has no branch, tag or commit {ref!r}: {remedy}", near)
