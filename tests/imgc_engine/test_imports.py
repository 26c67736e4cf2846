"""What `imgc build` and `imgc run` load before they ask the engine anything: a part of every edit's way."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, sys, docker
before = set(sys.modules)
import imgc_engine.api, imgc_engine.console
print(json.dumps(sorted(set(sys.modules) - before)))
"""

TOO_SLOW = {
    "dataclasses": "10 ms with inspect: imgc.records", "inspect": "", "ast": "", "difflib": "0.8 ms",
    "rich": "for a terminal", "imgc_engine.sources": "20 ms, for those that fetch", "imgc_engine.lookups": "",
    "asyncio": "", "unittest": "",
}  # fmt: skip
"""With what it costs, or where it belongs."""


def test_the_engine_loads_little_beside_the_docker_sdk() -> None:
    done = subprocess.run([sys.executable, "-I", "-c", PROGRAM], capture_output=True, text=True, check=True)
    unwanted = {name: TOO_SLOW[name] for name in json.loads(done.stdout) if name in TOO_SLOW}
    assert not unwanted, f"imported by imgc_engine.api; import it where it is used: {unwanted}"
