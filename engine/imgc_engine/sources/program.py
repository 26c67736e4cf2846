"""Running the host's `git`: bounded in time, never asking anybody, and with failures that say what to do."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from imgc_engine.interrupt import Interrupt
from imgc_engine.sources.access import Access, bare

ASKING = 60.0  # seconds that a server has for one question
DELAYS = (0.5, 2.0)  # seconds before the second and third try, when a server was not reached
GRACE = 2.0  # seconds between SIGTERM and SIGKILL
_SLICE = 0.1  # seconds between two looks at the user's wish to stop

Kind = Literal[
    "branch", "commit", "repository", "credentials", "host", "timeout", "program", "state", "interrupted"
]


class SourceError(RuntimeError):
    """Code cannot be had. The text says why and what to do, and holds no credentials.

    `near` are branches and tags that may have been meant.
    """

    def __init__(self, kind: Kind, message: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.near = near

    @property
    def of_user(self) -> bool:
        """Whether the file, and not the surroundings, has to change."""
        return self.kind in ("branch", "commit", "repository", "state")


@dataclass(frozen=True, slots=True)
class Git:
    """The program with what it may use. `interrupt` ends what runs."""

    access: Access = field(default_factory=Access)
    interrupt: Interrupt | None = None
    program: str = "git"

    def __call__(
        self,
        *words: str,
        url: str = "",
        folder: Path | None = None,
        extra: Mapping[str, str] | None = None,
        timeout: float = ASKING,
        codes: tuple[int, ...] = (0,),
    ) -> str:
        """What it wrote. With a URL, a server is asked: a few times, when it is not reached. SourceError."""
        for delay in DELAYS if url else ():
            try:
                return self._once(words, url, folder, extra or {}, timeout, codes)
            except SourceError as error:
                if error.kind != "host":
                    raise
                self._wait(delay)
        return self._once(words, url, folder, extra or {}, timeout, codes)

    def _once(
        self,
        words: tuple[str, ...],
        url: str,
        folder: Path | None,
        extra: Mapping[str, str],
        timeout: float,
        codes: tuple[int, ...],
    ) -> str:
        with self.access.config(url) as options:
            # Elsewhere than here: the configuration of a clone that imgc was started in is not for other servers.
            argv = [self.program, *options, "-C", str(folder or Path("/")), *words]
            code, out, err = run(argv, {**environment(), **extra}, timeout, url, self.interrupt)
        if code in codes:
            return out
        raise failure(err, url)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.interrupt is not None and self.interrupt.level:
                raise SourceError("interrupted", "Interrupted.")
            time.sleep(_SLICE)


def run(
    argv: list[str], env: Mapping[str, str], timeout: float, url: str, interrupt: Interrupt | None
) -> tuple[int, str, str]:
    """Exit code, output and error output of a program that asks nobody. It ends with all that it started, also when
    time is up or the user has enough: SourceError."""
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
            start_new_session=True, umask=0o022,
        )  # fmt: skip
    except FileNotFoundError:
        message = f"There is no `{argv[0]}` on PATH: install it to fetch code from elsewhere."
        raise SourceError("program", message) from None
    except OSError as error:
        raise SourceError("program", f"`{argv[0]}` cannot be run: {error.strerror}.") from None
    until = time.monotonic() + timeout
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                out, err = process.communicate(timeout=_SLICE)
                break
            if interrupt is not None and interrupt.level:
                raise SourceError("interrupted", "Interrupted.")
            if time.monotonic() > until:
                whom = f"{bare(url)} did not answer" if url else f"`{argv[0]}` did not end"
                raise SourceError("timeout", f"{whom} within {timeout:.0f} seconds.")
    finally:
        _end(process)
    # Names in a repository may be any bytes: os.fsencode gives them back as they are.
    return process.returncode, os.fsdecode(out), err.decode(errors="replace")


HOST = Git()
"""The host's git with the host's credentials alone."""


def environment() -> dict[str, str]:
    """The host's variables, but for those that would make git work on another repository (imgc may run in a
    hook), ask somebody, or speak another language."""
    about_a_repository = re.compile(
        r"GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|COMMON_DIR|NAMESPACE|CEILING_DIRECTORIES|QUARANTINE_PATH"
        r"|(ALTERNATE_)?OBJECT_DIRECTOR(Y|IES)|TRACE\w*|CURL_VERBOSE|SHALLOW_FILE|REFLOG_ACTION)"
    )
    kept = {name: value for name, value in os.environ.items() if not about_a_repository.fullmatch(name)}
    return {
        **kept,
        "GIT_TERMINAL_PROMPT": "0",
        "GCM_INTERACTIVE": "never",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_HTTP_LOW_SPEED_LIMIT": os.environ.get("GIT_HTTP_LOW_SPEED_LIMIT", "100"),
        "GIT_HTTP_LOW_SPEED_TIME": os.environ.get("GIT_HTTP_LOW_SPEED_TIME", "30"),
        "LC_ALL": "C",
        "LANGUAGE": "",
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """Its helpers (git-remote-https, ssh) end with it. git takes its lock files away when it is asked to end."""
    if process.poll() is None:
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=GRACE)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


_SAID: tuple[tuple[Kind, str], ...] = (
    ("credentials", r"Authentication failed|could not read (Username|Password)|terminal prompts disabled"
     r"|Permission denied \(|error: 40[13]\b|HTTP Basic: Access denied|Invalid username or"),
    ("host", r"Could not resolve host(name)?|Connection (refused|timed out|reset)|Failed to connect|Couldn't connect"
     r"|Operation timed out|Operation too slow|No route to host|Network is unreachable|early EOF|error: (429|50\d)\b"
     r"|unexpected disconnect|Empty reply from server|remote end hung up|Name or service not known"
     r"|Temporary failure in name resolution|Host key verification failed|SSL|TLS|certificate|transfer closed"),
    ("repository", r"not found|does not appear to be a git repository|does not exist|error: 404\b|not a git repository"
     r"|not valid: is this a git|unable to (find|update) (the )?remote"),
)  # fmt: skip
"""What git and ssh write, by what it means. The first that fits."""


def failure(said: str, url: str) -> SourceError:
    """What went wrong, by what git wrote."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    kind: Kind = next((kind for kind, pattern in _SAID if re.search(pattern, said)), "program")
    last = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1] if lines else "")
    last = bare_all(last.removeprefix("fatal:").removeprefix("error:").strip()).rstrip(".")
    where = bare(url) or "git"
    match kind:
        case "credentials":
            ssh = "Permission denied (" in said
            todo = (
                "add a key that may read it to your SSH agent"
                if ssh
                else "log in with git's credential helper, or declare the secret GIT_AUTH_TOKEN"
            )
            return SourceError(kind, f"{where} wants other credentials ({last}): {todo}.")
        case "repository":
            return SourceError(kind, f"There is no repository at {where}, or it is private ({last}).")
        case "host":
            reason = next((line for line in lines if re.search(_SAID[1][1], line)), last)
            reason = bare_all(reason.removeprefix("fatal:").removeprefix("error:").strip()).rstrip(".")
            return SourceError(kind, f"{where} cannot be reached: {reason}.")
    return SourceError(kind, f"{where}: {last or 'git failed and said nothing'}.")


def bare_all(text: str) -> str:
    """What git said, without its beginning, which the reader knows, and without credentials in any URL."""
    text = re.sub(r"^unable to access '[^']*': ", "", text)
    return re.sub(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s@']*@", r"\1", text)
