"""Code in S3, by the user's own `aws` program with the user's own credentials."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from pathlib import Path

from imgc_engine.interrupt import Interrupt
from imgc_engine.sources.program import SourceError, run

SYNCING = 1800.0  # seconds
_WHY = (
    ("credentials", r"Unable to locate credentials|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken"
     r"|Forbidden|profile \(|token.*expired"),
    ("repository", r"NoSuchBucket|Not Found|does not exist"),
    ("host", r"Could not connect|EndpointConnectionError|ConnectTimeout|Read timeout|SlowDown|ServiceUnavailable"),
)  # fmt: skip


def sync(url: str, folder: Path, interrupt: Interrupt | None = None) -> None:
    """Make a folder the same as what is below an s3:// address. SourceError."""
    program = shutil.which("aws")
    if program is None:
        raise SourceError(
            "program", f"{url} is fetched by the AWS command line: install `aws` (aws.amazon.com/cli)."
        )
    folder.mkdir(parents=True, exist_ok=True)
    argv = [program, "s3", "sync", "--only-show-errors", "--delete", "--exclude", ".git/*", url, str(folder)]
    code, _, said = run(argv, {**os.environ, "AWS_PAGER": "", "LC_ALL": "C.UTF-8"}, SYNCING, url, interrupt)
    if code:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        last = (lines[-1] if lines else f"`aws` ended with {code}").rstrip(".")
        kind = next((kind for kind, pattern in _WHY if re.search(pattern, said)), "program")
        raise SourceError(kind, f"{url} cannot be fetched: {last}.")  # type: ignore[arg-type]
    if not any(folder.iterdir()):
        raise SourceError("repository", f"There is nothing at {url}.")


def content(folder: Path) -> str:
    """`sha256:…` of names, contents and links below a folder: what stands for a commit."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*"), key=lambda path: os.fsencode(path.relative_to(folder))):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                body = hashlib.file_digest(file, "sha256").digest()
        elif stat.S_ISLNK(mode):
            body = b"-> " + os.fsencode(path.readlink())
        else:
            continue
        name = os.fsencode(path.relative_to(folder))
        total.update(b"%d %s %d %s" % (len(name), name, len(body), body))
    return f"sha256:{total.hexdigest()}"
