"""Virtual environments by content: made once for equal Pythons and equal installs, and kept in a cache folder."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from imgc.records import dataclass
from imgc_engine.failures import LAST_LINES, EngineError
from imgc_engine.secrets import Secrets

COMPLETE = ".imgc-complete"
_INCLUDED = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[ =]?\s*(\S+)", re.MULTILINE)
_PYTHON = re.compile(r"\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Environment:
    """`python` is the interpreter it is of, `installs` are in order, and `digest` is of all that goes in."""

    python: str
    installs: Sequence[Mapping[str, Any]]
    digest: str

    @property
    def folder(self) -> Path:
        return cache_folder() / self.digest[:32]

    @property
    def is_there(self) -> bool:
        return (self.folder / COMPLETE).exists()


class InstallFailed(RuntimeError):
    """An install ended with an error. The last lines of what it wrote, and the install."""

    def __init__(self, install: Mapping[str, Any], lines: tuple[str, ...], code: int) -> None:
        super().__init__(f"The install ended with exit code {code}.")
        self.install, self.lines, self.code = install, lines, code


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "imgc" / "environments"


def plan_environment(python: str, installs: Sequence[Mapping[str, Any]], project: Path) -> Environment:
    """EngineError when there is no such Python; OSError when a requirements file cannot be read."""
    interpreter = find_python(python)
    content = [
        [install["key"], install["values"], install["pip"], *map(_digest_of, _files(install, project))]
        for install in installs
    ]
    text = json.dumps([os.path.realpath(interpreter), _version(interpreter), content], sort_keys=True)
    return Environment(interpreter, installs, hashlib.sha256(text.encode()).hexdigest())


def find_python(version: str) -> str:
    """The path of an interpreter of that minor version. EngineError says how to get one."""
    found = _PYTHON.match(version)
    minor = found[0] if found else version
    if minor == ".".join(map(str, sys.version_info[:2])):
        return str(getattr(sys, "_base_executable", sys.executable))  # what a virtual environment is of
    if path := shutil.which(f"python{minor}"):
        return path
    if installed := sorted(Path.home().glob(f".pyenv/versions/{minor}.*/bin/python")):
        return str(installed[-1])
    if uv := shutil.which("uv"):
        done = subprocess.run([uv, "python", "find", minor], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.strip()
    raise EngineError(
        f"There is no Python {minor} on this machine: install it (`uv python install {minor}`)."
    )


def make(environment: Environment, project: Path, secrets: Secrets, log: Path, *, anew: bool = False) -> None:
    """Make it, unless it is there; another process that makes it is waited for. InstallFailed, EngineError,
    SecretMissing, OSError."""
    folder = environment.folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _lock(folder.with_suffix(".lock")):
        if environment.is_there and not anew:
            return
        shutil.rmtree(folder, ignore_errors=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            for argv, install, env in _steps(environment, project, secrets):
                output.write(f"$ {' '.join(argv)}\n".encode())
                output.flush()
                process = subprocess.Popen(
                    argv, cwd=project, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )  # fmt: skip
                assert process.stdout is not None
                for line in process.stdout:
                    output.write(secrets.mask().data(line))
                if code := process.wait():
                    output.flush()
                    lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
                    raise InstallFailed(install, tuple(lines), code)
        (folder / COMPLETE).touch()


def _steps(
    environment: Environment, project: Path, secrets: Secrets
) -> Iterator[tuple[list[str], Mapping[str, Any], dict[str, str]]]:
    folder, uv = environment.folder, shutil.which("uv")
    needs_pip = not uv or any(_uses_pip(install["pip"]) for install in environment.installs)
    nothing: Mapping[str, Any] = {}
    if needs_pip:
        yield [environment.python, "-m", "venv", str(folder)], nothing, dict(os.environ)
    else:
        assert uv is not None
        yield [uv, "venv", "--quiet", "--python", environment.python, str(folder)], nothing, dict(os.environ)
    python = str(folder / "bin" / "python")
    for install in environment.installs:
        env = dict(os.environ)
        words = _words(install, project)
        if uv and not _uses_pip(install["pip"]):
            argv = [
                uv,
                "pip",
                "install",
                "--python",
                python,
                *_uv_options(install["pip"], env, secrets),
                *words,
            ]
        else:
            options = _pip_options(install["pip"], env, secrets)
            argv = [python, "-m", "pip", "install", "--disable-pip-version-check", *options, *words]
        yield argv, install, env


def _words(install: Mapping[str, Any], project: Path) -> list[str]:
    if install["key"] == "requirements":
        return [word for path in install["values"] for word in ("-r", str(project / path))]
    return list(install["values"])


def _uses_pip(pip: Mapping[str, Any]) -> bool:
    """As in images: `extra_args` without an installer are pip's."""
    return bool(pip["installer"] == "pip" or (pip["extra_args"] and not pip["installer"]))


def _pip_options(pip: Mapping[str, Any], env: dict[str, str], secrets: Secrets) -> list[str]:
    words = []
    if pip["index_url"]:
        env["PIP_INDEX_URL"] = _with_user(pip, secrets)
    for url in pip["extra_index_urls"]:
        words += ["--extra-index-url", url]
    return [*words, *(["--pre"] if pip["pre"] else []), *pip["extra_args"]]


def _uv_options(pip: Mapping[str, Any], env: dict[str, str], secrets: Secrets) -> list[str]:
    words = []
    if pip["index_url"]:
        env["UV_DEFAULT_INDEX"] = _with_user(pip, secrets)
    for url in pip["extra_index_urls"]:
        words += ["--index", url]
    if pip["extra_index_urls"]:
        words += ["--index-strategy", "unsafe-best-match"]
    return [*words, *(["--prerelease=allow"] if pip["pre"] else []), *pip["extra_args"]]


def _with_user(pip: Mapping[str, Any], secrets: Secrets) -> str:
    """The index with its credentials, for a variable: never on a command line."""
    url, user, secret = pip["index_url"], pip["index_username"], pip["index_password"]
    scheme, _, rest = url.partition("://")
    if secret:
        password = secrets.text(secret).strip()
        return f"{scheme}://{quote(user or '__token__', safe='')}:{quote(password, safe='')}@{rest}"
    return f"{scheme}://{quote(user, safe='')}@{rest}" if user else str(url)


def _files(install: Mapping[str, Any], project: Path) -> list[Path]:
    """Requirements files with what they include, and local packages with all that is in them."""
    found: list[Path] = []
    if install["key"] == "requirements":
        todo = [project / path for path in install["values"]]
        while todo:
            path = todo.pop()
            if path in found:
                continue
            found.append(path)
            todo += [path.parent / inner for inner in _INCLUDED.findall(path.read_text(errors="replace"))]
        return found
    for value in install["values"]:
        path = project / value.partition("[")[0]
        if value.startswith((".", "/")) and path.exists():
            found += [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    return found


def _digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _version(interpreter: str) -> str:
    done = subprocess.run(
        [interpreter, "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise EngineError(f"The Python {interpreter} does not start: {done.stderr.strip()}")
    return done.stdout.strip()


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
