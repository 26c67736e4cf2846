"""Image references, `python:3.12-slim@sha256:…`, by Docker's rules (github.com/distribution/reference)."""

from __future__ import annotations

from imgc.patterns import lazy
from imgc.records import dataclass

DEFAULT_REGISTRY = "docker.io"
OFFICIAL = "library/"
"""Where Docker Hub keeps the official images: `python` is docker.io/library/python."""

MAX_NAME = 255
"""Characters of registry and repository together; newer engines count the repository alone."""
MAX_TAG = 128

_DIGESTS = {"sha256": 64, "sha384": 96, "sha512": 128}
"""Hexadecimal digits of the algorithms that Docker knows."""

_LABEL = (
    r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9_-]*[A-Za-z0-9])"  # with the `_` that host names have in practice
)
_HOST = lazy(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[A-Fa-f0-9:]+\])(?::[0-9]+)?")
_COMPONENT = lazy(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG = lazy(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_ALGORITHM = lazy(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*")
_SCHEME = lazy(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NEVER = lazy(r"[^!-~]|[$\\\"'`]")
_HEXADECIMAL = lazy(r"[0-9a-f]*")


class InvalidReference(ValueError):
    """The text is no image reference: `reason` continues "it is none: ", `offset` is where in the text."""

    def __init__(self, reason: str, offset: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference with what Docker adds to it: `python` is docker.io, library/python. Tag and digest are ""
    where the text has none; both may be there."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def familiar(self) -> str:
        """The name as people write it: without Docker Hub's own parts."""
        if self.registry != DEFAULT_REGISTRY:
            return self.name
        rest = self.repository.removeprefix(OFFICIAL)
        return self.repository if "/" in rest else rest

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def looks_like_reference(text: str) -> bool:
    """Whether a node's `image` is a reference: it holds a `:`, `/` or `@`, which no name of an image does."""
    return any(character in text for character in ":/@")


def parse(text: str) -> Reference:
    """A reference from its text; InvalidReference where it is none."""
    if not text:
        raise InvalidReference("it is empty")
    if found := _SCHEME.match(text):
        raise InvalidReference(f"it begins with '{found[0]}', and a reference has no scheme")
    if found := _NEVER.search(text):
        raise InvalidReference(_never(found[0]), found.start())
    before, at, digest = text.partition("@")
    registry, start = _registry(before)
    path, colon, tag = before[start:].partition(":")
    repository = _repository(path, start)
    if colon:
        _check_tag(tag, start + len(path) + 1)
    if at:
        _check_digest(digest, len(before) + 1)
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = OFFICIAL + repository
    reference = Reference(registry, repository, tag, digest)
    if len(reference.name) > MAX_NAME:
        raise InvalidReference(f"its name is longer than {MAX_NAME} characters", start)
    return reference


def _never(character: str) -> str:
    if character == "$":
        return "it holds '$', and variables are not replaced here"
    if character.isspace():
        return "it holds a blank"
    shown = f"'{character}'" if character.isprintable() else f"U+{ord(character):04X}"
    return f"it holds {shown}, which no reference does"


def _registry(text: str) -> tuple[str, int]:
    """The registry and where the repository begins. The first part is a registry's only where it cannot be a
    repository's: it holds a `.` or `:`, or is localhost."""
    head, slash, _ = text.partition("/")
    if not slash or not (head == "localhost" or "." in head or ":" in head):
        return DEFAULT_REGISTRY, 0
    if not _HOST.fullmatch(head):
        raise InvalidReference(f"'{head}' is not a registry, HOST or HOST:PORT")
    registry = DEFAULT_REGISTRY if head == "index.docker.io" else head
    return registry, len(head) + 1


def _repository(path: str, start: int) -> str:
    if not path:
        raise InvalidReference("it names no repository", start)
    for component in path.split("/"):
        if not component:
            raise InvalidReference("a part of its repository is empty", start)
        if component != component.lower():
            raise InvalidReference(
                f"'{component}' has upper case letters, and repositories are in lower case", start
            )
        if not _COMPONENT.fullmatch(component):
            raise InvalidReference(
                f"'{component}' is not part of a repository: lower case letters and digits, "
                "and between them '.', '_', '__' or '-'",
                start,
            )
        start += len(component) + 1
    if len(path) == 64 and _HEXADECIMAL.fullmatch(path):
        raise InvalidReference("64 hexadecimal digits are the id of an image, and not its name")
    return path


def _check_tag(tag: str, start: int) -> None:
    if not tag:
        raise InvalidReference("there is no tag behind ':'", start - 1)
    if len(tag) > MAX_TAG:
        raise InvalidReference(f"its tag is longer than {MAX_TAG} characters", start)
    if not _TAG.fullmatch(tag):
        raise InvalidReference(
            f"'{tag}' is not a tag: letters, digits, '_', '.' and '-', the first neither '.' nor '-'", start
        )


def _check_digest(digest: str, start: int) -> None:
    algorithm, _, digits = digest.partition(":")
    length = _DIGESTS.get(algorithm) if digits else None
    if length is None:
        if _ALGORITHM.fullmatch(algorithm) and digits:
            known = ", ".join(_DIGESTS)
            raise InvalidReference(f"its digest is a '{algorithm}', and Docker knows {known}", start)
        raise InvalidReference(
            "what is behind '@' is not a digest, 'sha256:' and 64 hexadecimal digits", start
        )
    if len(digits) != length or not _HEXADECIMAL.fullmatch(digits):
        raise InvalidReference(
            f"a {algorithm} digest has {length} hexadecimal digits in lower case behind ':'",
            start + len(algorithm) + 1,
        )


def with_digest(reference: str, digest: str) -> str:
    """A reference with a digest, where there is one to add."""
    return f"{reference}@{digest}" if digest and "@" not in reference else reference
