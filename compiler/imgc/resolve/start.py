"""Where an image starts: its base and what is known of it."""

from __future__ import annotations

from collections.abc import Callable

from imgc.diagnostics import Diagnostic, Edit, Fix, Severity
from imgc.document.nodes import Mapping, Node, Scalar
from imgc.layers.bases import facts_of, manager_of
from imgc.layers.facts import BaseFacts
from imgc.lock.lock import Lock
from imgc.model.pipeline import text
from imgc.model.reference import InvalidReference, parse, with_digest
from imgc.records import dataclass, names_of, replace

DEFAULT_PYTHON = "3.12"
DEBIAN = "bookworm"
BUILDERS = {"python": f"python:{DEFAULT_PYTHON}-slim-{DEBIAN}", "go": f"golang:1.24-{DEBIAN}"}
"""The official builders of build pipelines."""


@dataclass(frozen=True, slots=True)
class Base:
    """A base in a registry. `reference` is what stands behind FROM, with the lock's digest; `written` is without it."""

    written: str
    reference: str
    facts: BaseFacts
    digest: str = ""


def default_base(version: str = DEFAULT_PYTHON) -> str:
    """The Debian image with a Python of that version."""
    return f"python:{version}-slim-{DEBIAN}"


def base_of(written: str, lock: Lock, stated: Node | None) -> Base:
    """A base by its reference: facts of the table, then `base_facts`, then the lock, the last one winning."""
    facts = with_stated(facts_of(written), stated)
    locked = lock.images.get(written)
    if locked is None:
        return Base(written, written, facts)
    known = {
        name: value for name in names_of(BaseFacts) if (value := getattr(locked, name, None)) is not None
    }
    if known:
        facts = replace(facts, **known, source="the lock")
    return Base(written, with_digest(written, locked.digest), facts, locked.digest)


def with_stated(facts: BaseFacts, stated: Node | None) -> BaseFacts:
    """Facts with those of `base_facts` over them."""
    if not isinstance(stated, Mapping):
        return facts
    known: dict[str, object] = {}
    if distro := text(stated.get("distro")):
        known |= {"distro": distro, "manager": manager_of(distro) or facts.manager}
    if user := text(stated.get("user")):
        known["user"] = user
    python = stated.get("python")
    if isinstance(python, Scalar):
        known["python"] = "" if python.value is False else python.text
        known["python_managed"] = False
    shell = stated.get("shell")
    if isinstance(shell, Scalar):
        known["shell"] = shell.value is not False
    return replace(facts, **known, source="base_facts") if known else facts


def check_reference(node: Node | None, report: Callable[[Diagnostic], None]) -> str | None:
    """The reference a value holds; None after saying what is wrong with it. No tag, or `latest`, is a warning."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return None
    written = node.text
    if written == "scratch":
        return written
    try:
        reference = parse(written)
    except InvalidReference as error:
        report(
            Diagnostic(
                "bad-reference", Severity.ERROR, f"'{written}' is not an image reference: {error}", node.span
            )
        )
        return None
    if reference.digest or (reference.tag and reference.tag != "latest"):
        return written
    what = "has no tag" if not reference.tag else "is tagged 'latest'"
    message = f"'{written}' {what}: what it is will change without notice"
    pinned = _PINNED.get(reference.repository.removeprefix("library/"))
    fixes: tuple[Fix, ...] = ()
    if pinned:
        name = written.removesuffix(":latest")
        fixes = (Fix(f"pin to '{name}:{pinned}'", (Edit(node.span, f"{name}:{pinned}"),), safe=False),)
    report(Diagnostic("untagged-base", Severity.WARNING, message, node.span, "name a version", fixes))
    return written


_PINNED = {
    "python": f"{DEFAULT_PYTHON}-slim-{DEBIAN}", "debian": f"{DEBIAN}-slim", "ubuntu": "24.04", "alpine": "3.20",
    "node": f"22-{DEBIAN}-slim", "golang": f"1.24-{DEBIAN}", "fedora": "42", "busybox": "1.37",
}  # fmt: skip
"""What the fix for an untagged base proposes: versions that exist as of this version of the format."""
