"""Tags and repositories of a registry (OCI distribution v2 API). Blocking, bounded in time and size: for
threads."""

from __future__ import annotations

import base64
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from imgc_lsp.images.credentials import credentials

_SECONDS = 4.0
_LARGEST = 4_000_000
_PAGES = 5
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


def tags(registry: str, repository: str) -> list[str]:
    """The tags of a repository, newest names first as far as versions tell. OSError when it cannot be had."""
    found = _pages(registry, f"{repository}/tags/list?n=1000", "tags", f"repository:{repository}:pull")
    return sorted(found, key=_newest_first)


def repositories(registry: str) -> list[str]:
    """The repositories of a registry, where it tells (Docker Hub does not)."""
    return sorted(_pages(registry, "_catalog?n=1000", "repositories", "registry:catalog:*"))


def _pages(registry: str, path: str, key: str, scope: str) -> list[str]:
    host = "registry-1.docker.io" if registry == "docker.io" else registry
    base = f"{'http' if _is_local(host) else 'https'}://{host}"
    url: str | None = f"{base}/v2/{path}"
    authorization = _basic(registry)
    found: list[str] = []
    for _ in range(_PAGES):
        if url is None:
            break
        data, link, authorization = _get(url, authorization, registry, scope)
        items = data.get(key)
        found += [str(item) for item in items] if isinstance(items, list) else []
        url = _next(base, link)
    return found


def _get(url: str, authorization: str, registry: str, scope: str) -> tuple[dict[str, Any], str, str]:
    """One page, its Link header, and the authorization that was taken."""
    try:
        return (*_open(url, authorization), authorization)
    except urllib.error.HTTPError as error:
        challenge = error.headers.get("WWW-Authenticate", "")
        if error.code != 401 or not challenge.lower().startswith("bearer"):
            raise
    authorization = f"Bearer {_token(dict(_CHALLENGE.findall(challenge)), registry, scope)}"
    return (*_open(url, authorization), authorization)


def _token(challenge: dict[str, str], registry: str, scope: str) -> str:
    realm = challenge.get("realm", "")
    if urllib.parse.urlsplit(realm).scheme not in ("https", "http"):
        raise OSError(f"the registry asks for a token from {realm!r}")
    query = urllib.parse.urlencode(
        {"service": challenge.get("service", ""), "scope": challenge.get("scope") or scope}
    )
    data, _ = _open(f"{realm}?{query}", _basic(registry))
    return str(data.get("token") or data.get("access_token") or "")


def _open(url: str, authorization: str) -> tuple[dict[str, Any], str]:
    request = urllib.request.Request(url, headers={"Accept": "application/json", "User-Agent": "imgc"})
    if authorization:
        request.add_unredirected_header("Authorization", authorization)
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
        data = json.loads(answer.read(_LARGEST))
        return (data if isinstance(data, dict) else {}), answer.headers.get("Link", "")


def _basic(registry: str) -> str:
    found = credentials(registry)
    return "Basic " + base64.b64encode(":".join(found).encode()).decode() if found else ""


def _next(base: str, link: str) -> str | None:
    """The next page, on the same registry only: credentials go nowhere else."""
    match = re.match(r'<([^>]+)>\s*;\s*rel="?next"?', link)
    if not match:
        return None
    url = urllib.parse.urljoin(base, match[1])
    return url if url.startswith(f"{base}/") else None


def _is_local(host: str) -> bool:
    """Docker, too, takes plain HTTP for registries on this machine."""
    name = host.rsplit(":", 1)[0].strip("[]")
    return name in ("localhost", "::1") or name.startswith("127.")


def _newest_first(tag: str) -> tuple[bool, list[int], str]:
    numbers = [-int(part) for part in re.findall(r"\d+", tag)[:4]]
    return not tag[:1].isdigit() and tag != "latest", [*numbers, 0], tag
