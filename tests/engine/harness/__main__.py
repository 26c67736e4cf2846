"""`python -m harness up|down|status`: the engine of the tests, by hand."""

from __future__ import annotations

import argparse
import shlex
import sys
import time

from .commands import HarnessError, say
from .engine import Engine
from .images import base_images
from .shared import RELEASES, cache_folder, keep, shared_engine


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="harness", description=__doc__)
    parser.add_argument("action", choices=["up", "down", "status"])
    parser.add_argument("--engine", choices=RELEASES, default=RELEASES[0], help="28: a newer one beside it")
    options = parser.parse_args(argv)
    try:
        engine = shared_engine(options.engine)
        if options.action == "up":
            return up(engine)
        if options.action == "down":
            engine.stop()
            return 0
        return status(engine)
    except HarnessError as error:
        print(f"harness: {error}", file=sys.stderr)
        return 3


def up(engine: Engine) -> int:
    """Prints shell lines: `eval "$(python -m harness up)"` points that shell at the engine."""
    begin = time.monotonic()
    keep(engine)
    base_images(engine, cache_folder())
    for name, value in engine.variables().items():
        print(f"export {name}={shlex.quote(value)}")
    say(f"Docker {engine.version()} is up ({time.monotonic() - begin:.1f} s)")
    return 0


def status(engine: Engine) -> int:
    version = engine.version()
    if version is None:
        print(f"not running ({engine.root})")
        return 3
    print(f"Docker {version} at {engine.host}, pid {engine.processes('dockerd')}, log {engine.log}")
    print(engine.docker("image", "ls"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
