"""The whole analysis, the one of `imgc check`, on a document that is already parsed."""

from __future__ import annotations

from pathlib import Path

from imgc.analysis.analysis import Analysis, Options, _Analysing
from imgc.document.document import Document


def analyse_document(document: Document, directory: Path) -> Analysis:
    """`analyse` without its `load`: loading moves the origins of shared islands, which belongs in the
    loop."""
    return _Analysing(document, directory, Options()).analysis()
