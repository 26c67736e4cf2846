"""Code lenses above images and nodes. Only commands that the client says it has: a lens that does
nothing is none."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as Names

from lsprotocol import types as lsp

from imgc_lsp import convert
from imgc_lsp.snapshot import Snapshot

PREVIEW, BUILD, RUN, DEBUG = "imgc.showPreview", "imgc.build", "imgc.run", "imgc.debug"


def lenses(
    snapshot: Snapshot, commands: Collection[str], runs: Names[str, str], builds: Names[str, str]
) -> list[lsp.CodeLens]:
    """`runs`: a word on the last run of a node, by its path; `builds` on the last work on an image, by its name."""
    if not snapshot.settings.code_lenses:
        return []
    found: list[lsp.CodeLens] = []

    def add(span: lsp.Range, title: str, command: str, *arguments: object) -> None:
        if command in commands:
            found.append(
                lsp.CodeLens(span, lsp.Command(title, command, arguments=[snapshot.uri, *arguments]))
            )

    for name, key in snapshot.names.of("images").items():
        place = convert.to_range(snapshot, key.span)
        add(place, "Compile", PREVIEW, {"image": name})
        add(place, _with("Build", builds.get(name)), BUILD, name)
    for path, node in snapshot.nodes.items():
        place = convert.to_range(snapshot, node.span)
        add(place, _with("Run", runs.get(path)), RUN, path)
        if node.kind in ("run", "call"):
            add(place, "Debug", DEBUG, path)
    return found


def _with(title: str, last: str | None) -> str:
    return f"{title} ({last})" if last else title
