"""Writes the pages of the documentation that are made from the source: python docs/make.py [--check]."""

from __future__ import annotations

import pkgutil
import sys
from pathlib import Path

from imgc.cli.reference import markdown
from imgc.targets import table

DOCS = Path(__file__).parent


def pages() -> dict[str, str]:
    """Name -> text of each page."""
    codes = pkgutil.get_data("imgc.diagnostics.codes", "codes.md")
    assert codes is not None
    return {"format.md": markdown(), "diagnostics.md": codes.decode("utf-8"), "targets.md": table.markdown()}


def main() -> int:
    stale = 0
    for name, text in pages().items():
        path = DOCS / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale += 1
            print(f"docs/{name} {'is out of date' if '--check' in sys.argv else 'written'}")
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    return int(stale > 0 and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
