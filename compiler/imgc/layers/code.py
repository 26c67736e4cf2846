"""The code of an image: `copy_dir`, `copy_repo`, `copy_url`. It goes into the workdir, after all installs."""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from typing import Protocol

from imgc.diagnostics import Edit, Fix, Related, Span
from imgc.document.expressions import place
from imgc.document.nodes import Scalar
from imgc.layers.kind import Kind, Layer, Reading, Written
from imgc.layers.recipe import Recipe, Source
from imgc.layers.users import ensure_user
from imgc.layers.workdir import clean, ensure_workdir, written_below
from imgc.layers.yaml_text import beside, replaced
from imgc.patterns import lazy
from imgc.records import dataclass, replace
from imgc.sha256 import sha256

DOWNLOAD = "download"
"""Among the notes of a recipe: the sources (`Source`) that a container fetches when it starts, a tuple. Of
kind `repo`, `path` is the folder of the repository that is wanted, relative to the pipeline's directory."""

Places = tuple[tuple[str, str], ...]
"""Local folders (relative to the pipeline's directory), each with its path below the place of the code."""

_FOLDER = ".imgc/sources"
_SCHEME = lazy(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_AUTHORITY = lazy(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
_HOST = lazy(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(?::[0-9]+)?")
_SCP = lazy(
    r"(?P<user>[A-Za-z0-9_][A-Za-z0-9._-]*@)?(?P<host>[A-Za-z0-9][A-Za-z0-9.-]+):(?!:|//)(?P<path>[^-].*)"
)
_HOST_FIRST = lazy(r"(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}/[^/]+/.+")
_TOKEN_IN_QUERY = lazy(r"[?&](?:access_token|private_token|token|password|key|sig|signature)=", re.IGNORECASE)
_BUCKET = lazy(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_NO_REF = lazy(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|\.lock(?:/|\Z)|\A[./-]|[./]\Z|/\.")


class CodeLayer(Layer, Protocol):
    """A layer that brings the image's code."""

    @property
    def places(self) -> Places: ...

    def bake(self, recipe: Recipe) -> None:
        """Copies the code into the image."""
        ...

    def remote(self) -> Source:
        """Where the code can be had when a container starts."""
        ...


@dataclass(frozen=True, slots=True)
class LocalCode:
    """A folder beside the pipeline file."""

    key: str
    span: Span
    folder: str
    places: Places

    def emit(self, recipe: Recipe) -> None:
        emit_code(recipe, self)

    def bake(self, recipe: Recipe) -> None:
        copy_code(recipe, self.folder, self.key, self.span)

    def remote(self) -> Source:
        return Source("repo", "", "", self.folder, self.span)


@dataclass(frozen=True, slots=True)
class FetchedCode:
    """A repository or bucket, which `imgc build` fetches into the build context."""

    key: str
    span: Span
    kind: str
    url: str = ""
    branch: str = ""
    places: Places = ()

    def emit(self, recipe: Recipe) -> None:
        emit_code(recipe, self)

    def bake(self, recipe: Recipe) -> None:
        path = source_path(self.kind, self.url, self.branch)
        recipe.sources.append(Source(self.kind, self.url, self.branch, path, self.span))
        copy_code(recipe, path, self.key, self.span)

    def remote(self) -> Source:
        path = self.places[0][0] if self.places else source_path(self.kind, self.url, self.branch)
        return Source(self.kind, self.url, self.branch, path, self.span)


def emit_code(recipe: Recipe, layer: Layer | None, mode: str = "include", span: Span | None = None) -> None:
    """Brings in the code as `source_files` says. `layer` is that of the image's code key; without one, the
    folder of the file is meant, and `span` is the place of `source_files`.

    What is downloaded when a container starts is only noted, and its place is made the workdir.
    """
    if layer is None and span is None:
        return
    default = LocalCode("source_files", span, ".", ((".", ""),)) if span else None
    code: CodeLayer = layer or default  # type: ignore[assignment]
    if mode == "download":
        ensure_workdir(recipe, code.key, code.span)
        earlier = recipe.notes.get(DOWNLOAD, ())
        assert isinstance(earlier, tuple)
        target = clean(posixpath.join("/", recipe.code_dir))
        recipe.notes[DOWNLOAD] = (*earlier, replace(code.remote(), target=target))
    elif mode != "ignore":
        code.bake(recipe)
    recipe.code_dir = clean(posixpath.join("/", recipe.code_dir))
    for local, below in code.places:
        recipe.path_map.setdefault(
            local, posixpath.join(recipe.code_dir, below) if below else recipe.code_dir
        )


def places_of(folder: str, directory: Path) -> Places:
    """Where what is in a folder stands below the place that its contents are copied to.

    The pipeline's directory may itself be in it, and a path map compares by letters: so each folder on the
    way is named.
    """
    if not holds_all(folder):
        return ((folder, ""),)
    above = folder.count("..")
    names = directory.parts[len(directory.parts) - above :]
    return tuple(
        ("/".join([".."] * (above - count)) or ".", "/".join(names[:count])) for count in range(above + 1)
    )


def holds_all(folder: str) -> bool:
    """Whether a folder is the pipeline's directory, or one above it."""
    return set(folder.split("/")) <= {".", ".."}


def copy_code(recipe: Recipe, folder: str, key: str, span: Span | None) -> None:
    """Copies what is in a folder of the context into the folder of the code."""
    ensure_workdir(recipe, key, span)
    ensure_user(recipe)
    recipe.code_dir = clean(posixpath.join("/", recipe.code_dir))
    recipe.copy((folder,), into(written_below(recipe, recipe.code_dir)), key, span)


def into(folder: str) -> str:
    """A folder as the destination of a COPY."""
    return folder.rstrip("/") + "/"


def source_path(kind: str, url: str, branch: str) -> str:
    """Where fetched code is put, relative to the pipeline's directory: one place for all who name it."""
    text = json.dumps([kind, url, branch], ensure_ascii=False)
    return f"{_FOLDER}/{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


# Reading


def read(written: Written, reading: Reading) -> Layer | None:
    match written.key:
        case "copy_dir":
            return _read_dir(written, reading)
        case "copy_repo":
            return _read_repo(written, reading)
        case _:
            return _read_url(written, reading)


KIND = Kind(("copy_dir", "copy_repo", "copy_url"), 12, read)


def _read_dir(written: Written, reading: Reading) -> Layer | None:
    path = reading.path(written.node, "dir")
    if path is None or _is_bundled(written):
        return None
    return LocalCode(written.key, written.span, path, places_of(path, reading.project.directory))


def _is_bundled(written: Written) -> bool:
    """With `code_bundle`, `copy_dir` is the root of the modules, and copies nothing itself."""
    return written.siblings is not None and written.siblings.get("code_bundle") is not None


def _read_repo(written: Written, reading: Reading) -> Layer | None:
    if not isinstance(written.node, Scalar) or written.node.value is not True:
        return None
    directory = reading.project.directory
    root = posixpath.relpath(reading.project.root.as_posix(), directory.as_posix())
    return FetchedCode(written.key, written.span, "repo", places=places_of(root, directory))


def _read_url(written: Written, reading: Reading) -> Layer | None:
    node = written.node
    if (
        not isinstance(node, Scalar)
        or not isinstance(node.value, str)
        or not node.value
        or "${{" in node.text
    ):
        return None
    kind = _check_url(node, written, reading)
    if kind is None:
        return None
    branch = written.siblings.entry("copy_branch") if written.siblings else None
    if kind == "s3":
        if branch is not None:
            first, second = sorted((written.span, branch.key.span), key=lambda span: span.start)
            reading.error(
                "branch-of-bucket", "'copy_branch' is for git, and an s3:// address has no branches", second,
                label="remove 'copy_branch'", related=(Related(first, "the other of the two keys"),),
            )  # fmt: skip
            return None
        return FetchedCode(written.key, written.span, "s3", node.text)
    if branch is None:
        edit = beside(written.siblings, written.span, node.span, "copy_branch: HEAD")
        fixes = (Fix("add 'copy_branch: HEAD', the default branch", (edit,)),) if edit else ()
        message = "a git URL needs 'copy_branch' beside it: a branch, tag or commit (HEAD: its default)"
        reading.error("missing-branch", message, written.span, fixes=fixes)
        return None
    name = branch.value
    if (
        not isinstance(name, Scalar)
        or not isinstance(name.value, str)
        or not name.value
        or "${{" in name.text
    ):
        return None
    if found := _NO_REF.search(name.text):
        message = f"git has no branch, tag or commit of this name: {_why(found[0])}"
        reading.error("bad-branch", message, name.span)
        return None
    return FetchedCode(written.key, written.span, "git", node.text, name.text)


def _why(part: str) -> str:
    if part == "-":
        return "it begins with '-'"
    if part.isspace():
        return "it holds a blank or a line break"
    return f"it holds '{part}'" if part.isprintable() else f"it holds the character U+{ord(part[0]):04X}"


def _check_url(node: Scalar, written: Written, reading: Reading) -> str | None:
    """git or s3; None after reporting. A URL is repeated only once it is known to hold no credentials."""
    url = node.text
    if url.startswith(("git+https://", "git+http://", "git+ssh://")):
        edit = replaced(node, 0, 4, "", bool(written.siblings and written.siblings.flow))
        fixes = (Fix("remove 'git+'", (edit,)),) if edit else ()
        reading.error(
            "bad-url", "'git+' is pip's way to write a URL; git knows it without", node.span, fixes=fixes
        )
        return None
    scheme = found[1].lower() if (found := _SCHEME.match(url)) else ""
    if _holds_credentials(url, scheme):
        reading.error(
            "credentials-in-url",
            "this URL holds credentials, which everyone who gets the file or the image could read",
            node.span,
            label="leave them out: git asks the host's credential helper, and takes the secret GIT_AUTH_TOKEN",
        )
        return None
    if re.search(r"[\x00-\x20\x7f]", url):
        reading.error("bad-url", "a URL holds no blanks, line breaks or control characters", node.span)
        return None
    if scheme in ("https", "http", "ssh", "git"):
        return _check_host(node, scheme, reading)
    if scheme == "s3":
        bucket = url[len("s3://") :].partition("/")[0]
        if not _BUCKET.fullmatch(bucket):
            reading.error(
                "bad-url", "an s3:// address begins with the name of a bucket: s3://BUCKET/FOLDER", node.span
            )
            return None
        return "s3"
    if not scheme and _SCP.fullmatch(url):
        return "git"
    _refuse(node, scheme, written, reading)
    return None


def _check_host(node: Scalar, scheme: str, reading: Reading) -> str | None:
    found = _AUTHORITY.match(node.text)
    host = found[1].rpartition("@")[2] if found else ""
    user = found[1].rpartition("@")[0] if found else ""
    path = node.text[found.end() :].strip("/") if found else ""
    if not _HOST.fullmatch(host) or user.startswith("-") or not path:
        reading.error("bad-url", f"this is no URL of a repository, such as {scheme}://HOST/PATH", node.span)
        return None
    return "git"


def _holds_credentials(url: str, scheme: str) -> bool:
    """A user name alone is part of an SSH address; in a web address it may be a token, and is not needed."""
    authority = found[1] if (found := _AUTHORITY.match(url)) else ""
    user, at, _ = authority.rpartition("@")
    if scheme in ("ssh", "git+ssh"):
        return ":" in user
    if not scheme:
        return ":" in url.partition("@")[0] and "@" in url and "/" not in url.partition("@")[0]
    return bool(at) or bool(_TOKEN_IN_QUERY.search(url))


def _refuse(node: Scalar, scheme: str, written: Written, reading: Reading) -> None:
    """What is no URL is probably a folder, or a web address without its beginning."""
    url = node.text
    if not scheme and _HOST_FIRST.fullmatch(url) and not reading.project.exists(url, "any"):
        at = place(node, 0, 0)
        fixes = (
            () if at is node.span else (Fix(f"write 'https://{url}'", (Edit(at, "https://"),), safe=False),)
        )
        reading.error("bad-url", "a URL begins with https://, ssh:// or git@", node.span, fixes=fixes)
        return
    if not scheme or scheme == "file":
        no_branch = written.siblings is not None and written.siblings.get("copy_branch") is None
        fits = not scheme and no_branch and reading.project.exists(url, "dir")
        fixes = (Fix("use 'copy_dir'", (Edit(written.span, "copy_dir"),), safe=False),) if fits else ()
        message = "'copy_url' is for repositories elsewhere; a folder beside the file is 'copy_dir'"
        reading.error(
            "local-url",
            message,
            node.span,
            label="the file's own repository is 'copy_repo: true'",
            fixes=fixes,
        )
        return
    reading.error(
        "bad-url", f"'{scheme}://' is not supported: https, http, ssh, git@HOST:PATH and s3 are", node.span
    )
