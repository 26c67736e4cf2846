"""Diagnostics as the protocol has them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from lsprotocol import types as lsp

from imgc.diagnostics import Diagnostic
from imgc_lsp import convert
from imgc_lsp.session import too_many
from imgc_lsp.snapshot import Snapshot


def report(snapshot: Snapshot, extra: Iterable[Diagnostic] = ()) -> dict[str, list[lsp.Diagnostic]]:
    """The diagnostics of a document by URI: its own, always there, and those of files beside it (the lock).

    `extra` are findings from elsewhere: failed builds and steps.
    """
    found: dict[str, list[lsp.Diagnostic]] = {snapshot.uri: []}
    for diagnostic in too_many([*snapshot.diagnostics, *extra], snapshot.settings.max_problems):
        uri = convert.file_uri(snapshot, diagnostic.span.file)
        found.setdefault(uri, []).append(convert.to_diagnostic(snapshot, diagnostic))
    return found


def result_id(items: list[lsp.Diagnostic]) -> str:
    """A name for a list of diagnostics that changes when they do."""
    digest = hashlib.blake2b(digest_size=8)
    for item in items:
        digest.update(repr((item.range, item.code, item.message)).encode("utf-8", "replace"))
    return digest.hexdigest()
