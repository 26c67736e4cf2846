"""One build: by a request to the engine or by a `docker` process; its progress as events, and what its
failure means."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, TextIO

import docker

from imgc.records import dataclass
from imgc_engine.build.command import Flags, command
from imgc_engine.build.login import logged_in
from imgc_engine.build.places import place_of
from imgc_engine.build.podman import PodmanProgress
from imgc_engine.build.program import Program
from imgc_engine.build.progress import Output, PlainProgress, RawProgress, Step, Tail, TraceProgress
from imgc_engine.build.request import Request, request
from imgc_engine.connection import facts
from imgc_engine.events import ImageOutput, ImageStep, Listener
from imgc_engine.failures import Code, EngineError, Failure
from imgc_engine.masking import Mask
from imgc_engine.plan import Image, Plan
from imgc_engine.secrets import SecretMissing, Secrets, private_folder, write_private

GRACE = 5.0  # seconds for `docker` to take back its build; then it is killed


class Endable(Protocol):
    """A running build: a process, or a request."""

    def send_signal(self, number: signal.Signals, /) -> None: ...


class Processes:
    """The running builds, to be ended together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[Endable] = set()
        self._signal: signal.Signals | None = None

    def start(self, argv: list[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """In a session of its own: a Ctrl-C at the terminal reaches only us, and we pass it on."""
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**_environment(), **env},
            start_new_session=True,
        )
        self.started(process)
        return process

    def started(self, build: Endable) -> None:
        with self._lock:
            self._running.add(build)
            if self._signal is not None:
                build.send_signal(self._signal)

    def ended(self, build: Endable) -> None:
        with self._lock:
            self._running.discard(build)

    def end_all(self, *, at_once: bool) -> None:
        """End those that run, and any that is started later."""
        with self._lock:
            self._signal = signal.SIGKILL if at_once else signal.SIGINT
            for build in self._running:
                build.send_signal(self._signal)

    @property
    def ending(self) -> bool:
        return self._signal is not None


NOT_ON_PODMAN = (
    "Podman cannot be asked for this build: its socket takes no build secrets, no SSH agent, no several platforms, no "
    "caches elsewhere, no build.options, and no context of more than 16 MiB. `imgc compile --context` writes what "
    "`podman build` takes."
)


@dataclass(frozen=True, slots=True)
class Bench:
    """What all builds of one call share. `logs` is the folder for their whole output, `program` finds what
    builds where a request cannot."""

    plan: Plan
    compiled: Path
    project: Path
    logs: Path
    client: docker.APIClient
    program: Callable[[], Program]
    flags: Flags
    secrets: Secrets
    processes: Processes
    tell: Listener


def _spelled(context: Path, name: str, bench: Bench) -> str:
    """The context's path in a spelling of the image's own. BuildKit of Docker 20.10 keeps what it was sent by
    the path's letters, and of two builds that share it the later gets files that its ignore file leaves
    out.
    """
    position = list(bench.plan.images).index(name)
    return f"{context}{'/.' * (position % 200)}"


def build_image(name: str, bench: Bench) -> Failure | None:
    """Build one image; None when it is there under its reference. Returns when the build has ended."""
    image = bench.plan.images[name]
    dockerfile, context = bench.compiled / (image.dockerfile or ""), bench.project / (image.context or ".")
    if not dockerfile.is_file():
        return _before(name, image, f"{dockerfile} is missing: run `imgc compile`.")
    if not context.is_dir():
        return _before(name, image, f"The build context {context} is no directory.")
    if any("=" not in agent for agent in image.ssh) and not os.environ.get("SSH_AUTH_SOCK"):
        message = "It wants your SSH agent (`ssh`), and there is none: SSH_AUTH_SOCK is not set."
        return Failure(name, message, image.source, Code.ENVIRONMENT)
    log = bench.logs / f"{name}.log"
    tail = Tail()
    try:
        sent = request(image, bench.flags, bench.client, dockerfile, context)
        if sent is None and facts(bench.client).podman:
            return _before(name, image, NOT_ON_PODMAN)
        if sent is None:
            built = _by_docker(name, dockerfile, context, bench, log, tail)
        else:
            built = _by_request(name, sent, bench, log, tail)
            if not built and _lost(tail):
                tail = Tail()
                built = _by_request(name, sent.again(), bench, log, tail)
    except SecretMissing as error:
        return _before(name, image, str(error))
    if built or bench.processes.ending:
        return None
    return _failure(name, image, dockerfile, tail, log)


def _by_request(name: str, sent: Request, bench: Bench, log: Path, tail: Tail) -> bool:
    """Whether it was built. EngineError, OSError of the log."""
    progress = sent.progress()
    bench.processes.started(sent)
    try:
        _follow(name, sent.lines(), progress, bench, log, tail)
    finally:
        bench.processes.ended(sent)
    return progress.done


def _lost(tail: Tail) -> bool:
    """Whether the engine has lost the context that it was sent: seen once in fifty builds on a busy machine.
    Nothing has run by then."""
    return tail.failed is not None and tail.failed.error.endswith("context not found")


