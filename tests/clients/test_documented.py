"""What docs/editors tells people to write: it can be read by the editor's own kind of file, starts the server, and
sets what there is to set. Of Helix, Zed, JetBrains and Sublime Text that is all there is here to try."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests_support import ROOT

sys.path.append(str(ROOT / "bench" / "lsp"))

from server_process import ServerProcess

from imgc_lsp.settings import apply
from imgc_lsp.snapshot import Settings

EDITORS = ROOT / "docs" / "editors"
FENCE = re.compile(r"^```(toml|json|lua|elisp)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [
    (page.stem, language, text)
    for page in sorted(EDITORS.glob("*.md"))
    for language, text in FENCE.findall(page.read_text(encoding="utf-8"))
]
TEXT = "version: 1\nimages:\n  a: {base: 'debian:12', copydir: src}\n"


class Client(NamedTuple):
    command: list[str]
    options: Any
    language: str = "yaml"


def block(page: str, language: str) -> str:
    return next(text for name, kind, text in BLOCKS if (name, kind) == (page, language))


def helix() -> Client:
    data = tomllib.loads(block("helix", "toml"))
    server = data["language-server"]["imgc"]
    (language,) = data["language"]
    assert language["name"] == "yaml"
    assert "imgc" in language["language-servers"]
    return Client([server["command"], *server["args"]], server["config"])


def zed() -> Client:
    server = json.loads(block("zed", "json"))["lsp"]["yaml-language-server"]
    return Client(
        [server["binary"]["path"], *server["binary"]["arguments"]], server["initialization_options"]
    )


def sublime() -> Client:
    server = json.loads(block("sublime", "json"))["clients"]["imgc"]
    assert server["enabled"] is True
    assert server["selector"] == "source.yaml"
    return Client(server["command"], server["initializationOptions"])


def jetbrains() -> Client:
    text = (EDITORS / "jetbrains.md").read_text(encoding="utf-8")
    words = re.findall(r"`([^`]+)`", text)
    assert "pipeline.yaml;pipeline.yml;*.imgc.yaml" in words
    command = next(word for word in words if word.startswith("imgc "))
    return Client(command.split(), json.loads(next(word for word in words if word.startswith("{"))), "imgc")


CLIENTS = {"helix": helix, "zed": zed, "sublime": sublime, "jetbrains": jetbrains}


@pytest.mark.parametrize("name", CLIENTS)
def test_the_server_starts_as_the_page_says(name: str, tmp_path: Path) -> None:
    client = CLIENTS[name]()
    assert client.command == ["imgc", "lsp"]
    assert apply(Settings(registry_lookups="on"), client.options), "none of these settings is one"
    server = ServerProcess([sys.executable, "-m", "imgc.cli.main", *client.command[1:]])
    try:
        server.request("initialize", {
            "processId": None, "rootUri": tmp_path.as_uri(), "capabilities": {},
            "initializationOptions": client.options,
        })  # fmt: skip
        server.notify("initialized", {})
        uri = (tmp_path / "pipeline.yaml").as_uri()
        item = {"uri": uri, "languageId": client.language, "version": 1, "text": TEXT}
        server.notify("textDocument/didOpen", {"textDocument": item})
        server.diagnostics(uri, lambda items: any("copy_dir" in each["message"] for each in items))
        assert server.request("shutdown", None)[1] is None
    finally:
        server.close()


@pytest.mark.parametrize(
    ("page", "language", "text"), BLOCKS, ids=[f"{p}-{n}" for n, (p, _, _) in enumerate(BLOCKS)]
)
def test_a_block_can_be_read(page: str, language: str, text: str, tmp_path: Path) -> None:
    del page
    file = tmp_path / "block"
    file.write_text(text)
    if language == "toml":
        tomllib.loads(text)
    elif language == "json":
        json.loads(text)
    elif language == "lua":
        command = f"lua local f, e = loadfile([[{file}]]); print(f and 'fine' or e); vim.cmd('qall')"
        assert _output("nvim", "--headless", "-u", "NONE", "-c", command) == "fine"
    else:
        code = f'(with-temp-buffer (insert-file-contents "{file}") (check-parens) (message "fine"))'
        assert _output("emacs", "--batch", "--eval", code).endswith("fine")


def _output(*command: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return (done.stdout + done.stderr).strip()
