"""Document links: files that exist, URLs, and the pages of images in their registries."""

from __future__ import annotations

from lsprotocol import types as lsp

from imgc.model.reference import InvalidReference, parse
from imgc_lsp import convert
from imgc_lsp.occurrences import inner
from imgc_lsp.snapshot import Snapshot

_PAGES = {
    "docker.io": "https://hub.docker.com/r/{}",
    "quay.io": "https://quay.io/repository/{}",
    "ghcr.io": "https://ghcr.io/{}",
    "gcr.io": "https://gcr.io/{}",
    "mcr.microsoft.com": "https://mcr.microsoft.com/artifact/mar/{}",
}


def links(snapshot: Snapshot) -> list[lsp.DocumentLink]:
    found = []
    for use in snapshot.uses:
        text = use.node.text
        target: str | None = None
        if "${{" in text or "\n" in text:
            continue
        if use.kind.startswith("path"):
            try:
                path = snapshot.directory / text
                target = path.as_uri() if path.is_file() else None
            except (OSError, ValueError):
                continue
        elif use.kind == "url" and text.startswith(("https://", "http://")):
            target = text
        elif use.kind == "image-ref" or (
            use.kind == "image-name" and text not in snapshot.names.of("images")
        ):
            target = registry_page(text)
        if target is not None:
            found.append(lsp.DocumentLink(convert.to_range(snapshot, inner(use.node)), target))
    return found


def registry_page(text: str) -> str | None:
    """The page that shows an image, for registries that have pages."""
    try:
        reference = parse(text)
    except InvalidReference:
        return None
    if reference.registry == "docker.io" and reference.repository.startswith("library/"):
        return f"https://hub.docker.com/_/{reference.repository.removeprefix('library/')}"
    page = _PAGES.get(reference.registry)
    return page.format(reference.repository) if page else None
