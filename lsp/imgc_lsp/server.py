"""The server of one client: its session, its settings, what it is told. Which method is answered by which feature
stands in `wiring.py`; no knowledge of pipelines is in either."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from imgc import __version__
from imgc_lsp import journal, settings
from imgc_lsp.features import completion, diagnostics, outline
from imgc_lsp.images.references import References
from imgc_lsp.packages import LocalPackages
from imgc_lsp.positions import Encoding
from imgc_lsp.progress import Shown
from imgc_lsp.protocol import Protocol, Server
from imgc_lsp.session import OpenDocument, Session
from imgc_lsp.snapshot import Settings, Snapshot
from imgc_lsp.sources import Sources
from imgc_lsp.stdio import Waiting
from imgc_lsp.workspace import ClosedFiles

log = logging.getLogger(__name__)
T = TypeVar("T")
_FIRST_REQUESTS = 0.002
"""Seconds by which diagnostics wait: the completion that an editor asks for with a letter comes first."""
_TURNS = 8
"""How often they give way to messages that come in while they are worked out."""
_OUTLINED = 0.1
"""Seconds of quiet before an outline is sent."""
_FOLLOWED = 0.5
"""Seconds between two looks at a run that is under way."""
WATCHED = (
    "**/imgc.lock", "**/imgc.lock.d/*", "**/.dockerignore", "**/*Dockerfile*", "**/*requirements*.txt", "**/pyproject.toml",
    "**/uv.lock", "**/poetry.lock", "**/package*.json", "**/*.imgc.yaml", "**/pipeline.yaml", "**/pipeline.yml",
    "**/.imgc/**/*.jsonl", "**/.imgc/runs/*",
)  # fmt: skip
"""Files whose change may change what is said of a pipeline file."""


class ImgcServer(Server):
    """The server of one client."""

    session: Session

    def __init__(self) -> None:
        super().__init__("imgc", __version__, protocol_cls=Protocol)
        self.settings = Settings()
        self.references = References(self.settings)
        self.sources = Sources(LocalPackages(), self.references)
        self.client = completion.Client()
        self.commands: frozenset[str] = frozenset()
        self.closed = ClosedFiles()
        self.results: dict[Path, journal.Results] = {}
        self.followed: set[Path] = set()
        self.pushes = True
        self.refreshes = False
        self.watches = False
        self.asks = False
        self.shows = False
        self.outlines = False

    def begin(self, params: lsp.InitializeParams) -> None:
        """Takes in what the client can do."""
        document = params.capabilities.text_document or lsp.TextDocumentClientCapabilities()
        workspace = params.capabilities.workspace or lsp.WorkspaceClientCapabilities()
        item = document.completion.completion_item if document.completion else None
        self.client = completion.Client(snippets=bool(item and item.snippet_support))
        self.refreshes = bool(workspace.diagnostics and workspace.diagnostics.refresh_support)
        self.pushes = document.diagnostic is None or not self.refreshes
        watching = workspace.did_change_watched_files
        self.watches = bool(watching and watching.dynamic_registration)
        self.asks = bool(workspace.configuration)
        self.shows = bool(params.capabilities.window and params.capabilities.window.work_done_progress)
        options = params.initialization_options
        settings.apply(self.settings, options)
        named = options.get("commands") if isinstance(options, dict) else None
        self.commands = frozenset(map(str, named)) if isinstance(named, list) else frozenset()
        self.outlines = isinstance(options, dict) and options.get("outline") is True
        encoding = self.workspace.position_encoding
        name = _encoding(getattr(encoding, "value", encoding))
        self.session = Session(name, self.settings, self.publish, self.show)

    @property
    def folders(self) -> list[Path]:
        from imgc_lsp.workspace import folder_paths

        uris = [folder.uri for folder in self.workspace.folders.values()]
        return folder_paths(uris or ([self.workspace.root_uri] if self.workspace.root_uri else []))

    def show(self, title: str, token: lsp.ProgressToken | None = None) -> Shown | None:
        """Work to be shown by the client; None where it neither can nor asked for it."""
        return Shown(self.work_done_progress, title, token) if self.shows or token is not None else None

    # Diagnostics

    def report(self, snapshot: Snapshot) -> dict[str, list[lsp.Diagnostic]]:
        """Everything known of a document: what the analysis finds, and what the last build and run left."""
        results = self.results_of(snapshot.directory)
        return diagnostics.report(snapshot, journal.diagnostics(snapshot, results))

    def results_of(self, directory: Path) -> journal.Results:
        if directory not in self.results:
            known = journal.mark(directory)
            self.results[directory] = journal.read(directory)
            if self.results[directory].under_way:
                self._follow(directory, known)
        return self.results[directory]

    def _follow(self, directory: Path, known: object) -> None:
        """Looks at a run that is under way until it is over: clients miss changes in folders that are new."""
        if directory not in self.followed:
            self.followed.add(directory)
            asyncio.get_running_loop().call_later(_FOLLOWED, self._look, directory, known)

    def _look(self, directory: Path, known: object) -> None:
        self.followed.discard(directory)
        documents = [each for each in self.session.documents.values() if each.path.parent == directory]
        if not documents:
            return
        if journal.mark(directory) == known:
            self._follow(directory, known)
            return
        self.results.pop(directory, None)
        for document in documents:
            self.publish(document)

    def publish(self, document: OpenDocument) -> None:
        """Tells the client what is known of a document now, unless it is what it knows already."""
        snapshot = self.session.snapshot(document.uri)
        if snapshot is not None and snapshot.analysis is not None:
            self.references.locked = tuple(snapshot.analysis.lock.images)
        if self.outlines:
            self._outline_soon(document)
        report = self.report(snapshot) if snapshot is not None else {document.uri: []}
        if not self.pushes:
            self._refresh(document, report)
            return
        for uri in [*(document.published.keys() - report.keys()), *report]:
            items = report.get(uri, [])
            result = diagnostics.result_id(items)
            if document.published.get(uri) != result:
                document.published[uri] = result
                version = document.version if uri == document.uri else None
                self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, items, version))

    def _outline_soon(self, document: OpenDocument) -> None:
        """Once nothing was typed for a moment: an outline costs as much as the diagnostics of a keystroke."""
        if document.outlining is not None:
            document.outlining.cancel()
        loop = asyncio.get_running_loop()
        document.outlining = loop.call_later(_OUTLINED, self._outline, document)

    def _outline(self, document: OpenDocument) -> None:
        """Tells a client that asked for outlines that one has changed."""
        document.outlining = None
        snapshot = self.session.snapshot(document.uri)
        if snapshot is None or self.session.documents.get(document.uri) is not document:
            return
        found = outline.outline(snapshot, self.results_of(snapshot.directory))
        if found != document.outlined:
            document.outlined = found
            self.protocol.notify("imgc/outline", found)

    def _refresh(self, document: OpenDocument, report: dict[str, list[lsp.Diagnostic]]) -> None:
        """Asks a client that pulls to pull again when it would get something else than at its last pull."""
        result = diagnostics.result_id([item for items in report.values() for item in items])
        if document.published.get(document.uri, result) != result:
            self.workspace_diagnostic_refresh(None)
        document.published[document.uri] = result

    def publish_soon(self, document: OpenDocument, turns: int = _TURNS) -> None:
        """Publishes once the messages that are already waiting are in."""
        version = document.version

        def publish() -> None:
            if document.version != version or self.session.documents.get(document.uri) is not document:
                return
            try:
                self.session.read(document, self.pause if turns else None)
            except Waiting:
                self.publish_soon(document, turns - 1)
            else:
                self.publish(document)

        asyncio.get_running_loop().call_later(_FIRST_REQUESTS, publish)

    def files_changed(self, paths: list[Path]) -> None:
        """Looks again at the open documents that may read one of these files."""
        for document in list(self.session.documents.values()):
            directory = document.path.parent
            if any(path.is_relative_to(directory) or directory.is_relative_to(path.parent) for path in paths):
                self.results.pop(directory, None)
                if any(".imgc" in path.parts for path in paths):
                    self.publish(document)
                else:
                    self.session.touch(document)

    async def configure(self) -> None:
        """Asks the client for its settings."""
        if not self.asks:
            return
        item = lsp.ConfigurationItem(section="imgc")
        try:
            found = await self.workspace_configuration_async(lsp.ConfigurationParams([item]))
        except Exception as error:  # a client that cannot answer keeps the defaults
            log.info("the client gave no settings: %s", error)
            return
        self.take_settings(found[0] if found else None)

    def take_settings(self, data: Any) -> None:
        if settings.apply(self.settings, data):
            for document in list(self.session.documents.values()):
                self.session.touch(document)
                self.publish(document)

    # Answers

    async def answer(
        self, uri: str, feature: Callable[[Snapshot], T], default: T, *, draft: bool = False
    ) -> T:
        """The answer of a feature for a document as it is now; a fault in it is logged and answers `default`.
        `draft`: the feature goes by the text, and what else is known may be of the version before.

        Yields to the loop once before it works, so that a request that was cancelled meanwhile is never begun.
        """
        await asyncio.sleep(0)
        try:
            snapshot = self.session.draft(uri) if draft else self.session.snapshot(uri)
            return default if snapshot is None else feature(snapshot)
        except JsonRpcException:
            raise
        except Exception:
            log.exception("%s failed", getattr(feature, "__qualname__", feature))
            return default

    async def analysed(self, uri: str) -> None:
        """Returns once the newest text of a document has been analysed, or after five seconds."""
        document = self.session.documents.get(uri)
        if document is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(document.analysed.wait(), 5)

    async def snapshots(self, token: lsp.ProgressToken | None = None) -> list[Snapshot]:
        """All pipeline files of the workspace: the open ones, and the others as they are on disk. `token`
        is what the client wants to hear of the work by."""
        every = [self.session.snapshot(uri) for uri in list(self.session.documents)]
        opened = [snapshot for snapshot in every if snapshot is not None]
        paths = {document.path for document in self.session.documents.values()}
        shown = self.show("Checking the workspace", token)
        loop = asyncio.get_running_loop()

        def reached(path: Path, number: int, count: int) -> None:
            if shown is not None:
                message = f"{path.name} ({number} of {count})"
                loop.call_soon_threadsafe(shown.report, message, 100 * (number - 1) // count)

        try:
            closed = await asyncio.to_thread(
                self.closed.read, self.folders, self.settings, self.session.encoding, paths, reached
            )
        finally:
            if shown is not None:
                shown.end()
        return [*opened, *closed]


def _encoding(name: object) -> Encoding:
    return "utf-8" if name == "utf-8" else "utf-32" if name == "utf-32" else "utf-16"
