"""Definition, references, highlight, rename, links, call hierarchy."""

from __future__ import annotations

import pytest
from lspkit import Editor, applied, document, place_of
from lsprotocol import types as lsp

from imgc.document.document import load
from imgc.document.nodes import plain

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = """version: 1
params: {lang: en}
secrets:
  pat: {env: GITHUB_PAT}
bundles:
  nlp: {pip_packages: [spacy]}
repos:
  data: {path: .}
image_refs:
  team: "ghcr.io/acme/base:1.2.3"
images:
  base:
    ref: team
    bundles: [nlp]
    secrets: [pat]
  etl:
    extends: base
    commands: ['echo ${{ params.lang }}']
pipeline:
  image: etl
  parallel:
    load:
      run: echo ${{ matrix.py }} ${{ params.lang }}
      matrix: {py: ["3.11"]}
      secrets: [{secret: pat, env: PAT}]
    train:
      run: python train.py
      needs: [load]
      input: {repo: data, glob: /}
    group:
      serial:
        inner: echo
    last:
      run: echo
      needs: [group/inner]
"""

NAMES = [
    ("params.lang", "lang", 3), ("pat", "pat", 3), ("nlp", "nlp", 2), ("data", "data", 2), ("team", "team", 2),
    ("base:\n", "base", 2), ("etl", "etl", 2), ("load", "load", 2), ("group", "group", 2), ("inner", "inner", 2),
    ("matrix.py", "py", 2),
]  # fmt: skip
"""Text whose middle is in a name, the name, and how often it stands in TEXT as that name."""


@pytest.mark.parametrize(("where", "name", "count"), NAMES, ids=[name for _, name, _ in NAMES])
async def test_references_definition_and_rename(ed: Editor, where: str, name: str, count: int) -> None:
    uri, _ = ed.open(TEXT)
    start = TEXT.index(where) + where.index(name)
    place = lsp.Position(TEXT.count("\n", 0, start), start - TEXT.rfind("\n", 0, start) - 1)
    found = await ed.ask(
        lsp.TEXT_DOCUMENT_REFERENCES, lsp.ReferenceParams(lsp.ReferenceContext(True), document(uri), place)
    )
    assert len(found) == count
    assert {_at(location.range) for location in found} == {name}
    declared = await ed.ask(lsp.TEXT_DOCUMENT_DEFINITION, lsp.DefinitionParams(document(uri), place))
    assert len(declared) == 1
    lights = await ed.ask(
        lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT, lsp.DocumentHighlightParams(document(uri), place)
    )
    assert sorted(light.kind.value for light in lights)[-1] == lsp.DocumentHighlightKind.Write.value
    prepared = await ed.ask(lsp.TEXT_DOCUMENT_PREPARE_RENAME, lsp.PrepareRenameParams(document(uri), place))
    assert prepared.placeholder == name
    edit = await ed.ask(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameParams(document(uri), place, "fresh"))
    renamed = applied(TEXT, edit.changes[uri])
    assert len(edit.changes[uri]) == count
    assert not load("p", renamed).diagnostics
    assert str(plain(load("p", renamed).root)).count("fresh") == count


def _at(place: lsp.Range) -> str:
    return TEXT.split("\n")[place.start.line][place.start.character : place.end.character]


@pytest.mark.parametrize("new", ["Not A Name", "etl", "", "a/b"])
async def test_a_rename_that_would_break_the_file_is_refused(ed: Editor, new: str) -> None:
    uri, _ = ed.open(TEXT)
    place = place_of(TEXT, "base:\n")
    with pytest.raises(Exception, match=r"name|already"):
        await ed.ask(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameParams(document(uri), place, new))


async def test_a_new_name_that_yaml_would_read_otherwise_is_quoted(ed: Editor) -> None:
    uri, _ = ed.open(TEXT)
    edit = await ed.ask(
        lsp.TEXT_DOCUMENT_RENAME, lsp.RenameParams(document(uri), place_of(TEXT, "etl:"), "12")
    )
    renamed = applied(TEXT, edit.changes[uri])
    assert '"12":' in renamed
    assert 'image: "12"' in renamed


async def test_definition_of_a_file_and_of_a_function(ed: Editor) -> None:
    text = "version: 1\npipeline:\n  call:\n    file: steps.py\n    function: train\n"
    uri, _ = ed.open(text)
    folder = ed.path(uri).parent
    (folder / "steps.py").write_text("import os\n\ndef train():\n    pass\n")
    found = await ed.ask(
        lsp.TEXT_DOCUMENT_DEFINITION, lsp.DefinitionParams(document(uri), place_of(text, "steps.py"))
    )
    assert found[0].uri.endswith("steps.py")
    found = await ed.ask(
        lsp.TEXT_DOCUMENT_DEFINITION, lsp.DefinitionParams(document(uri), place_of(text, "train"))
    )
    assert found[0].range.start.line == 2


async def test_definition_of_an_alias(ed: Editor) -> None:
    text = "version: 1\nimages:\n  a: &one\n    base: x:1\n  b: *one\n"
    uri, _ = ed.open(text)
    found = await ed.ask(
        lsp.TEXT_DOCUMENT_DEFINITION, lsp.DefinitionParams(document(uri), place_of(text, "*one"))
    )
    assert found[0].range.start.line == 2


async def test_links_to_files_and_registries(ed: Editor) -> None:
    text = "version: 1\nimages:\n  a:\n    base: python:3.12\n    requirements: req.txt\n  b: {base: 'ghcr.io/acme/x:1'}\n"
    uri, _ = ed.open(text)
    (ed.path(uri).parent / "req.txt").write_text("numpy\n")
    found = await ed.ask(lsp.TEXT_DOCUMENT_DOCUMENT_LINK, lsp.DocumentLinkParams(document(uri)))
    targets = {link.target for link in found}
    assert {"https://hub.docker.com/_/python", "https://ghcr.io/acme/x"} <= targets
    assert any(target.endswith("req.txt") for target in targets)


async def test_call_hierarchy_between_nodes_and_images(ed: Editor) -> None:
    uri, _ = ed.open(TEXT)
    prepared = await ed.ask(
        lsp.TEXT_DOCUMENT_PREPARE_CALL_HIERARCHY,
        lsp.CallHierarchyPrepareParams(document(uri), place_of(TEXT, "base:\n")),
    )
    assert [item.name for item in prepared] == ["base"]
    callers = await ed.ask(
        lsp.CALL_HIERARCHY_INCOMING_CALLS, lsp.CallHierarchyIncomingCallsParams(prepared[0])
    )
    assert [call.from_.name for call in callers] == ["etl"]
    callees = await ed.ask(
        lsp.CALL_HIERARCHY_OUTGOING_CALLS, lsp.CallHierarchyOutgoingCallsParams(callers[0].from_)
    )
    assert [call.to.name for call in callees] == ["base"]
