"""A registry of images (OCI distribution v2 API), with Docker's credentials. Blocking, bounded in time and size."""

from __future__ import annotations

import http.client
import json
import random
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from imgc_engine.lookups.credentials import credentials

LARGEST = 4_000_000
"""Bytes of an answer that is not a layer."""

_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_PIECE = 1 << 16

Kind = Literal["unreachable", "denied", "missing", "limit", "answer"]


class RegistryError(OSError):
    """A registry does not give what it was asked for. The text says why and what to do; it holds no credentials.

    unreachable: not there, or it hangs; denied: other credentials are wanted; missing: it has no such thing;
    limit: too many questions; answer: what it says makes no sense
    """

    def __init__(self, kind: Kind, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.wait = wait
        """Seconds that the registry wants to be left alone."""


@dataclass(frozen=True, slots=True)
class Patience:
    """`answer`: seconds for each piece of an answer; `whole`: for everything that is asked of one registry by one
    look-up, tries and waits included."""

    answer: float
    whole: float
    delays: tuple[float, ...] = ()
    """Seconds before the second and further tries."""


QUICK = Patience(4.0, 8.0)
"""For editors: somebody types."""
PATIENT = Patience(10.0, 45.0, (0.5, 1.5, 4.0))


@dataclass(frozen=True, slots=True)
class Answer:
    data: bytes
    headers: http.client.HTTPMessage
    registry: str

    def json(self) -> dict[str, Any]:
        """The object that the answer is; RegistryError where it is none."""
        try:
            data = json.loads(self.data)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise RegistryError("answer", f"{self.registry} gives an answer that is no JSON object")
        return data


class Registry:
    """One registry as one look-up sees it: what it was told about credentials holds for its further questions."""

    def __init__(self, name: str, patience: Patience = QUICK) -> None:
        self.name = name
        host = "registry-1.docker.io" if name == "docker.io" else name
        self.base = f"{'http' if _is_local(host) else 'https'}://{host}"
        self.patience = patience
        self.until = time.monotonic() + patience.whole
        self.credentials = credentials(name)
        self.authorization = self.credentials.basic if self.credentials else ""

    def get(self, path: str, scope: str, accept: str = "application/json", largest: int = LARGEST) -> Answer:
        """What is at a path below /v2/ (or a whole URL on this registry). RegistryError."""
        with self.opened(path, scope, accept) as answer:
            return Answer(self._all(answer, largest), answer.headers, self.name)

    @contextmanager
    def opened(self, path: str, scope: str, accept: str = "*/*") -> Iterator[http.client.HTTPResponse]:
        """The answer as a stream. RegistryError, also for what goes wrong while it is read."""
        url = path if path.startswith(f"{self.base}/") else f"{self.base}/v2/{path}"
        answer = self._asked(url, scope, accept)
        try:
            with answer:
                yield answer
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(error) from None

    def _asked(self, url: str, scope: str, accept: str) -> http.client.HTTPResponse:
        for delay in (*self.patience.delays, None):
            try:
                return self._authorized(url, scope, accept)
            except (OSError, http.client.HTTPException) as error:
                failure = self._failure(error)
                wait = max(delay or 0.0, failure.wait)
                passing = failure.kind in ("unreachable", "limit")
                if delay is None or not passing or time.monotonic() + wait >= self.until:
                    raise failure from None
                time.sleep(wait * random.uniform(0.8, 1.2))
        raise AssertionError("the last try ends it")

    def _authorized(self, url: str, scope: str, accept: str) -> http.client.HTTPResponse:
        try:
            return self._open(urllib.request.Request(url, headers={"Accept": accept}), self.authorization)
        except urllib.error.HTTPError as error:
            challenge = error.headers.get("WWW-Authenticate", "")
            error.close()
            if error.code != 401 or not challenge.lower().startswith("bearer"):
                raise
        self.authorization = f"Bearer {self._token(dict(_CHALLENGE.findall(challenge)), scope)}"
        return self._open(urllib.request.Request(url, headers={"Accept": accept}), self.authorization)

    def _token(self, challenge: dict[str, str], scope: str) -> str:
        """A token for the questions of a scope (distribution.github.io/distribution/spec/auth/token)."""
        realm = challenge.get("realm", "")
        if urllib.parse.urlsplit(realm).scheme not in ("https", "http"):
            raise RegistryError("answer", f"it asks for a token from {realm!r}")
        asked = {"service": challenge.get("service", ""), "scope": challenge.get("scope") or scope}
        known = self.credentials
        if known is not None and known.token:
            form = {**asked, "grant_type": "refresh_token", "refresh_token": known.token, "client_id": "imgc"}
            request = urllib.request.Request(realm, urllib.parse.urlencode(form).encode())
        else:
            request = urllib.request.Request(f"{realm}?{urllib.parse.urlencode(asked)}")
        with self._open(request, known.basic if known and not known.token else "") as answer:
            data = Answer(self._all(answer, LARGEST), answer.headers, self.name).json()
        token = data.get("token") or data.get("access_token")
        if not isinstance(token, str):
            raise RegistryError("answer", "it gives no token")
        return token

    def _open(self, request: urllib.request.Request, authorization: str) -> http.client.HTTPResponse:
        request.add_header("User-Agent", "imgc")
        if authorization:
            request.add_unredirected_header("Authorization", authorization)  # blobs are often elsewhere
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no answer within {self.patience.whole:.0f} seconds")
        answer: http.client.HTTPResponse = urllib.request.urlopen(
            request, timeout=min(left, self.patience.answer)
        )
        return answer

    def _all(self, answer: http.client.HTTPResponse, largest: int) -> bytes:
        """All that it says. One that says a little at a time does not get more time for that."""
        data = bytearray()
        while piece := answer.read1(_PIECE):
            data += piece
            if len(data) > largest:
                raise RegistryError("answer", f"its answer is larger than {largest} bytes")
            if time.monotonic() > self.until:
                raise TimeoutError(f"no answer within {self.patience.whole:.0f} seconds")
        if answer.length:  # cut off: read1 does not say so
            raise http.client.IncompleteRead(bytes(data), answer.length)
        return bytes(data)

    def _failure(self, error: BaseException) -> RegistryError:
        """What went wrong, in words."""
        if isinstance(error, urllib.error.HTTPError):
            error.close()
            return self._status(error)
        if isinstance(error, RegistryError):
            known = str(error)
            return (
                error
                if self.name in known
                else RegistryError(error.kind, f"{self.name}: {known}", error.wait)
            )
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            return RegistryError(
                "answer", f"{self.name} has no certificate that is trusted here: {reason.verify_message}"
            )
        if isinstance(reason, TimeoutError):
            said = (
                str(reason)
                if "within" in str(reason)
                else f"no answer within {self.patience.answer:.0f} seconds"
            )
        else:
            said = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        return RegistryError("unreachable", f"{self.name} cannot be reached: {said}")

    def _status(self, error: urllib.error.HTTPError) -> RegistryError:
        match error.code:
            case 401 | 403:
                if self.credentials is None:
                    return RegistryError(
                        "denied", f"{self.name} wants a login, or has no such image: docker login {self.name}"
                    )
                return RegistryError(
                    "denied",
                    f"{self.name} does not accept the credentials that Docker has for it, or they may not read this: "
                    f"docker login {self.name}",
                )
            case 404:
                return RegistryError("missing", f"{self.name} has no such image")
            case 429:
                wait = error.headers.get("Retry-After", "")
                seconds = min(float(wait), 3600.0) if wait.isdigit() else 0.0
                return RegistryError("limit", f"{self.name} was asked too often: log in, or wait", seconds)
            case code if code >= 500:
                return RegistryError(
                    "unreachable", f"{self.name} does not work: it answers with status {code}"
                )
        return RegistryError("answer", f"{self.name} answers with status {error.code}")


def _is_local(host: str) -> bool:
    """Docker, too, takes plain HTTP for registries on this machine."""
    name = host.rsplit(":", 1)[0].strip("[]")
    return name in ("localhost", "::1") or name.startswith("127.")
