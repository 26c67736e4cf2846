"""Code from elsewhere, brought into the build context of the images that copy it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from imgc_engine.events import ImageStep, Listener, Notice
from imgc_engine.failures import Code, Failure
from imgc_engine.interrupt import Interrupt
from imgc_engine.plan import CodeSource, Plan
from imgc_engine.secrets import Secrets
from imgc_engine.sources.lookup import Lookups, Wanted
from imgc_engine.sources.place import Places
from imgc_engine.sources.program import SourceError


class Fetches:
    """Brings the sources of images, from several threads. `close` when the builds have ended."""

    def __init__(
        self, plan: Plan, project: Path, secrets: Secrets, tell: Listener, interrupt: Interrupt
    ) -> None:
        self._plan, self._project, self._tell = plan, project, tell
        self._lookups = Lookups(project, secrets, plan.secrets, interrupt)
        self._places = Places(interrupt)

    def bring(self, name: str) -> Failure | None:
        """See that the image's sources are in the build context; why one cannot be had."""
        for source in self._plan.images[name].sources:
            if source.source_files != "download" and (failure := self._bring(name, source)):
                return failure
        return None

    def _bring(self, name: str, source: CodeSource) -> Failure | None:
        if not source.commit:
            message = "What this is at the moment is not known: build it with `imgc build`."
            return Failure(name, message, source.place, Code.USER_FILE)
        wanted = wanted_of(source)
        step = f"fetch {said(source)}"
        self._tell(ImageStep(name, step, "started"))

        def waiting() -> None:
            self._tell(
                Notice(f"{name} waits for another imgc, which builds from another commit of the same code")
            )

        try:
            fill = partial(self._lookups.fill, wanted, source.commit)
            fresh = self._places.hold(self._project / source.path, source.commit, fill, waiting)
        except SourceError as raised:
            error = self._lookups.masked(raised)
            self._tell(ImageStep(name, step, "failed"))
            code = Code.USER_FILE if error.of_user else Code.ENVIRONMENT
            return Failure(name, str(error), source.place, code, detail=step)
        self._tell(ImageStep(name, step, "done" if fresh else "cached"))
        return None

    def close(self) -> None:
        self._places.close()


@contextmanager
def fetching(
    plan: Plan, project: Path, secrets: Secrets, tell: Listener, interrupt: Interrupt
) -> Iterator[Fetches]:
    """Keeps what was fetched in its place as long as the context lasts."""
    fetches = Fetches(plan, project, secrets, tell, interrupt)
    try:
        yield fetches
    finally:
        fetches.close()


def wanted_of(source: CodeSource) -> Wanted:
    download = source.source_files == "download"
    return Wanted(source.kind, source.url or "", source.branch or "", source.path, download)


def said(source: CodeSource) -> str:
    """For people: what is fetched, and at which commit."""
    where = source.url or "this file's repository"
    branch = f" {source.branch}" if source.branch else ""
    commit = f" at {source.commit[:12]}" if source.commit and source.kind != "s3" else ""
    return f"{where}{branch}{commit}"
