"""Names as pipeline files have them, made from those of other systems."""

from __future__ import annotations

import re
from collections.abc import Container


def pipeline_name(text: str) -> str:
    """For `name` of the document."""
    clean = re.sub(r"[^A-Za-z0-9_-]+", "-", text.rsplit("/", 1)[-1]).strip("-_")
    return clean[:63].rstrip("-_") or "pipeline"


def image_name(text: str, taken: Container[str] = ()) -> str:
    """For a key of `images`; with a number where the name is taken."""
    clean = re.sub(r"[^a-z0-9._-]+", "-", text.lower())
    clean = re.sub(r"([._-])[._-]+", r"\1", clean).strip("._-")
    return unused(clean or "image", taken)


def node_name(text: str, taken: Container[str] = ()) -> str:
    """For a child of `serial` or `parallel`."""
    clean = re.sub(r"[/\s\x00-\x1f\x7f]+", "-", text).strip("-")
    return unused(clean or "step", taken)


def repo_name(text: str, taken: Container[str] = ()) -> str:
    """For a key of `repos` or the name of an input."""
    clean = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")
    return unused(clean or "data", taken)


def secret_name(text: str, taken: Container[str] = ()) -> str:
    """For a key of `secrets`."""
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-")
    return unused(clean or "secret", taken)


def unused(name: str, taken: Container[str]) -> str:
    number, found = 2, name
    while found in taken:
        number, found = number + 1, f"{name}-{number}"
    return found


def literal_env(text: str) -> str:
    """A value for `env` that means exactly this text."""
    return text.replace("$", "$$")
