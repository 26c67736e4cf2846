"""Other validators with our schema: the Red Hat YAML extension's, and SchemaStore's. They accept and refuse what
ours does, as far as a schema can say it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from imgc.document.document import load as load_document
from imgc.document.nodes import plain
from imgc_schema import load
from tests_support import ROOT, SHARED

for folder in (ROOT / "bench" / "lsp", ROOT / "ci"):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))

from schemastore import draft_07, files  # noqa: E402
from server_process import ServerProcess  # noqa: E402

SCHEMA = load("pipeline")
VALUES: Any = plain(
    load_document("values.yaml", (ROOT / "tests/schema/values.yaml").read_text(encoding="utf-8")).root
)
Case = tuple[str, str]
"""A definition of the schema (`document`: the whole of it), and a text."""


def of(name: str) -> dict[str, Any]:
    whole = {"$schema": SCHEMA["$schema"], "$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{name}"}
    return SCHEMA if name == "document" else whole


def cases() -> list[Case]:
    found = [
        (name, json.dumps(value))
        for verdict in ("accepted", "refused")
        for name, values in VALUES[verdict].items()
        for value in values
    ]
    for folder in (SHARED / "conformance", ROOT / "samples", ROOT / "tests/cases"):
        for path in sorted(folder.rglob("pipeline.yaml")):
            found.append(("document", path.read_text(encoding="utf-8")))
    return found


CASES = cases()


def ours(case: Case) -> bool:
    """What our own validator says; text that our own reader refuses (a key twice) is refused."""
    name, text = case
    document = load_document("pipeline.yaml", text if name == "document" else f"value: {text}\n")
    value: Any = plain(document.root) if name == "document" else json.loads(text)
    return not document.diagnostics and Draft202012Validator(of(name)).is_valid(value)


OURS = [ours(case) for case in CASES]


def test_there_is_enough_to_judge() -> None:
    assert OURS.count(True) > 150
    assert OURS.count(False) > 100


def test_the_yaml_extension_accepts_and_refuses_what_ours_does(node_modules: Path, tmp_path: Path) -> None:
    server = ServerProcess(
        ["node", str(node_modules / "yaml-language-server/bin/yaml-language-server"), "--stdio"]
    )
    try:
        found = judged(server, tmp_path)
    finally:
        server.close()
    wrong = [
        (*case, said)
        for case, accepted, said in zip(CASES, OURS, found, strict=True)
        if accepted != (said == [])
    ]
    assert wrong == []


def judged(server: ServerProcess, folder: Path) -> list[list[str]]:
    """What the server says of each case: its messages."""
    schemas = {}
    for name in {name for name, _ in CASES}:
        path = folder / f"{name}.schema.json"
        path.write_text(json.dumps(of(name)))
        schemas[path.as_uri()] = f"*.{name}.yaml"
    server.configuration = {"yaml": {"schemas": schemas, "validate": True}}
    capabilities = {"workspace": {"configuration": True}, "textDocument": {"publishDiagnostics": {}}}
    server.request("initialize", {
        "processId": None, "rootUri": folder.as_uri(), "capabilities": capabilities,
        "workspaceFolders": [{"uri": folder.as_uri(), "name": "x"}],
    })  # fmt: skip
    server.notify("initialized", {})
    server.notify("workspace/didChangeConfiguration", {"settings": server.configuration})
    uris = [(folder / f"c{number}.{name}.yaml").as_uri() for number, (name, _) in enumerate(CASES)]
    found: dict[str, list[str]] = {}

    def published(message: dict[str, Any]) -> bool:
        return message.get("method") == "textDocument/publishDiagnostics"

    def listen() -> None:
        params = server.wait(published)[1]["params"]
        found[params["uri"]] = [item["message"] for item in params["diagnostics"]]

    # The configuration is asked for in its own time: until then it knows no schema.
    first = CASES.index(next(case for case, accepted in zip(CASES, OURS, strict=True) if not accepted))
    version = 0
    while not found.get(uris[first]):
        version += 1
        opened(server, uris[first], CASES[first][1], version)
        listen()
    for uri, (_, text) in zip(uris, CASES, strict=True):
        if uri not in found:
            opened(server, uri, text, 1)
    while len(found) < len(CASES):
        listen()
    return [found[uri] for uri in uris]


def opened(server: ServerProcess, uri: str, text: str, version: int) -> None:
    item = {"uri": uri, "languageId": "yaml", "version": version, "text": text}
    server.notify("textDocument/didOpen", {"textDocument": item})


# SchemaStore


@pytest.mark.parametrize("case", CASES, ids=[f"{name}-{n}" for n, (name, _) in enumerate(CASES)])
def test_draft_07_accepts_and_refuses_what_ours_does(case: Case) -> None:
    name, text = case
    document = load_document("pipeline.yaml", text if name == "document" else f"value: {text}\n")
    value: Any = plain(document.root) if name == "document" else json.loads(text)
    assert Draft7Validator(draft_07(of(name))).is_valid(value) == Draft202012Validator(of(name)).is_valid(
        value
    )


def test_the_pull_request_passes_their_checks(node_modules: Path, tmp_path: Path) -> None:
    """Ajv in strict mode, their positive and negative tests, a name that is not everybody's."""
    made = files()
    schema = json.loads(made["src/schemas/json/imgc-pipeline.json"])
    Draft7Validator.check_schema(schema)
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    tests = {name: text for name, text in made.items() if "test/" in name}
    wanted = ["negative_test" not in name for name in tests]
    assert set(wanted) == {True, False}
    values = [plain(load_document(name, text).root) for name, text in tests.items()]
    (tmp_path / "values.json").write_text(json.dumps(values))
    script = Path(__file__).with_name("ajv_strict.js")
    done = subprocess.run(
        ["node", script, node_modules, tmp_path / "schema.json", tmp_path / "values.json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == wanted
    entry = json.loads(made["catalog-entry.json"])
    assert entry["url"] == schema["$id"]
    assert "pipeline.yaml" not in entry["fileMatch"]


def test_the_script_writes_them(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "ci/schemastore.py", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == sorted(str(tmp_path / name) for name in files())
    assert all((tmp_path / name).read_text(encoding="utf-8") == text for name, text in files().items())
