"""The plan of a document as the page that `imgc graph --format html` makes."""

from __future__ import annotations

from typing import Any

from imgc_lsp.snapshot import Snapshot


def graph(snapshot: Snapshot) -> dict[str, Any]:
    """`html`, or `problem`: why the document has no plan. Reads the files that images copy: not for the loop."""
    from imgc.plan.compiled import compile_pipeline
    from imgc.plan.graph import html, model

    analysis = snapshot.analysis
    if analysis is None or analysis.failed:
        return {"problem": "The plan cannot be drawn until the errors in the file are mended."}
    try:
        compiled = compile_pipeline(analysis.resolved, analysis.project.directory / "compiled")
    except OSError as error:
        return {"problem": f"The plan cannot be drawn: {error}"}
    return {"html": html.to_html(model.graph(compiled.plan))}
