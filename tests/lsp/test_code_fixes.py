"""Every fix that the compiler knows is a quick fix in the editor: golden is what the compiler itself makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lspkit import Editor, applied, document
from lsprotocol import types as lsp

from code_layers import applied as compiled
from imgc.analysis.analysis import analyse
from imgc.diagnostics import Diagnostic
from imgc.diagnostics.codes import pages

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILES = {
    "src/app.py": "def main():\n    pass\n",
    "requirements.txt": "requests\n",
    "docker/Dockerfile": "FROM debian:12 AS build\n",
}
MORE = {
    "path-missing": "images: {a: {base: 'debian:12', copy_dir: scr}}\n",
    "unknown-target": "images: {a: {dockerfile: {path: docker/Dockerfile, target: biuld}}}\n",
    "unquoted-text": "images:\n  a: {python_version: 3.10}\n",
    "unknown-key": "images: {a: {base: 'debian:12', copydir: src}}\n",
    "untagged-base": "images: {a: {base: python}}\n",
    "literal-dollar": "images: {a: {base: 'debian:12', env: {A: x$HOME}}}\n",
    "run-prefix": "images: {a: {base: 'debian:12', commands: [RUN make]}}\n",
    "bad-package": "images: {a: {base: 'debian:12', apt_packages: [Git]}}\n",
}
"""Files whose fixes the pages of the codes do not show."""
FOLDERS = ("src", "docker")


def folder_of(base: Path) -> Path:
    for name, text in FILES.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(text)
    return base


def texts() -> dict[str, str]:
    wrong = {code: page.wrong for code, page in pages().items() if page.wrong}
    return {code: f"version: 1\n{text}" for code, text in (wrong | MORE).items()}


@pytest.fixture(scope="module")
def fixable(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Diagnostic]]:
    """Code -> its findings in its text that have a fix."""
    folder = folder_of(tmp_path_factory.mktemp("fixable"))
    found = {}
    for code, text in texts().items():
        findings = analyse("pipeline.yaml", text, folder).diagnostics
        own = [one for one in findings if one.code == code and one.fixes]
        if own:
            found[code] = own
    return found


async def test_there_are_many(fixable: dict[str, Any]) -> None:
    assert len(fixable) >= 20
    assert set(MORE) <= set(fixable)


@pytest.mark.parametrize("code", sorted(texts()))
async def test_a_fix_of_the_compiler_is_a_quick_fix(
    code: str, fixable: dict[str, list[Diagnostic]], ed: Editor, tmp_path: Path
) -> None:
    text = texts()[code]
    folder_of(tmp_path)
    uri, _ = ed.open_at(tmp_path / "pipeline.yaml", text)
    await ed.settled(uri)
    for finding in fixable.get(code, ()):
        place = lsp.Position(*finding.span.start)
        context = lsp.CodeActionContext([], only=[lsp.CodeActionKind.QuickFix])
        params = lsp.CodeActionParams(document(uri), lsp.Range(place, place), context)
        offered = {action.title: action for action in await ed.ask(lsp.TEXT_DOCUMENT_CODE_ACTION, params)}
        for fix in finding.fixes:
            action = offered[fix.title[:1].upper() + fix.title[1:]]
            assert action.diagnostics[0].code in {code, *(d.code for d in fixable[code])}
            after = applied(text, action.edit.changes[uri])
            assert after == compiled(text, fix.edits) != text
            left = analyse("pipeline.yaml", after, tmp_path).diagnostics
            assert len([d for d in left if d.code == code]) < len(fixable[code]) or fix.safe is False
