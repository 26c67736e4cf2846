"""Names of runs, containers and log files. Node names may hold anything but `/`."""

from __future__ import annotations

import hashlib
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

LABEL_RUN = "imgc.run"
LABEL_NODE = "imgc.node"
LABEL_ATTEMPT = "imgc.attempt"
LABEL_PROJECT = "imgc.project"

SHELLS = "debug"  # of the state folder: a folder for each shell of `imgc debug` that is open

LONGEST_NAME = 80  # bytes of one folder's name; file systems allow 255


def new_run_id() -> str:
    """The time in UTC, to be sorted and read by people, and something that no other run of that moment has."""
    time = datetime.now(UTC)
    return f"{time:%Y%m%d-%H%M%S}-{time.microsecond // 1000:03}{os.urandom(1).hex()}"


def container_name(run: str, path: str, attempt: int) -> str:
    """One name for each attempt, so that none can be started twice: the engine refuses the second."""
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", path)[-40:].strip("-.")
    return f"imgc-{run}-{readable or 'root'}-{_digest(path)}-{attempt}"


def log_path(folder: Path, path: str, attempt: int) -> Path:
    """The log file of an attempt: folders as in the tree, one file an attempt."""
    for name in path.split("/") if path else ():
        folder = folder / _folder_name(name)
    return folder / f"{attempt}.log"


def _folder_name(name: str) -> str:
    """The name itself where every file system takes it; else with the rest percent-encoded and cut."""
    encoded = quote(name, safe=" =[],+@~")
    if encoded.strip(".") == "" or re.fullmatch(r"\d+\.log", encoded):
        encoded = "%" + encoded.encode().hex()
    if len(encoded) > LONGEST_NAME:
        encoded = encoded[: LONGEST_NAME - 9] + "~" + _digest(name)
    return encoded


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
