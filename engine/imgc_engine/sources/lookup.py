"""What the sources of a plan are now: a commit each, or for a bucket the digest of what is in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from imgc_engine.interrupt import Interrupt
from imgc_engine.plan import SecretSource
from imgc_engine.secrets import SecretMissing, Secrets
from imgc_engine.sources import bucket
from imgc_engine.sources.access import Access, access_of, bare
from imgc_engine.sources.cache import check_out
from imgc_engine.sources.git import listed, resolve
from imgc_engine.sources.locks import locked
from imgc_engine.sources.place import Places
from imgc_engine.sources.program import Git, SourceError
from imgc_engine.sources.repository import (
    Repository,
    local_url,
    own_settings,
    problem_of,
    remote_url,
    repository,
    wanted_ref,
)

T = TypeVar("T")

AT_ONCE = 8  # servers that are asked at a time


@dataclass(frozen=True, slots=True)
class Wanted:
    """One source. `kind` is repo, git or s3; `path` where it is put, or for a download of the own repository the
    folder of it, both relative to the pipeline's directory."""

    kind: str
    url: str
    branch: str
    path: str
    download: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The commit, and what a person should know about it."""

    commit: str = ""
    notice: str = ""
    error: SourceError | None = None


@dataclass(slots=True)
class Lookups:
    """Sources of one pipeline. `directory` is the pipeline's."""

    directory: Path
    secrets: Secrets
    names: Mapping[str, object]
    """Of the pipeline's secrets."""
    interrupt: Interrupt | None = None
    _own: Repository | None = field(default=None, init=False)
    _looked: bool = field(default=False, init=False)
    _lacking: str = field(default="", init=False)

    def git(self, url: str) -> Git:
        """git with the secrets that are for this URL. A secret that the host lacks may not be needed here: people have
        git's own logins, CI systems the secret."""
        try:
            access = access_of(self.secrets, self.names, (url,))
        except SecretMissing as error:
            access, self._lacking = Access(), str(error)
        return Git(access, self.interrupt)

    def own(self) -> Repository:
        """The repository that the pipeline is in. SourceError when it is in none."""
        if not self._looked:
            self._own = repository(self.directory, git=Git(Access(), self.interrupt))
            self._looked = True
        if self._own is None:
            message = f"{self.directory} is in no git repository: 'copy_dir' copies a folder as it is."
            raise SourceError("state", message)
        return self._own

    def own_remote(self) -> tuple[str, Git]:
        """Where the own repository is fetched, and with what. Without a remote it is fetched from itself."""
        own = self.own()
        if not own.remote:
            return local_url(own.root), Git(Access(), self.interrupt)
        whole = remote_url(own.root, own.remote)
        git = self.git(own.url)
        access = replace(git.access, settings=own_settings(own.root)).with_url(whole)
        return own.url, replace(git, access=access)

    # What a source is now

    def answer(self, wanted: Wanted) -> Answer:
        try:
            if wanted.kind == "s3":
                return Answer(self._bucket(wanted))
            if wanted.kind == "git":
                return Answer(resolve(wanted.url, wanted.branch, git=self.git(wanted.url)))
            return self._download() if wanted.download else self._repository()
        except SourceError as error:
            return Answer(error=self.masked(error))
        except OSError as error:
            return Answer(error=_of_disk(error))

    def masked(self, error: SourceError) -> SourceError:
        """With no secret in it, whatever a server has written."""
        text = self.secrets.mask().text(str(error))
        lacking = f" {self._lacking}" if self._lacking and error.kind == "credentials" else ""
        return SourceError(error.kind, text + lacking, error.near)

    def _bucket(self, wanted: Wanted) -> str:
        """The bucket is fetched at once: only then is it known what is in it."""
        with self._copy(wanted) as copy:
            bucket.sync(wanted.url, copy, self.interrupt)
            return bucket.content(copy)

    @contextmanager
    def _copy(self, wanted: Wanted) -> Iterator[Path]:
        """The copy of a bucket, in which only what has changed is fetched anew."""
        folder = self.directory / wanted.path
        with locked(folder.with_name(f"{folder.name}.s3.lock"), self.interrupt):
            yield folder.with_name(f"{folder.name}.s3")

    def _repository(self) -> Answer:
        """`copy_repo`: the compare branch of a request, else the default branch; without a remote what is committed."""
        own = self.own()
        if not own.remote:
            if not own.commit:
                message = f"The repository {own.root} has neither a remote nor a commit: commit something, or use 'copy_dir'."
                raise SourceError("state", message)
            return Answer(
                own.commit, _aside(own, own.commit, "the last commit: the repository has no remote")
            )
        url, git = self.own_remote()
        name, places = wanted_ref()
        for place in places:
            if commit := listed(url, place, git):
                return Answer(commit, _aside(own, commit, f"{name} of {url}"))
        raise SourceError("branch", f"{bare(url)} has no branch {name!r}, which this CI job is for.")

    def _download(self) -> Answer:
        """What containers fetch when they start: the commit that is checked out here, if others can get it."""
        own = self.own()
        problems = list(problem_of(own, self.directory))
        if own.clean and own.commit and own.remote and not own.pushed:
            url, git = self.own_remote()
            try:  # a clone does not know of all that its remote has: of the merge commits of CI systems, say
                return Answer(resolve(url, own.commit, git=git))
            except SourceError as error:
                if error.kind != "commit":
                    raise
        if problems:
            message = f"Containers are to fetch the code of this commit, but {' and '.join(problems)}."
            raise SourceError("state", message)
        return Answer(own.commit)

    # Its files

    def fill(self, wanted: Wanted, commit: str, target: Path) -> None:
        """Write the files of a source into an empty folder. SourceError, OSError."""
        if wanted.kind == "s3":
            with self._copy(wanted) as copy:
                shutil.copytree(copy, target, symlinks=True, dirs_exist_ok=True)
            if bucket.content(target) != commit:
                raise SourceError("state", f"{wanted.url} changed while it was fetched: start again.")
            return
        if wanted.kind == "git":
            check_out(wanted.url, commit, target, git=self.git(wanted.url))
            return
        own = self.own()
        url, git = self.own_remote()
        folder = self._folder(wanted, own)
        check_out(url, commit, target, git=git, folder=folder, nearby=own.root)

    def _folder(self, wanted: Wanted, own: Repository) -> str:
        """The folder of the repository that a download is about; "" for all of it."""
        if not wanted.download:
            return ""
        wanted_folder = (self.directory / wanted.path).resolve()
        if not wanted_folder.is_relative_to(own.root.resolve()):
            raise SourceError("state", f"'{wanted.path}' is not in the repository {own.root}.")
        below = wanted_folder.relative_to(own.root.resolve()).as_posix()
        return "" if below == "." else below


