"""All packages of an image with their hashes, resolved by uv for every platform at once."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from imgc.layers.python.locked import blocks, digest
from imgc.layers.python.options import INDEX_NAME, TOKEN_USER
from imgc.layers.python.specs import split_local
from imgc.lock.lock import FOLDER, LockedPackages
from imgc.lock.lookups import Asked, Lookup
from imgc_engine.lookups.found import Found, NotFound
from imgc_engine.lookups.tools import ToolError, find_uv, run
from imgc_engine.plan import SecretSource
from imgc_engine.secrets import SecretMissing, Secrets

SECONDS = 600.0
"""That resolving may take: a package without wheels has to be built to know what it needs."""
_UNSATISFIABLE = 1
"""uv's exit code where the requirements, and not the network, are the cause."""
_MOST_LINES = 12
_LOCAL = re.compile(r"(?:-e\s+)?(?:\.{0,2}/|[A-Za-z0-9._\[\],-]+\s*@\s*file:)|(?:-e\s)")


def look_up(
    lookup: Lookup, directory: Path, secrets: Mapping[str, Mapping[str, str | None]], *, anew: bool
) -> Found:
    """The list of an image. Versions that an earlier list has are kept where they still fit, unless `anew`. NotFound."""
    asked = lookup.asked
    assert asked is not None
    uv = find_uv()
    if uv is None:
        raise NotFound("Package lists are made by uv, which is not on PATH: pip install uv.")
    earlier = directory / FOLDER / f"{lookup.name}.txt"
    with tempfile.TemporaryDirectory(prefix="imgc-") as folder:
        given, out = Path(folder, "asked.in"), Path(folder, "list.txt")
        given.write_text(_asked(asked, directory), encoding="utf-8")
        if earlier.is_file() and not anew:
            out.write_bytes(earlier.read_bytes())
        try:
            env, values = _environment(asked, directory, secrets)
            done = run([uv, *_words(asked), "-o", str(out), str(given)], Path(folder), SECONDS, env)
        except (ToolError, SecretMissing) as error:
            raise NotFound(f"{str(error).rstrip('.')}.") from None
        if done.code:
            said = _said(done.err, values)
            raise NotFound(f"uv says: {said}", of_user=done.code == _UNSATISFIABLE)
        found = _without_local(out.read_text(encoding="utf-8"))
    text = f"# The packages of the image '{lookup.name}', written by imgc lock. Any installer of Python reads it.\n{found}"
    hashes = text.count("--hash=")
    value = LockedPackages(asked.digest, digest(text), asked.python)
    return Found(value, f"{len(blocks(text))} packages, {hashes} hashes, by uv", text=text)


def _asked(asked: Asked, directory: Path) -> str:
    """The requirements as a file: those written, local ones, files, and as constraints the list of the parent."""
    lines = list(asked.specs)
    for local in asked.locals:
        path, extras = split_local(local)
        lines.append(f"{directory / path}{extras}")
    lines += (f"-r {directory / file}" for file in asked.files)
    below = directory / FOLDER / f"{asked.parent}.txt"
    if asked.parent and below.is_file():
        lines.append(f"-c {below}")
    return "".join(f"{line}\n" for line in lines)


def _words(asked: Asked) -> list[str]:
    words = [
        "pip", "compile", "--generate-hashes", "--universal", "--no-header", "--no-annotate", "--quiet", "--color=never",
        "--python", sys.executable, "--no-python-downloads", f"--python-version={asked.python}",
    ]  # fmt: skip
    if asked.index_url:
        named = f"{INDEX_NAME}=" if asked.index_username or asked.index_password else ""
        words += ["--default-index", f"{named}{asked.index_url}"]
    for url in asked.extra_index_urls:
        words += ["--index", url]
    if asked.extra_index_urls and not any(word.startswith("--index-strategy") for word in asked.extra_args):
        words += ["--index-strategy", "unsafe-best-match"]
    words += ["--prerelease=allow"] if asked.pre else []
    return [*words, *(word for word in asked.extra_args if word != "--no-deps")]


def _environment(
    asked: Asked, directory: Path, secrets: Mapping[str, Mapping[str, str | None]]
) -> tuple[dict[str, str], list[str]]:
    """Variables of uv, and the secret values among them. SecretMissing."""
    kept = Secrets(
        {name: SecretSource(source.get("env"), source.get("file")) for name, source in secrets.items()},
        directory,
    )
    found = {variable: kept.text(name) for name, variable in asked.secrets}
    if asked.index_username or asked.index_password:
        found[f"UV_INDEX_{INDEX_NAME.upper()}_USERNAME"] = asked.index_username or TOKEN_USER
    if asked.index_password:
        found[f"UV_INDEX_{INDEX_NAME.upper()}_PASSWORD"] = kept.text(asked.index_password)
    values = [value for name, value in found.items() if not name.endswith("_USERNAME") and value]
    return {"UV_HTTP_TIMEOUT": "30", **found}, values


def _said(err: str, values: list[str]) -> str:
    """What uv wrote, cut to what a person reads, and without secrets."""
    for value in values:
        err = err.replace(value, "***")
    lines = [line.strip() for line in err.splitlines() if line.strip() and not line.startswith("warning:")]
    words = (re.sub(r"^(error|cause|hint):\s*", "", line).rstrip(".") for line in lines[:_MOST_LINES])
    return "; ".join(words) or "nothing, and fails"


def _without_local(text: str) -> str:
    """The list without what is installed from this machine's files: they are installed by their paths."""
    kept, keep = [], True
    for line in text.splitlines(keepends=True):
        if not line.startswith((" ", "\t")):
            keep = not _LOCAL.match(line)
        if keep:
            kept.append(line)
    return "".join(kept)
