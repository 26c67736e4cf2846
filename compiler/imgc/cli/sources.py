"""What code from elsewhere is at the moment: asked before a build, for its commit is part of an image's tag."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import Any

from imgc.analysis.analysis import Analysis
from imgc.cli.console import EXIT_INTERRUPTED, Console, Failure
from imgc.cli.loading import engine
from imgc.diagnostics import Diagnostic, Severity, Span, in_order
from imgc.layers.recipe import Source
from imgc.records import replace
from imgc.resolve.image import ResolvedImage


def look_up_sources(analysis: Analysis, arguments: argparse.Namespace, console: Console) -> bool:
    """Gives each source that is not locked its commit. What cannot be had is a finding, an error where the images that
    were asked for need it. Whether the user's file, and not the surroundings, is what has to change."""
    live = getattr(arguments, "live", False)
    wanted = {key: source for _, source, key in _unknown(analysis, live)}
    if not wanted:
        return True
    lookup = engine("sources.lookup")
    questions = {key: lookup.Wanted(*key) for key in wanted}
    secrets = {
        name: {"env": secret.env or None, "file": secret.file or None}
        for name, secret in analysis.pipeline.secrets.items()
    }
    answers = lookup.look_up(questions.values(), analysis.project.directory, secrets)
    commits = {}
    for key, question in questions.items():
        answer = answers[question]
        if answer.error is not None and answer.error.kind == "interrupted":
            raise Failure("interrupted", EXIT_INTERRUPTED)
        commits[key] = answer.commit
        if answer.notice:
            console.say(answer.notice)
    needed = _needed(analysis, arguments)
    found, of_user = [], True
    for image, source, key in _unknown(analysis, live):
        error = answers[questions[key]].error
        if error is not None:
            found.append(_diagnostic(image, source, error, image.name in needed))
            of_user = of_user and (error.of_user or image.name not in needed)
    for image in analysis.images.values():
        image.sources = tuple(_known(source, False, commits) for source in image.sources)
        image.downloads = tuple(_known(source, True, commits) for source in image.downloads)
    analysis.diagnostics = in_order([*analysis.diagnostics, *found])
    return of_user


def _unknown(analysis: Analysis, live: bool) -> Iterator[tuple[ResolvedImage, Source, tuple[Any, ...]]]:
    """Sources without a commit, each with its image and what tells it from others. With `live` the user's own files
    take the place of the own repository's commit, which need not be clean then."""
    for image in analysis.images.values():
        for source in image.sources:
            if not source.commit:
                yield image, source, _key(source, False)
        for source in image.downloads:
            if not source.commit and not (live and source.kind == "repo"):
                yield image, source, _key(source, True)


def _key(source: Source, download: bool) -> tuple[str, str, str, str, bool]:
    return source.kind, source.url, source.branch, source.path, download


def _known(source: Source, download: bool, commits: dict[tuple[Any, ...], str]) -> Source:
    commit = commits.get(_key(source, download))
    return replace(source, commit=commit) if commit else source


def _needed(analysis: Analysis, arguments: argparse.Namespace) -> set[str]:
    """The images that the command is about, with those they stand on. A run that is resumed has a plan of its own."""
    if getattr(arguments, "resume", None) is not None:
        return set()
    images: Iterable[str] = getattr(arguments, "images", None) or ()
    node = getattr(arguments, "node", None)
    nodes: Iterable[str] = getattr(arguments, "nodes", None) or ((node,) if node else ())
    asked = set(images) | {
        node.image
        for path, node in analysis.nodes.items()
        if node.image and any(path == name or path.startswith(f"{name}/") for name in nodes)
    }
    if not asked:
        return set(analysis.images)
    found: set[str] = set()
    while asked:
        name = asked.pop()
        if name in analysis.images and name not in found:
            found.add(name)
            asked.add(analysis.images[name].parent)
    return found


def _diagnostic(image: ResolvedImage, source: Source, error: Any, needed: bool) -> Diagnostic:
    code = "source-unknown" if error.of_user else "source-unreachable"
    severity = Severity.ERROR if needed else Severity.WARNING
    return Diagnostic(code, severity, str(error), _place(image, source, error.kind))


def _place(image: ResolvedImage, source: Source, kind: str) -> Span:
    """The branch or the URL, whichever is wrong; else the key."""
    key = "copy_branch" if kind in ("branch", "commit") else "copy_url"
    entry = image.node.entry(key)
    return entry.value.span if source.kind != "repo" and entry is not None else source.span