def _by_docker(name: str, dockerfile: Path, context: Path, bench: Bench, log: Path, tail: Tail) -> bool:
    """Whether it was built. SecretMissing, EngineError, OSError of the log."""
    image, program = bench.plan.images[name], bench.program()
    with ExitStack() as stack:
        secrets = stack.enter_context(_secret_arguments(image, bench, program))
        try:
            env = stack.enter_context(logged_in(image, bench.secrets))
        except EngineError as error:
            raise SecretMissing(str(error)) from None
        argv = command(
            image,
            program,
            bench.flags,
            dockerfile=dockerfile,
            context=_spelled(context, name, bench),
            secrets=secrets,
        )
        process = bench.processes.start(argv, env)
        assert process.stdout is not None
        lines = (line.decode("utf-8", "replace").rstrip("\r\n") for line in process.stdout)
        try:
            _follow(name, lines, RawProgress() if program.rawjson else PlainProgress(), bench, log, tail)
            return process.wait() == 0
        finally:
            if process.poll() is None:  # the log could not be written, say
                process.kill()
                process.wait()
            process.stdout.close()
            bench.processes.ended(process)


def _follow(
    name: str,
    lines: Iterable[str],
    progress: PlainProgress | RawProgress | TraceProgress | PodmanProgress,
    bench: Bench,
    log: Path,
    tail: Tail,
) -> None:
    """Tell and keep what the build says, as it says it."""
    mask = bench.secrets.mask()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file:
        for line in lines:
            for update in progress.feed(line):
                _report(name, _masked(update, mask), tail, file, bench.tell)


def _masked(update: Step | Output, mask: Mask) -> Step | Output:
    if isinstance(update, Output):
        return Output(update.step, mask.text(update.text))
    return Step(update.name, update.state, mask.text(update.error))


def _report(name: str, update: Step | Output, tail: Tail, file: TextIO, tell: Listener) -> None:
    tail.add(update)
    if isinstance(update, Output):
        file.write(f"{update.text}\n")
        tell(ImageOutput(name, update.step, update.text))
        return
    if update.state == "started":
        file.write(f"==> {update.name}\n")
    elif update.state != "done":
        file.write(f"==> {update.state}: {update.name} {update.error}".rstrip() + "\n")
    tell(ImageStep(name, update.name, update.state))


@contextmanager
def _secret_arguments(image: Image, bench: Bench, program: Program) -> Iterator[list[str]]:
    """Values for `--secret`, valid inside. SecretMissing when the host lacks a required one."""
    with private_folder() as folder:
        arguments = []
        for secret in image.secrets:
            try:
                value = bench.secrets.value(secret.id)  # also when Docker reads it itself: it is to be masked
            except SecretMissing:
                if secret.required:
                    raise
                continue
            if (file := bench.secrets.file(secret.id)) is not None:
                arguments.append(f"id={secret.id},src={file.absolute()}")
            elif program.buildx:
                arguments.append(f"id={secret.id},env={bench.secrets.variable(secret.id)}")
            else:
                write_private(folder / secret.id, value)
                arguments.append(f"id={secret.id},src={folder / secret.id}")
        yield arguments


def _environment() -> dict[str, str]:
    """The user's own, with BuildKit on and without what changes an image behind the plan's back."""
    return {
        **os.environ,
        "DOCKER_BUILDKIT": "1",
        "DOCKER_CLI_HINTS": "false",
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",  # they carry dates: equal content would not be equal bytes
    }


def _before(name: str, image: Image, message: str) -> Failure:
    return Failure(name, message, image.source, Code.USER_FILE)


_NOISE = re.compile(
    r"(ERROR: |error: |failed to build: |failed to solve( with frontend \S+)?: |"
    r"failed to compute cache key: |failed to create LLB definition: |executor |"
    r"failed to calculate checksum of ref \S+: )"
)
_EXIT_CODE = re.compile(r"exit code: (\d+)")
_ENVIRONMENT = re.compile(
    r"no space left on device|dial tcp|i/o timeout|TLS handshake|connection refused|failed to do request|"
    r"Cannot connect to the Docker daemon|error during connect|no such host|pull access denied|[Uu]nauthorized|authentication required|"
    r"toomanyrequests|[Nn]o builder |unexpected status|EOF$|transport is closing|closing transport"
)


def _failure(name: str, image: Image, dockerfile: Path, tail: Tail, log: Path) -> Failure:
    """What the end of the build says: the step that failed, or the last line of `docker` when none did."""
    step = tail.failed
    final = tail.message[-1] if tail.message else "docker ended without a word"
    error = step.error if step and step.error else final
    exit_code = _EXIT_CODE.search(error)
    if exit_code and step:
        message = f"The step ended with exit code {exit_code[1]}."
    else:
        message = _NOISE.sub("", error).strip().rstrip(".").removesuffix(": not found: not found") + "."
    ours = _ENVIRONMENT.search(error) is not None and not exit_code
    return Failure(
        subject=name,
        message=message[:1].upper() + message[1:],
        place=place_of(image, dockerfile, step.name if step else "", tail.message),
        code=Code.ENVIRONMENT if ours else Code.STEP_FAILED,
        last_lines=tuple(tail.lines.get(step.name, ())) if step else tuple(tail.message),
        log=log,
        exit_code=int(exit_code[1]) if exit_code else None,
        detail=step.name if step else "",
    )
