"""Names across the sections of a file: each that is used is known, each that is declared is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from imgc.checks.structure import Use
from imgc.diagnostics import Diagnostic, Edit, Fix, Related, Severity, Span
from imgc.diagnostics.near import near
from imgc.document.nodes import Scalar
from imgc.model.pipeline import Pipeline, entries, text
from imgc.model.reference import looks_like_reference

Report = Callable[[Diagnostic], None]

SECTIONS = {"secret": "secrets", "bundle": "bundles", "repo": "repos", "ref": "image_refs"}
"""What a value names -> the section that declares it."""


FETCHED = ("copy_url", "copy_repo", "source_files")
"""Keys that may bring code from a git server."""


def check_names(
    pipeline: Pipeline,
    uses: Iterable[Use],
    params: set[str],
    overrides: Iterable[str],
    report: Report,
    *,
    whole: bool = True,
) -> None:
    """`params` are the parameters that expressions use; `overrides` references given on the command line.

    Of a file that is not `whole`, since parts of it do not parse or are still to be printed, nobody knows what it
    does not use.
    """
    used: dict[str, set[str]] = {"param": params}
    for use in uses:
        used.setdefault(use.kind, set()).add(use.node.text)
        section = SECTIONS.get(use.kind)
        if section is None or "${{" in use.node.text:
            continue
        names = {entry.name for entry in entries(pipeline.root.get(section))}
        if use.kind == "ref":
            names |= set(overrides)
        if use.node.text not in names:
            report(unknown(use.kind, use.node, names, section))
    if whole:
        _unused(pipeline, used, report)


def unknown(kind: str, node: Scalar, names: Iterable[str], section: str) -> Diagnostic:
    """The diagnostic of a name that nothing declares."""
    close = near(node.text, names)
    fixes = tuple(Fix(f"replace with '{other}'", (Edit(node.span, other),)) for other in close)
    label = f"did you mean '{close[0]}'?" if close else f"declare it under '{section}'"
    what = "image reference" if kind == "ref" else kind
    return Diagnostic(
        f"unknown-{kind}", Severity.ERROR, f"no {what} is called '{node.text}'", node.span, label, fixes
    )


def _unused(pipeline: Pipeline, used: dict[str, set[str]], report: Report) -> None:
    for kind, section in (("param", "params"), *SECTIONS.items()):
        names = used.get(kind, set())
        declared = {entry.name for entry in entries(pipeline.root.get(section))}
        if not names <= declared:
            continue  # one of the unknown names may be meant for one of the unused
        for entry in entries(pipeline.root.get(section)):
            if entry.name not in names and not (kind == "secret" and _for_git(entry.name, pipeline)):
                message = f"the {'image reference' if kind == 'ref' else kind} '{entry.name}' is not used"
                report(Diagnostic("unused-name", Severity.WARNING, message, entry.key.span))
    if pipeline.tree is None:
        return
    names = {name for name in used.get("image-name", set()) if not looks_like_reference(name)}
    for image in pipeline.images.values() if names <= set(pipeline.images) else ():
        if image.name not in names:
            report(
                Diagnostic(
                    "unused-name",
                    Severity.HINT,
                    f"no node and no image uses the image '{image.name}'",
                    image.span,
                )
            )


def _for_git(name: str, pipeline: Pipeline) -> bool:
    """Whether a secret is used by its name alone: when code is fetched, `GIT_AUTH_TOKEN[.HOST]` is git's."""
    if name.partition(".")[0] not in ("GIT_AUTH_TOKEN", "GIT_AUTH_HEADER"):
        return False
    return any(image.node.get(key) for image in pipeline.images.values() for key in FETCHED)


def check_extends(pipeline: Pipeline, report: Report) -> set[str]:
    """Reports the cycles of images that are made of each other; returns the images in them."""
    references = {
        image.name: found
        for image in pipeline.images.values()
        if (found := [node for node in _made_of(image.node) if node.text in pipeline.images])
    }
    caught: set[str] = set()
    for start in references:
        chain = _cycle(start, references)
        if not chain or chain[0][0] in caught:
            continue
        names = [name for name, _ in chain]
        caught.update(names)
        first = min(range(len(chain)), key=lambda number: chain[number][1].start)
        chain = [*chain[first:], *chain[:first]]
        names = [name for name, _ in chain]
        message = f"these images extend each other: {' -> '.join([*names, names[0]])}"
        related = tuple(Related(span, f"'{name}' goes on here") for name, span in chain[1:])
        report(Diagnostic("cycle", Severity.ERROR, message, chain[0][1], related=related))
    return caught


def _made_of(node: object) -> list[Scalar]:
    from imgc.document.nodes import Mapping

    if not isinstance(node, Mapping):
        return []
    builder = node.get("builder")
    found = [node.get("extends"), builder.get("image") if isinstance(builder, Mapping) else None]
    return [value for value in found if isinstance(value, Scalar) and not looks_like_reference(text(value))]


def _cycle(start: str, references: dict[str, list[Scalar]]) -> list[tuple[str, Span]]:
    """A way from an image back to itself: (image, place of its reference to the next); empty when there is none."""
    stack: list[tuple[str, list[tuple[str, Span]]]] = [(start, [])]
    seen: set[str] = set()
    while stack:
        name, path = stack.pop()
        for reference in references.get(name, ()):
            step = [*path, (name, reference.span)]
            if reference.text == start:
                return step
            if reference.text not in seen:
                seen.add(reference.text)
                stack.append((reference.text, step))
    return []
