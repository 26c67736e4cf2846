"""Names that Argo and Kubernetes take."""

from __future__ import annotations

import hashlib
import re

LONGEST_NAME = 100  # Argo's CRD takes 128
_WORDS = {"and", "or", "not", "in", "true", "false", "nil", "matches", "contains", "let", "if", "else"}
"""Of Argo's expressions: no name of a task, unless it has a dash."""


def dns(text: str, longest: int) -> str:
    """As Kubernetes takes names: small letters, digits and dashes, a letter first."""
    made = re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")[:longest].strip("-")
    return made if made and made[0].isalpha() and made not in _WORDS else f"n-{made}".rstrip("-")


def name_for(text: str, taken: set[str]) -> str:
    """A name that is not taken, and is from now on; with a digest of the text where the plain one is."""
    made = dns(text, LONGEST_NAME)
    number = 0
    while made in taken:
        digest = hashlib.sha256(f"{text}\0{number or ''}".encode()).hexdigest()[:8]
        made, number = f"{dns(text, LONGEST_NAME)}-{digest}", number + 1
    taken.add(made)
    return made
