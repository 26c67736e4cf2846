"""One build: the `docker` process, its progress as events, and what its failure means."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from imgc.records import dataclass
from imgc_engine.build.command import Flags, command
from imgc_engine.build.login import logged_in
from imgc_engine.build.places import place_of
from imgc_engine.build.program import Program
from imgc_engine.build.progress import Output, PlainProgress, RawProgress, Step, Tail
from imgc_engine.events import ImageOutput, ImageStep, Listener
from imgc_engine.failures import Code, EngineError, Failure
from imgc_engine.masking import Mask
from imgc_engine.plan import Image, Plan
from imgc_engine.secrets import SecretMissing, Secrets, private_folder, write_private

GRACE = 5.0  # seconds for `docker` to take back its build; then it is killed


class Processes:
    """The running `docker` processes of a build, to be ended together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._signal: signal.Signals | None = None

    def start(self, argv: list[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """In a session of its own: a Ctrl-C at the terminal reaches only us, and we pass it on."""
        with self._lock:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**_environment(), **env},
                start_new_session=True,
            )
            self._running.add(process)
            if self._signal is not None:
                process.send_signal(self._signal)
        return process

    def ended(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running.discard(process)

    def end_all(self, *, at_once: bool) -> None:
        """End those that run, and any that is started later."""
        with self._lock:
            self._signal = signal.SIGKILL if at_once else signal.SIGINT
            for process in self._running:
                process.send_signal(self._signal)

    @property
    def ending(self) -> bool:
        return self._signal is not None


@dataclass(frozen=True, slots=True)
class Bench:
    """What all builds of one call share. `logs` is the folder for their whole output."""

    plan: Plan
    compiled: Path
    project: Path
    logs: Path
    program: Program
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
    """Build one image; None when it is there under its reference. Returns when `docker` has ended."""
    image = bench.plan.images[name]
    dockerfile, context = bench.compiled / (image.dockerfile or ""), bench.project / (image.context or ".")
    if not dockerfile.is_file():
        return _before(name, image, f"{dockerfile} is missing: run `imgc compile`.")
    if not context.is_dir():
        return _before(name, image, f"The build context {context} is no directory.")
    with ExitStack() as stack:
        try:
            secrets = [*stack.enter_context(_secret_arguments(image, bench))]
            env = stack.enter_context(logged_in(image, bench.secrets))
        except (SecretMissing, EngineError) as error:
            return _before(name, image, str(error))
        argv = command(
            image,
            bench.program,
            bench.flags,
            dockerfile=dockerfile,
            context=_spelled(context, name, bench),
            secrets=secrets,
        )
        log = bench.logs / f"{name}.log"
        tail, code = _run(name, argv, env, bench, log)
    if code == 0 or bench.processes.ending:
        return None
    return _failure(name, image, dockerfile, tail, log)


def _run(name: str, argv: list[str], env: Mapping[str, str], bench: Bench, log: Path) -> tuple[Tail, int]:
    progress = RawProgress() if bench.program.rawjson else PlainProgress()
    mask, tail = bench.secrets.mask(), Tail()
    process = bench.processes.start(argv, env)
    assert process.stdout is not None
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8") as file:
            while raw := process.stdout.readline():
                for update in progress.feed(raw.decode("utf-8", "replace").rstrip("\r\n")):
                    _report(name, _masked(update, mask), tail, file, bench.tell)
        return tail, process.wait()
    finally:
        if process.poll() is None:  # the log could not be written, say
            process.kill()
            process.wait()
        process.stdout.close()
        bench.processes.ended(process)


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
def _secret_arguments(image: Image, bench: Bench) -> Iterator[list[str]]:
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
            elif bench.program.buildx:
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
    r"toomanyrequests|unexpected status|EOF$|transport is closing|closing transport"
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
