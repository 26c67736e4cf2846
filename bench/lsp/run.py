"""imgc and yaml-language-server on the same documents, with our schema, in one run.

    python bench/lsp/run.py [--yaml-language-server FOLDER] [--rounds N] [--edits N]

FOLDER is where `npm install yaml-language-server@1.25.0` was run; without it only imgc is measured.
Figures are milliseconds (median and p95) and MiB.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from documents import document
from server_process import ServerProcess

import imgc_schema

BAD = "    badkey{n}: 1\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--yaml-language-server", metavar="FOLDER")
    parser.add_argument(
        "--rounds", type=int, default=30, help="changes, completions and hovers for each figure"
    )
    parser.add_argument(
        "--edits", type=int, default=0, help="further edits, to see whether memory stays flat"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    servers: dict[str, list[str]] = {"imgc": [sys.executable, "-m", "imgc_lsp"]}
    if arguments.yaml_language_server:
        main_file = (
            Path(arguments.yaml_language_server)
            / "node_modules/yaml-language-server/bin/yaml-language-server"
        )
        servers["yaml-language-server"] = ["node", str(main_file), "--stdio"]
    results: dict[str, Any] = {}
    for lines in (200, 10_000):
        for name, command in servers.items():
            results[f"{name}, {lines} lines"] = measure(
                command, document(lines), arguments.rounds, arguments.edits
            )
    if arguments.json:
        print(json.dumps(results, indent=2))
        return
    for name, figures in results.items():
        print(name)
        for key, value in figures.items():
            print(f"  {key:32} {value}")


def measure(command: list[str], text: str, rounds: int, edits: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        schema = Path(folder, "schema.json")
        schema.write_text(imgc_schema.text("pipeline"))
        path = Path(folder, "pipeline.yaml")
        path.write_text(text)
        server = ServerProcess(command)
        settings = {
            "schemas": {schema.as_uri(): "*.yaml"},
            "validate": True,
            "hover": True,
            "completion": True,
        }
        server.configuration = {"yaml": settings}
        try:
            return _Measuring(server, path, text, rounds).all(Path(folder), edits)
        finally:
            server.close()


class _Measuring:
    def __init__(self, server: ServerProcess, path: Path, text: str, rounds: int) -> None:
        self.server = server
        self.uri = path.as_uri()
        self.path = path
        self.text = text
        self.rounds = rounds
        self.version = 1
        lines = text.split("\n")
        self.keys = [n for n, line in enumerate(lines) if line.startswith("    workdir:")]
        self.bases = [n for n, line in enumerate(lines) if line.startswith("    base:")]

    def all(self, folder: Path, edits: int) -> dict[str, Any]:
        figures: dict[str, Any] = {}
        capabilities = {
            "workspace": {"configuration": True},
            "textDocument": {
                "publishDiagnostics": {},
                "completion": {"completionItem": {"snippetSupport": True}},
            },
        }
        params = {"processId": None, "rootUri": folder.as_uri(), "capabilities": capabilities,
                  "workspaceFolders": [{"uri": folder.as_uri(), "name": "x"}]}  # fmt: skip
        figures["initialize"] = round(self.server.request("initialize", params)[0])
        self.server.notify("initialized", {})
        self.server.notify("workspace/didChangeConfiguration", {"settings": self.server.configuration})
        time.sleep(0.5)
        figures["open"] = self.open()
        time.sleep(2)  # what a server does behind the first diagnostics is not part of the next figures
        begin = self.server.cpu
        figures["change to diagnostics"] = self.changes()
        figures["CPU a change"] = round((self.server.cpu - begin) / (2 * self.rounds), 1)
        figures["change to diagnostics, typing"] = self.burst()
        figures["completion of a key"] = self.requests("textDocument/completion", self.key_place)
        figures["completion of a reference"] = self.requests("textDocument/completion", self.base_place)
        figures["hover"] = self.requests("textDocument/hover", self.hover_place)
        time.sleep(1)
        figures["memory"] = round(self.server.memory, 1)
        if edits:
            figures[f"memory after {edits} edits"] = self.many(edits)
        return figures

    def open(self) -> int:
        begin = time.perf_counter()
        item = {"uri": self.uri, "languageId": "yaml", "version": 1, "text": self.text + "badkey: 1\n"}
        self.server.notify("textDocument/didOpen", {"textDocument": item})
        arrived = self.server.diagnostics(
            self.uri, lambda items: any("badkey" in each["message"] for each in items)
        )
        return round((arrived - begin) * 1000)

    def edit(self, line: int, end: int, text: str) -> None:
        self.version += 1
        place = {"start": {"line": line, "character": 0}, "end": {"line": end, "character": 0}}
        change = {
            "textDocument": {"uri": self.uri, "version": self.version},
            "contentChanges": [{"range": place, "text": text}],
        }
        self.server.notify("textDocument/didChange", change)

    def changes(self) -> str:
        """A key put into an image and taken out again; the time until the server says so, both ways."""
        times = []
        for number in range(self.rounds):
            line = self.keys[number * 7 % len(self.keys)]
            word = f"badkey{number}'"
            for end, text, wanted in ((line, BAD.format(n=number), True), (line + 1, "", False)):
                begin = time.perf_counter()
                self.edit(line, end, text)
                arrived = self.server.diagnostics(
                    self.uri,
                    lambda items, wanted=wanted, word=word: _says(items, word) == wanted,  # type: ignore[misc]
                )
                times.append((arrived - begin) * 1000)
            time.sleep(0.05)
        return _summary(times)

    def burst(self) -> str:
        """The same with no pause between, as fast typing is: an analysis is always under way."""
        times = []
        for number in range(self.rounds):
            line = self.keys[number * 3 % len(self.keys)]
            begin = time.perf_counter()
            self.edit(line, line, BAD.format(n=number))
            word = f"badkey{number}'"
            arrived = self.server.diagnostics(self.uri, lambda items, word=word: _says(items, word))  # type: ignore[misc]
            times.append((arrived - begin) * 1000)
            self.edit(line, line + 1, "")
            self.server.diagnostics(self.uri, lambda items, word=word: not _says(items, word))  # type: ignore[misc]
        return _summary(times)

    def requests(self, method: str, place: Any) -> str:
        times = []
        for number in range(self.rounds):
            undo = place(number)
            position, end = undo
            took, answer = self.server.request(
                method, {"textDocument": {"uri": self.uri}, "position": position}
            )
            assert answer, f"{method} answered {answer!r}"
            times.append(took)
            if end is not None:
                self.edit(position["line"], end, "")
        return _summary(times)

    def key_place(self, number: int) -> tuple[dict[str, int], int]:
        """Behind letters typed a moment ago, below an image."""
        line = self.keys[number * 5 % len(self.keys)]
        self.edit(line, line, "    run\n")
        return {"line": line, "character": 7}, line + 1

    def base_place(self, number: int) -> tuple[dict[str, int], None]:
        return {"line": self.bases[number % len(self.bases)], "character": 10}, None

    def hover_place(self, number: int) -> tuple[dict[str, int], None]:
        return {"line": self.bases[number * 5 % len(self.bases)], "character": 6}, None

    def many(self, edits: int) -> str:
        """Memory after a tenth of the edits and at their end: one letter a time, everywhere in the
        document."""
        seen = []
        for number in range(edits):
            line = self.keys[number % len(self.keys)]
            self.edit(line, line + 1, f"    workdir: /app{number}\n")
            if number % 20 == 19:
                self.server.request("textDocument/hover", {
                    "textDocument": {"uri": self.uri}, "position": {"line": line, "character": 6}})  # fmt: skip
            if number + 1 in (edits // 10, edits):
                seen.append(round(self.server.memory, 1))
        return " to ".join(map(str, seen))


def _says(items: list[Any], word: str) -> bool:
    return any(word.rstrip("'") in each["message"].replace('"', "'") for each in items)


def _summary(times: list[float]) -> str:
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.95))]
    return f"{statistics.median(times):.1f} (p95 {p95:.1f})"


if __name__ == "__main__":
    main()
