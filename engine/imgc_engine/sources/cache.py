"""Commits of repositories, kept for all projects of this user, and laid out as plain files.

A cache is a bare repository for each URL with nothing but the commits that somebody wanted, without their history.
Deleting the folder is safe at any time when no imgc runs.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from imgc_engine.sources.access import bare
from imgc_engine.sources.git import bare_of, check_url, vanished
from imgc_engine.sources.locks import locked
from imgc_engine.sources.program import Git, SourceError

FETCHING = 1800.0  # seconds for one repository; a stalled connection ends far earlier
DEEPEST = 10  # submodules in submodules
_PLAIN = (
    "-c",
    "core.autocrlf=false",
    "-c",
    "core.symlinks=true",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "gc.auto=0",
)
"""What of the user's configuration would give files other bytes or names, put back."""
_SUBMODULE_URL = re.compile(
    r"(https?|ssh|git)://.+|(?!-)[A-Za-z0-9_.-]+@[A-Za-z0-9][A-Za-z0-9.-]*:.+", re.DOTALL
)


_NO_SUCH_COMMIT = ("nonexistent object", "not a valid", "not our ref", "unadvertised object")
"""What git says of a commit that a repository does not have; the last two of a partial one, which asks its server."""


def cache_folder() -> Path:
    """Where this user's caches are."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "imgc"


def check_out(
    url: str, commit: str, target: Path, *, git: Git, folder: str = "", nearby: Path | None = None
) -> None:
    """Write the files of a commit, with its submodules, into an empty folder; with `folder` only what is below it.

    `nearby` is a clone on this machine that may have the commit. SourceError, OSError.
    """
    _check_out(url, commit, target, git, folder, nearby, 0)


def _check_out(
    url: str, commit: str, target: Path, git: Git, folder: str, nearby: Path | None, depth: int
) -> None:
    check_url(url)
    store = _store(url)
    known = store.is_dir()
    try:
        modules = _lay_out(url, commit, target, git, folder, nearby)
    except SourceError as error:
        if not known or error.kind not in ("program", "repository"):
            raise
        # What a crash has left of the cache may be no repository: so it is made anew.
        _forget(store, git)
        for left in target.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        modules = _lay_out(url, commit, target, git, folder, nearby)
    for path, module_url, module_commit in modules:
        if depth == DEEPEST:
            raise SourceError("repository", f"{bare(url)} has submodules in submodules without an end.")
        _check_out(module_url, module_commit, target / path, git, "", None, depth + 1)


def _lay_out(
    url: str, commit: str, target: Path, git: Git, folder: str, nearby: Path | None
) -> list[tuple[str, str, str]]:
    """Writes the files of the commit itself; its submodules, as path, URL and commit."""
    store = _having(url, commit, git, narrow=bool(folder), nearby=nearby)
    if folder and not _is_folder(commit, folder, git, store, url):
        raise SourceError("commit", f"The commit {commit[:12]} of {bare(url)} has no folder {folder!r}.")
    tree = f"{commit}:{folder}" if folder else commit
    with tempfile.TemporaryDirectory(prefix="imgc-") as aside:
        # Into a new index, so that several may do it at once. What a partial clone lacks is fetched now.
        git(
            *_PLAIN, f"--git-dir={store}", f"--work-tree={target}", "read-tree", "--reset", "-u", tree,
            url=url, extra={"GIT_INDEX_FILE": f"{aside}/index"}, timeout=FETCHING,
        )  # fmt: skip
    return _submodules(url, commit, folder, git, store)


def _is_folder(commit: str, folder: str, git: Git, store: Path, url: str) -> bool:
    try:
        return git("cat-file", "-t", f"{commit}:{folder}", folder=store, url=url).strip() == "tree"
    except SourceError as error:
        if error.kind in ("host", "credentials", "timeout", "interrupted"):
            raise
        return False


def _store(url: str) -> Path:
    return cache_folder() / "git" / hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()[:20]


def _forget(store: Path, git: Git) -> None:
    with locked(store.with_suffix(".lock"), git.interrupt):
        shutil.rmtree(store, ignore_errors=True)


def _having(url: str, commit: str, git: Git, *, narrow: bool, nearby: Path | None) -> Path:
    """The cache of a URL, with the commit in it. Two do not fetch at once; reading needs no lock, as nothing goes."""
    store = _store(url)
    with locked(store.with_suffix(".lock"), git.interrupt):
        if not _has(store, commit, git):
            _fetch(url, commit, store, git, narrow, nearby)
    return store


def _has(store: Path, commit: str, git: Git) -> bool:
    if not (store / "HEAD").is_file():
        return False
    return bool(git("for-each-ref", f"refs/imgc/{commit}", folder=store))


def _fetch(url: str, commit: str, store: Path, git: Git, narrow: bool, nearby: Path | None) -> None:
    store.mkdir(parents=True, exist_ok=True)
    git("init", *bare_of(commit), folder=store)
    git("config", "remote.origin.url", url, folder=store)
    if nearby is not None and _took(f"file://{nearby}", commit, store, git):
        return
    if narrow:  # files are fetched when they are written; servers that cannot do it send all of them
        git("config", "remote.origin.promisor", "true", folder=store)
        git("config", "remote.origin.partialclonefilter", "blob:none", folder=store)
    only = ("--filter=blob:none",) if narrow else ()
    options = (*_PLAIN, "fetch", "-q", "--no-tags", "--no-recurse-submodules")
    try:
        git(
            *options, "--depth=1", *only, "--", "origin", f"+{commit}:refs/imgc/{commit}",
            folder=store, url=url, timeout=FETCHING,
        )  # fmt: skip
    except SourceError as error:
        if error.kind in ("credentials", "host", "timeout", "interrupted"):
            raise
        # Old servers give only what a name leads to: so all of it is fetched, and looked through.
        git(*options, "--", "origin", "+refs/heads/*:refs/all/*", "+refs/tags/*:refs/tag/*",
            folder=store, url=url, timeout=FETCHING)  # fmt: skip
        try:
            git("update-ref", f"refs/imgc/{commit}", commit, folder=store)
        except SourceError as missing:
            if not any(words in str(missing) for words in _NO_SUCH_COMMIT):
                raise
            raise vanished(url, commit) from None


def _took(url: str, commit: str, store: Path, git: Git) -> bool:
    """Whether a clone on this machine had the commit, which then is in the cache."""
    try:
        git(
            *_PLAIN, "-c", "protocol.file.allow=always", "fetch", "-q", "--no-tags",
            "--depth=1", "--", url, f"+{commit}:refs/imgc/{commit}", folder=store, timeout=FETCHING,
        )  # fmt: skip
    except SourceError as error:
        if error.kind == "interrupted":
            raise
        return False
    return True


# Submodules


def _submodules(url: str, commit: str, folder: str, git: Git, store: Path) -> list[tuple[str, str, str]]:
    """Path below the folder, URL and commit of each submodule."""
    where = ("--", f"{folder}/") if folder else ()
    entries = git("ls-tree", "-r", "-z", "--full-tree", commit, *where, folder=store, url=url).split("\0")
    links = {}
    for entry in entries:
        mode, _, rest = entry.partition(" ")
        if mode == "160000":
            described, _, path = rest.partition("\t")
            links[path] = described.split()[-1]
    if not links:
        return []
    urls = _module_urls(commit, git, store)
    found = []
    for path, module_commit in links.items():
        if path not in urls:
            raise SourceError(
                "repository", f"{bare(url)} has a submodule at {path!r}, but no URL of it in .gitmodules."
            )
        module_url = _absolute(url, urls[path], path)
        found.append((os.path.relpath(path, folder or "."), module_url, module_commit))
    return found


def _module_urls(commit: str, git: Git, store: Path) -> dict[str, str]:
    """Path -> URL, as .gitmodules has them."""
    try:
        listed = git("config", f"--blob={commit}:.gitmodules", "-z", "--list", folder=store)
    except SourceError:
        return {}
    modules: dict[str, dict[str, str]] = {}
    for entry in listed.split("\0"):
        key, _, value = entry.partition("\n")
        section, _, rest = key.partition(".")
        name, _, setting = rest.rpartition(".")
        if section == "submodule":
            modules.setdefault(name, {})[setting] = value
    return {m["path"]: m["url"] for m in modules.values() if "path" in m and "url" in m}


def _absolute(parent: str, url: str, path: str) -> str:
    """A submodule's URL; one that begins with ./ or ../ starts at the parent's, as git has it."""
    if url.startswith(("./", "../")):
        base = parent.rstrip("/")
        while url.startswith(("./", "../")):
            up, _, url = url.partition("/")
            if up == "..":
                cut = max(base.rfind("/"), base.rfind(":"))
                base = base[:cut] if cut > 0 else base
        return f"{base}/{url}"
    if not _SUBMODULE_URL.fullmatch(url):
        raise SourceError(
            "repository", f"The submodule {path!r} has the URL {bare(url)!r}, which is not followed."
        )
    return url
