"""Tags and repositories of a registry, for those who type their names. Blocking, bounded in time: for threads."""

from __future__ import annotations

import re
import urllib.parse

from imgc_engine.lookups.registry import Registry

_PAGES = 5


def tags(registry: str, repository: str) -> list[str]:
    """The tags of a repository, newest names first as far as versions tell. OSError when it cannot be had."""
    found = _pages(registry, f"{repository}/tags/list?n=1000", "tags", f"repository:{repository}:pull")
    return sorted(found, key=_newest_first)


def repositories(registry: str) -> list[str]:
    """The repositories of a registry, where it tells (Docker Hub does not)."""
    return sorted(_pages(registry, "_catalog?n=1000", "repositories", "registry:catalog:*"))


def _pages(name: str, path: str, key: str, scope: str) -> list[str]:
    registry = Registry(name)
    url: str | None = path
    found: list[str] = []
    for _ in range(_PAGES):
        if url is None:
            break
        answer = registry.get(url, scope)
        items = answer.json().get(key)
        found += [str(item) for item in items] if isinstance(items, list) else []
        url = _next(registry.base, answer.headers.get("Link", ""))
    return found


def _next(base: str, link: str) -> str | None:
    """The next page, on the same registry only: credentials go nowhere else."""
    match = re.match(r'<([^>]+)>\s*;\s*rel="?next"?', link)
    if not match:
        return None
    url = urllib.parse.urljoin(base, match[1])
    return url if url.startswith(f"{base}/") else None


def _newest_first(tag: str) -> tuple[bool, list[int], str]:
    numbers = [-int(part) for part in re.findall(r"\d+", tag)[:4]]
    return not tag[:1].isdigit() and tag != "latest", [*numbers, 0], tag
