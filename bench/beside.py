"""Measures imgc beside Flyte, ZenML and Conducto anew, and writes the tables into docs/performance.md.

    python bench/beside.py [--rounds 5] [NAME…]      some ten minutes, best with nothing else to do

NAME is a table: images, edit-loop, edit-loop-28; all when none is given. As root, see images/README.md.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "images")]

import compare  # noqa: E402
import edit_loop  # noqa: E402

PAGE = HERE.parent / "docs" / "performance.md"
TABLES: dict[str, Callable[[int], str]] = {
    "images": lambda rounds: compare.report("installed", min(rounds, 5)),
    "edit-loop": lambda rounds: edit_loop.report("installed", 2 * rounds),
    "edit-loop-28": lambda rounds: edit_loop.report("28", 2 * rounds),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*TABLES, []])
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    options = parser.parse_args()
    for name in options.names or TABLES:
        found = TABLES[name](options.rounds)
        print(f"{name}: {found}\n")
        text = PAGE.read_text(encoding="utf-8")
        mark = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        written = re.sub(mark, lambda match, found=found: f"{match[1]}{found}\n{match[2]}", text, flags=re.S)
        PAGE.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
