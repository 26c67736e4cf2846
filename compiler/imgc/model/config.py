"""`imgc.toml`: what belongs to a place and not to a pipeline."""

from __future__ import annotations

from imgc.model.reference import InvalidReference, parse
from imgc.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it is written, `imgc.toml:3`."""

    value: str
    place: str


@dataclass(frozen=True, slots=True)
class Config:
    """What holds here, of all files that were found. `mirrors` is by registry (`docker.io`); `allow` are grants."""

    image_refs: dict[str, Setting] = field(default_factory=dict)
    mirrors: dict[str, Setting] = field(default_factory=dict)
    allow: tuple[Setting, ...] = ()
    builder: Setting | None = None
    engine: Setting | None = None

    def mirrored(self, written: str) -> tuple[str, Setting | None]:
        """The reference by which an image is fetched, and the setting that says so."""
        try:
            reference = parse(written)
        except InvalidReference:  # `scratch`, a stage, an argument of a Dockerfile
            return written, None
        mirror = self.mirrors.get(reference.registry) if written != "scratch" else None
        if mirror is None:
            return written, None
        rest = str(reference).removeprefix(f"{reference.registry}/")
        return f"{mirror.value}/{rest}", mirror
