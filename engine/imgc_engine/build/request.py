"""One build as a request to the engine: what it answers, line by line, and how it is called off."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import docker
import docker.errors

from imgc_engine import images
from imgc_engine.build.command import Flags
from imgc_engine.build.podman import PodmanProgress
from imgc_engine.build.progress import TraceProgress
from imgc_engine.build.sending import FOLDER, Context, carries_settings, parameters, sendable
from imgc_engine.connection import UNREACHABLE, engine_errors, facts
from imgc_engine.plan import Image

AGAIN = 0.2  # seconds; a build that is called off before the engine has begun it goes on


class Request:
    """`lines` once, in one thread; `send_signal`, whichever it is, from others."""

    def __init__(
        self,
        client: docker.APIClient,
        params: Mapping[str, str],
        body: bytes,
        progress: Callable[[], TraceProgress | PodmanProgress],
    ) -> None:
        """`progress` makes what reads the lines."""
        self.progress = progress
        self._client, self._body, self._asked = client, body, params
        self._id = os.urandom(8).hex()
        self._params = {**params, "buildid": self._id}
        self._over = threading.Event()

    def again(self) -> Request:
        """The same build, as another request."""
        return Request(self._client, self._asked, self._body, self.progress)

    def lines(self) -> Iterator[str]:
        """What the engine says until the build has ended. EngineError."""
        client = self._client
        try:
            with engine_errors():
                response = client.post(
                    client._url("/build"),
                    params=self._params,
                    data=self._body,
                    headers={"Content-Type": "application/x-tar"},
                    stream=True,
                    timeout=(client.timeout, None),
                )
                with response:
                    client._raise_for_status(response)
                    for line in response.iter_lines():
                        yield line.decode("utf-8", "replace")
        finally:
            self._over.set()

    def send_signal(self, _number: signal.Signals, /) -> None:
        """Call the build off, in the background."""
        threading.Thread(target=self._cancel, daemon=True).start()

    def _cancel(self) -> None:
        client = self._client
        while not self._over.is_set():
            with suppress(docker.errors.DockerException, *UNREACHABLE):
                client._post(client._url("/build/cancel"), params={"id": self._id})
            self._over.wait(AGAIN)


def request(
    image: Image, flags: Flags, client: docker.APIClient, dockerfile: Path, context: Path
) -> Request | None:
    """None when it is for `docker` to build the image. EngineError."""
    if not carries_settings(image, flags):
        return None
    sent = sendable(dockerfile.read_text(encoding="utf-8"), image)
    if sent is None:
        return None
    podman = facts(client).podman  # it finds its bases itself
    if not podman and any(images.local(client, reference) is None for reference in sorted(sent.needs)):
        return None
    try:
        files = Context.of(context, dockerfile, sent.sources)
        body = files.body(sent.text) if files else b""
    except (OSError, ValueError):
        return None  # `docker` says what is wrong with it
    if not body:
        return None
    text = sent.text

    def progress() -> TraceProgress | PodmanProgress:
        return PodmanProgress(text, FOLDER) if podman else TraceProgress(FOLDER)

    return Request(client, parameters(image, flags), body, progress)