def _aside(own: Repository, commit: str, what: str) -> str:
    """That what is taken is not what is here, when it is not."""
    if own.changed:
        return f"copy_repo takes {what} ({commit[:12]}), without the changes here that are not committed"
    if own.commit != commit:
        return f"copy_repo takes {what} ({commit[:12]}), not {own.commit[:12]}, which is checked out here"
    return ""


def _of_disk(error: OSError) -> SourceError:
    where = f" at {error.filename}" if error.filename else ""
    return SourceError("program", f"Code cannot be written{where}: {error.strerror or error}.")


def look_up(
    wanted: Iterable[Wanted], directory: Path, secrets: Mapping[str, Mapping[str, str | None]]
) -> dict[Wanted, Answer]:
    """What each source is now; several servers are asked at once. `secrets` is that of a plan. Signals end it: the
    answers then are errors of kind "interrupted"."""
    lookups = _lookups(directory, secrets)
    each = list(dict.fromkeys(wanted))
    return dict(zip(each, _all(lookups, lookups.answer, each), strict=True))


def bring(
    commits: Mapping[Wanted, str], directory: Path, secrets: Mapping[str, Mapping[str, str | None]]
) -> dict[Wanted, SourceError]:
    """Puts sources in their places, at these commits, for a compile that writes build contexts; what cannot be had."""
    lookups = _lookups(directory, secrets)
    places = Places(lookups.interrupt)

    def put(wanted: Wanted) -> SourceError | None:
        try:
            fill = partial(lookups.fill, wanted, commits[wanted])
            places.hold(directory / wanted.path, commits[wanted], fill)
        except SourceError as error:
            return lookups.masked(error)
        except OSError as error:
            return _of_disk(error)
        return None

    try:
        found = zip(commits, _all(lookups, put, list(commits)), strict=True)
        return {wanted: error for wanted, error in found if error is not None}
    finally:
        places.close()


def _lookups(directory: Path, secrets: Mapping[str, Mapping[str, str | None]]) -> Lookups:
    declared = {name: SecretSource(source.get("env"), source.get("file")) for name, source in secrets.items()}
    return Lookups(directory, Secrets(declared, directory), declared, Interrupt())


def _all(lookups: Lookups, ask: Callable[[Wanted], T], each: list[Wanted]) -> list[T]:
    """Asks of each, several at once, until a signal comes."""
    assert lookups.interrupt is not None
    with lookups.interrupt.on_signals(), ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(ask, each))
