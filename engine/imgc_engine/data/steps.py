"""One build step in its container."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import docker
import docker.errors

from imgc.records import dataclass, field
from imgc_engine.connection import UNREACHABLE
from imgc_engine.data.owners import take_over
from imgc_engine.events import ImageOutput, Listener
from imgc_engine.failures import Code, EngineError, Failure
from imgc_engine.interrupt import Interrupt
from imgc_engine.plan import Builder, Pip, Plan
from imgc_engine.run.attempt import Attempt, Control, Creation, Hooks, live
from imgc_engine.run.causes import exit_code
from imgc_engine.run.cleaning import remove
from imgc_engine.run.containers import LOG_CONFIG, bind
from imgc_engine.run.logs import Log, Stream
from imgc_engine.run.naming import LABEL_PROJECT, LABEL_RUN
from imgc_engine.run.states import End
from imgc_engine.run.steady import Steady
from imgc_engine.secrets import SecretMissing, Secrets, private_folder, write_private

COMMAND = ["sh", "./build.sh"]
NETRC = "/imgc/netrc"
TOKEN_USER = "__token__"  # the user of an index that has none, as PyPI wants it
GRACE = 2.0  # seconds for a step to end when the user interrupts


class StepFailed(Exception):
    """A build step did not do it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Shop:
    """Where code is built. `data` is `.imgc/data`, `logs` the folder for the whole output of steps. `failed` are
    the steps that did not do it, by key: another image of the same code need not try."""

    plan: Plan
    project: Path
    data: Path
    logs: Path
    client: docker.APIClient
    secrets: Secrets
    tell: Listener
    interrupt: Interrupt
    rebuild: bool = False
    failed: dict[str, Failure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuildStep:
    """`out` collects the result. `scripts` is the folder of an official builder, None of anyone's own, whose
    build.sh lies in its working directory; `cache` keeps what official builders may use again."""

    image: str
    reference: str
    builder: Builder
    source: Path
    out: Path
    scripts: Path | None
    cache: Path
    log: Path
    network: str | None
    label: str


def run_step(step: BuildStep, shop: Shop) -> float:
    """Seconds it took. StepFailed, EngineError, OSError."""
    with private_folder() as folder:
        return _run(step, shop, _secret_mounts(step, shop, folder))


def _run(step: BuildStep, shop: Shop, secrets: list[dict[str, Any]]) -> float:
    begin = time.monotonic()
    steady = Steady(shop.client)
    attempt = Attempt(f"imgc-{step.label}", _config(step, shop.project, secrets), None, None)
    log = Log(step.log, shop.secrets.mask())
    lines = _Lines(step, shop)
    try:
        creation = Creation(attempt, steady, lambda _: None)
        creation.run()
        control = Control()
        with _Stopping(control, shop):
            end = live(attempt, steady, control, log, Hooks(lambda: None, lines.output), creation)
    finally:
        for stream, rest in log.close().items():
            lines.output(stream, rest)
        with suppress(docker.errors.APIError, *UNREACHABLE):
            remove(shop.client, attempt.name)
    take_over(shop.client, step.reference, step.out)
    if end.exit_code != 0 or end.lost or end.stopped:
        raise StepFailed(_failure(step, end, log.last_lines(), interrupted=shop.interrupt.level > 0))
    return time.monotonic() - begin


def _secret_mounts(step: BuildStep, shop: Shop, folder: Path) -> list[dict[str, Any]]:
    """Files that only the container sees: the image's build secrets, and the login of the package index.

    EngineError when the host lacks a required one.
    """
    mounts = []
    for secret in step.builder.secrets:
        try:
            write_private(folder / secret.id, shop.secrets.value(secret.id))
        except SecretMissing as error:
            if secret.required:
                raise EngineError(str(error)) from None
            continue
        mounts.append(bind(str(folder / secret.id), f"/run/secrets/{secret.id}", True))
    if step.builder.pip is not None and step.builder.pip.password is not None:
        mounts.append(bind(str(_netrc(step.builder.pip, shop, folder)), NETRC, True))
    for mount in mounts:
        Path(mount["Source"]).chmod(0o444)  # the folder keeps others on the host out
    return mounts


def _netrc(pip: Pip, shop: Shop, folder: Path) -> Path:
    """The login for the index, where pip looks for one by itself."""
    assert pip.password is not None
    try:
        password = shop.secrets.text(pip.password)
    except SecretMissing as error:
        raise EngineError(str(error)) from None
    url = pip.arguments[pip.arguments.index("--index-url") + 1]
    host = urlsplit(url).hostname or ""
    path = folder / "netrc"
    write_private(path, f"machine {host}\nlogin {pip.username or TOKEN_USER}\npassword {password}\n".encode())
    return path


def _config(step: BuildStep, project: Path, secrets: list[dict[str, Any]]) -> dict[str, Any]:
    mounts = [*secrets, bind(str(step.source), "/pfs/source", True), bind(str(step.out), "/pfs/out", False)]
    config: dict[str, Any] = {
        "Image": step.reference,
        "Entrypoint": COMMAND[:1],
        "Cmd": COMMAND[1:],
        "Labels": {LABEL_RUN: step.label, LABEL_PROJECT: str(project)},
        "AttachStdout": True,
        "AttachStderr": True,
    }
    if step.scripts is not None:
        cache = step.cache / step.scripts.name
        cache.mkdir(parents=True, exist_ok=True)
        mounts += [
            bind(str(step.out), "/pfs/build", False),  # where what is built will be: it may hold paths
            bind(str(step.scripts), "/imgc/builder", True),
            bind(str(cache), "/imgc/cache", False),
        ]
        owner = f"{os.getuid()}:{os.getgid()}"
        config |= {"WorkingDir": "/imgc/builder", "User": "0:0", "Env": [
            f"IMGC_OWNER={owner}", "PIP_CACHE_DIR=/imgc/cache", f"NETRC={NETRC}",
        ]}  # fmt: skip
        if step.builder.pip is not None:
            config["Cmd"] = [*config["Cmd"], *step.builder.pip.arguments]
    config["HostConfig"] = {"Init": True, "LogConfig": LOG_CONFIG, "Mounts": mounts}
    if step.network is not None:
        config["HostConfig"]["NetworkMode"] = step.network
    return config


class _Stopping:
    """Ends the step when the user interrupts. Signals may only put something into a queue; a thread waits."""

    def __init__(self, control: Control, shop: Shop) -> None:
        self._control = control
        self._queue: SimpleQueue[bool] = SimpleQueue()
        self._calling = shop.interrupt.calling(lambda: self._queue.put(True))

    def __enter__(self) -> None:
        threading.Thread(target=self._wait, daemon=True).start()
        self._calling.__enter__()

    def __exit__(self, *_: object) -> None:
        self._calling.__exit__(None, None, None)
        self._queue.put(False)

    def _wait(self) -> None:
        while self._queue.get():
            with suppress(Exception):
                self._control.stop(GRACE)


class _Lines:
    """What the step writes, told line by line."""

    def __init__(self, step: BuildStep, shop: Shop) -> None:
        self._step, self._tell = step, shop.tell
        self._open: dict[Stream, bytes] = {}

    def output(self, stream: Stream, data: bytes) -> None:
        *whole, rest = (self._open.pop(stream, b"") + data).split(b"\n")
        for line in whole:
            self._tell(ImageOutput(self._step.image, " ".join(COMMAND), line.decode("utf-8", "replace")))
        if rest:
            self._open[stream] = rest[-4096:]


def _failure(step: BuildStep, end: End, lines: tuple[str, ...], *, interrupted: bool) -> Failure:
    if interrupted:
        message = "The build step was interrupted."
    else:
        message = end.message or f"The build step ended with {exit_code(end)}."
    code = Code.INTERRUPTED if interrupted else Code.ENVIRONMENT if end.lost else Code.STEP_FAILED
    return Failure(step.image, message, step.builder.place, code, lines, step.log, end.exit_code,
                   " ".join(COMMAND))  # fmt: skip
