"""CPU time of the digest of a build context of 5,000 small files, with and without what an earlier run kept.

    python bench/context_digest.py [FILES] [ROUNDS]

Prints medians in milliseconds. The files are in the page cache; what a disk adds is not imgc's.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from imgc.context.digest import Digests, digest, files
from imgc.context.ignore import Matcher, default_patterns, parse
from imgc.context.narrow import narrow

BYTES = 2000


def tree(root: Path, count: int) -> None:
    for number in range(count):
        folder = root / "src" / f"package{number // 500}" / f"module{number // 50}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file{number}.py").write_bytes(f"{number}\n".encode() * (BYTES // 5))
    # Older than the time for which a change would not be seen, or nothing would be kept.
    time.sleep(2.2)


def measured(rounds: int, action: Callable[[], object]) -> str:
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        action()
        times.append((time.process_time() - begin) * 1000)
    return f"{statistics.median(times):7.1f} ms  ({min(times):.1f} to {max(times):.1f})"


def main(count: int = 5000, rounds: int = 11) -> None:
    with tempfile.TemporaryDirectory() as name:
        root, cache = Path(name, "project"), Path(name, "cache")
        tree(root, count)
        user = parse("*.md\ndocs\n**/*.log\n")
        defaults = default_patterns(["pipeline.yaml", "imgc.lock", "compiled"])
        text = narrow(["src"], user=user, defaults=defaults)

        def matcher() -> Matcher:
            return Matcher(parse(text))

        listed = len(list(files(root, ["src"], matcher())))
        print(f"{count} files of {BYTES} bytes, {listed} entries, {os.cpu_count()} cores, median of {rounds}")
        print("list            ", measured(rounds, lambda: list(files(root, ["src"], matcher()))))
        print("digest, no cache", measured(rounds, lambda: digest(root, ["src"], matcher())))

        def cold() -> None:
            for kept in cache.glob("*"):
                kept.unlink()
            digest(root, ["src"], matcher(), cache)

        print("digest, cold    ", measured(rounds, cold))
        print("digest, warm    ", measured(rounds, lambda: digest(root, ["src"], matcher(), cache)))

        digests = Digests(cache)
        digests.digest(root, ["src"], matcher())
        again = Matcher([*parse(text), "another-image"])
        print("2nd image       ", measured(1, lambda: digests.digest(root, ["src"], again)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
