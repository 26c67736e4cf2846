"""Images: from what the file says to the stages of a Dockerfile.

    keys -> start (base, parent, Dockerfile) -> layers in order -> recipe -> stages

Nothing here reads the content of what is copied; tags and digests come later (`imgc.plan`).
"""

from __future__ import annotations

from collections.abc import Callable

from imgc.context.project import Project
from imgc.diagnostics import Diagnostic, Severity
from imgc.layers import registry
from imgc.layers.kind import Layer, Written
from imgc.lock.lock import Lock
from imgc.model.image import Image
from imgc.model.pipeline import Pipeline
from imgc.resolve import recipe
from imgc.resolve.image import PARENT, ResolvedImage
from imgc.resolve.layering import Layers, collect
from imgc.resolve.starting import IDENTITY, Starting


class ImageResolver:
    """Resolves the images of a document, each once. `refs` overrides `image_refs`."""

    def __init__(
        self, pipeline: Pipeline, project: Project, lock: Lock, report: Callable[[Diagnostic], None],
        refs: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.pipeline = pipeline
        self.project = project
        self.lock = lock
        self.report = report
        self.refs = refs or {}
        self.written: dict[str, Image] = dict(pipeline.images)
        self.done: dict[str, ResolvedImage | None] = {}
        self.calls: dict[str, tuple[str, ...]] = {}
        """Files that `call` nodes name, by the image they run in: where `code_bundle` begins."""
        self.order: list[str] = []
        """Names of resolved images, parents first."""

    def add_inline(self, image: Image) -> None:
        self.written.setdefault(image.name, image)

    def get(self, name: str) -> ResolvedImage | None:
        """An image by name, resolved; None where it is unknown or something is wrong with where it starts."""
        if name in self.done:
            return self.done[name]
        self.done[name] = None  # a cycle, which is reported elsewhere, ends here
        image = self.written.get(name)
        if image is None or image.node.broken:
            return None
        resolved = _Resolving(self, image).resolve()
        self.done[name] = resolved
        if resolved is not None:
            self.order.append(name)
        return resolved

    def keep(self, image: ResolvedImage) -> None:
        """Takes in an image that another one is made of (the user's Dockerfile below further layers)."""
        self.done[image.name] = image
        self.order.append(image.name)


class _Resolving(Starting):
    """The resolution of one image."""

    def __init__(self, resolver: ImageResolver, image: Image) -> None:
        super().__init__(resolver, image)
        self.images = resolver

    def resolve(self) -> ResolvedImage | None:
        if (ignore := self.node.get("dockerignore")) is not None:
            self.reading.path(ignore, "file")
        start = self.start()
        if start is None:
            self.read_layers(collect(self.image, self.resolver.pipeline, False, self.reading))
            return None
        start.inline = self.image.inline
        if start.skip_build:
            return start
        layers = collect(self.image, self.resolver.pipeline, self.wants_stack(start), self.reading)
        if start.dockerfile is not None:
            if not self.adds(layers):
                return start
            start = self.on_top_of(start)
        start.layers = Layers(
            (*start.layers.fixed, *layers.fixed), (*start.layers.explicit, *layers.explicit)
        )
        self.build(start)
        self.hint(start)
        return start

    def on_top_of(self, below: ResolvedImage) -> ResolvedImage:
        """Further keys of a Dockerfile image are an image of their own on top of it."""
        below.name, builder, below.builder = f"{self.image.name}__dockerfile", below.builder, None
        self.images.keep(below)
        resolved = ResolvedImage(
            self.image.name, self.image.span, self.node, below.base, below.facts, parent=below.name,
            workdir=below.workdir, user=below.user, inline=self.image.inline, notes={"dockerfile": True},
            builder=builder,
        )  # fmt: skip
        span = self.node.entry("dockerfile").key.span  # type: ignore[union-attr]
        resolved.stages = self.first(PARENT, "dockerfile", span)
        return resolved

    # What goes into it

    def wants_stack(self, start: ResolvedImage) -> bool:
        return not (start.parent or start.skip_build or self.node.entry("conda") or start.facts.python == "")

    def adds(self, layers: Layers) -> bool:
        """Whether there is more to do than to build the user's Dockerfile."""
        more = [
            entry
            for entry in self.node.entries
            if entry.name not in (*IDENTITY, "dockerfile", "secrets", "ssh", "dockerignore", "install_stack")
        ]
        return bool(layers.fixed or layers.explicit or more)

    def read_layers(self, layers: Layers) -> tuple[list[Layer], list[Layer]]:
        """The layers read and checked, those of the fixed order and those of `layers`."""

        def read(written: Written) -> Layer | None:
            return registry.kind(written.key).read(written, self.reading)

        fixed = [layer for written in layers.fixed if (layer := read(written)) is not None]
        explicit = [layer for written in layers.explicit if (layer := read(written)) is not None]
        return fixed, explicit

    def build(self, image: ResolvedImage) -> None:
        """Writes the recipe and takes the result over into the image."""
        self.hint_unknown(image)
        if calls := self.images.calls.get(image.name):
            image.notes["calls"] = calls
        recipe.write(image, self.resolver.lock, self.reading, *self.read_layers(image.layers))

    def hint(self, image: ResolvedImage) -> None:
        """What could be better in an image that has code. Most have, and few have anything to be told."""
        if any(
            written.key in (*recipe.CODE, "copy") for written in (*image.layers.fixed, *image.layers.explicit)
        ):
            from imgc.resolve.hints import hints

            hints(image, self.images.done.get, self.reading.project, self.resolver.report)

    def hint_unknown(self, image: ResolvedImage) -> None:
        """Nothing known of a base that something is put on: what is assumed is said."""
        entry = self.node.entry("base") or self.node.entry("ref")
        if entry is None or image.facts.source or not (image.layers.fixed or image.layers.explicit):
            return
        message = f"nothing is known of '{image.base}': its user is taken for root, with /bin/sh"
        label = "say more with 'base_facts', or run 'imgc lock'"
        self.error("unknown-base", message, entry.value.span, label, Severity.HINT)
