"""The codes of diagnostics, each with its page: the registry is codes.md, which is documentation as it is."""

from __future__ import annotations

import pkgutil
import re
from functools import cache

from imgc.records import dataclass

_PAGE = re.compile(r"^## (?P<code>[a-z0-9-]+)\n(?P<body>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_EXAMPLE = re.compile(r"^```yaml\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """What a code means: a title, why it is one, and files (without `version: 1`) that are wrong and right.

    `why`, `wrong` and `right` are "" where the title says it all, or a few lines cannot show it.
    """

    code: str
    title: str
    why: str = ""
    wrong: str = ""
    right: str = ""


@cache
def pages() -> dict[str, Page]:
    """All codes with their pages, in alphabetical order. Read when asked for: most commands never do."""
    data = pkgutil.get_data(__name__, "codes.md")
    assert data is not None  # it lies beside this module in every installation
    found = (_page(match["code"], match["body"]) for match in _PAGE.finditer(data.decode("utf-8")))
    return {page.code: page for page in found}


def _page(code: str, body: str) -> Page:
    examples = _EXAMPLE.findall(body)
    title, _, why = _EXAMPLE.sub("", body).strip().partition("\n")
    wrong, right = (*examples, "", "")[:2]
    return Page(code, title, " ".join(why.split()), wrong, right)
