"""Credentials for git servers: the host's own, and the pipeline's secrets of names that BuildKit gives a meaning.

`GIT_AUTH_TOKEN` is a token, or a password written USER:PASSWORD; `GIT_AUTH_HEADER` the value of the whole
Authorization header. With `.HOST` behind it (`GIT_AUTH_TOKEN.git.example.com`) it is for that host alone, else for
the hosts that the file itself names. They reach git in a file that only this user can read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit, urlunsplit

from imgc_engine.secrets import Secrets, private_folder, write_private

TOKEN, HEADER = "GIT_AUTH_TOKEN", "GIT_AUTH_HEADER"
TOKEN_USER = "x-access-token"
"""The user that goes with a token: GitHub wants this one, others take any."""


@dataclass(frozen=True, slots=True)
class Access:
    """By the place of a server, `https://HOST[:PORT]`: user and password, or the value of the header."""

    logins: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    settings: Sequence[tuple[str, str]] = ()
    """Of a clone's own configuration, key and value: CI systems keep their logins there."""

    def with_url(self, url: str) -> Access:
        """With the credentials that the URL of a remote holds, as CI systems write it."""
        server, parts = server_of(url), urlsplit(url) if server_of(url) else None
        if parts is None or not parts.username:
            return self
        login = (unquote(parts.username), unquote(parts.password or ""))
        return replace(self, logins={**self.logins, server: login})

    @contextmanager
    def config(self, url: str) -> Iterator[list[str]]:
        """Options of git that make it use them; they name a file and hold no value."""
        if not url or not (self.logins or self.headers or self.settings):
            yield []
            return
        with private_folder() as folder:
            lines = [line for key, value in self.settings for line in _setting(key, value)]
            for number, (server, (user, password)) in enumerate(self.logins.items()):
                answer = folder / f"login-{number}"
                write_private(
                    answer, f"username={user}\npassword={password}\n".encode("utf-8", "surrogateescape")
                )
                # The empty helper takes those of the host out: their answer to a wrong password is another one.
                lines += [f'[credential "{server}"]', "helper =", f"helper = \"!cat '{answer}' #\""]
            for server, header in self.headers.items():
                lines += [f'[http "{server}"]', f"extraHeader = {_quoted('Authorization: ' + header)}"]
            file = folder / "config"
            write_private(file, ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))
            yield ["-c", f"include.path={file}"]


def access_of(secrets: Secrets, names: Mapping[str, object], urls: tuple[str, ...]) -> Access:
    """What the pipeline's secrets say of these URLs and of hosts by name. SecretMissing."""
    logins: dict[str, tuple[str, str]] = {}
    headers: dict[str, str] = {}
    servers = {server for url in urls if (server := server_of(url))}
    for name in sorted(names, key=len):  # those of a host after those of all
        kind, _, host = name.partition(".")
        if kind not in (TOKEN, HEADER):
            continue
        for server in {f"https://{host}"} | {s for s in servers if _host(s) == host} if host else servers:
            value = secrets.text(name)
            if kind == HEADER:
                headers[server] = value
            else:
                user, colon, password = value.partition(":")
                logins[server] = (user, password) if colon else (TOKEN_USER, value)
    return Access(logins, headers)


def is_git_secret(name: str) -> bool:
    """Whether a secret of this name is for git, wherever the file names it."""
    return name.partition(".")[0] in (TOKEN, HEADER)


def server_of(url: str) -> str:
    """`https://HOST[:PORT]` of a web address, "" of any other."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        return ""
    return urlunsplit((parts.scheme.lower(), parts.netloc.rpartition("@")[2].lower(), "", "", ""))


def bare(url: str) -> str:
    """A URL without credentials: it may be shown and kept."""
    return re.sub(r"^([A-Za-z][A-Za-z0-9+.-]*://)[^/@]*@", r"\1", url) if server_of(url) else url


def _setting(key: str, value: str) -> list[str]:
    section, _, rest = key.partition(".")
    subsection, dot, name = rest.rpartition(".")
    head = f"[{section} {_quoted(subsection)}]" if dot else f"[{section}]"
    return [head, f"{name} = {_quoted(value)}"]


def _host(server: str) -> str:
    return urlsplit(server).hostname or ""


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
