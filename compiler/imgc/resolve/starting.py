"""Where an image starts: a base in a registry, another image, the user's Dockerfile, a script, a builder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from imgc.context.project import Missing, Project
from imgc.diagnostics import Diagnostic, Edit, Fix, Related, Severity, Span
from imgc.diagnostics.near import near
from imgc.document.nodes import Entry, Mapping, Node, Scalar, Sequence
from imgc.instructions.quoting import stage_name
from imgc.instructions.types import From, Stage, Step
from imgc.layers.kind import Reading, Written
from imgc.lock.lock import Lock
from imgc.model.image import Image
from imgc.model.pipeline import Pipeline, flag, text, texts
from imgc.model.reference import looks_like_reference
from imgc.model.secrets import secret_uses
from imgc.records import replace
from imgc.resolve.image import PARENT, Builder, ResolvedImage
from imgc.resolve.layering import Layers
from imgc.resolve.options import pip_options
from imgc.resolve.start import BUILDERS, base_of, check_reference, default_base

IDENTITY = (
    "name", "registry", "repository", "tag", "registry_secret", "platforms", "build", "reuse", "extendable", "base_facts",
    "skip_build", "path_map",
)  # fmt: skip
"""Keys that add nothing to the content of an image."""


STARTS = ("base", "ref", "dockerfile", "uv_script", "extends", "python_version")
"""Keys that say where an image starts, without `builder`."""

OF_ONE_IMAGE = ("exclude", "excluded", "download", "calls")
"""Notes of a recipe that its children do not get."""


class Images(Protocol):
    """What the start of an image asks of the other images: see `images.ImageResolver`."""

    pipeline: Pipeline
    project: Project
    lock: Lock
    report: Callable[[Diagnostic], None]
    refs: dict[str, str]
    written: dict[str, Image]

    def get(self, name: str) -> ResolvedImage | None: ...


class Starting:
    """Where one image starts: its base, its parent or its Dockerfile."""

    def __init__(self, resolver: Images, image: Image) -> None:
        self.resolver = resolver
        self.image = image
        self.node = image.node
        self.reading = Reading(resolver.project, resolver.report)

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        severity: Severity = Severity.ERROR,
        related: tuple[Related, ...] = (),
    ) -> None:
        self.resolver.report(Diagnostic(code, severity, message, span, label, related=related))

    def start(self) -> ResolvedImage | None:
        """The image without its layers."""
        resolved = self.start_of_image()
        entry = self.node.entry("builder")
        if resolved is not None and entry is not None and resolved.builder is None:
            resolved.builder = self.builder(entry)
        return resolved

    def start_of_image(self) -> ResolvedImage | None:
        get = self.node.entry
        if (entry := get("extends")) is not None:
            return self.extended(entry)
        if (entry := get("dockerfile")) is not None:
            return self.from_dockerfile(entry)
        if (entry := get("uv_script")) is not None:
            return self.from_script(entry)
        if (entry := get("base")) is not None:
            written = check_reference(entry.value, self.resolver.report)
        elif (entry := get("ref")) is not None:
            written = self.named_reference(entry)
        elif (entry := get("builder")) is not None:
            return self.from_builder(entry)
        else:
            entry = get("python_version")
            version = (
                text(entry.value)
                if entry and isinstance(entry.value, Scalar) and isinstance(entry.value.value, str)
                else ""
            )
            written = default_base(version) if version else default_base()
            if entry is not None and not version:
                return None
        if written is None:
            return None
        return self.on_base(written, entry)

    def on_base(self, written: str, entry: Entry | None) -> ResolvedImage:
        stated = self.node.entry("base_facts")
        base = base_of(written, self.resolver.lock, stated.value if stated else None)
        span = entry.key.span if entry else self.image.span
        resolved = ResolvedImage(
            self.image.name, self.image.span, self.node, base.written, base.facts, digest=base.digest
        )
        resolved.stages = self.first(base.reference, entry.name if entry else "", span)
        resolved.user = base.facts.user if base.facts.user != "root" else ""
        self.skip(resolved)
        return resolved

    def first(self, reference: str, key: str, span: Span) -> tuple[Stage, ...]:
        """The stage of the image with its FROM alone."""
        name = stage_name(self.image.name)
        return (Stage(name, (Step(From(reference, name), key, span),)),)

    def skip(self, resolved: ResolvedImage) -> None:
        entry = self.node.entry("skip_build")
        if entry is None or not flag(entry.value):
            return
        if not (self.node.entry("base") or self.node.entry("ref")):
            self.error(
                "missing-key",
                "'skip_build' needs 'base' or 'ref' beside it: there is no image to use as it is",
                entry.key.span,
            )
            return
        resolved.skip_build = True
        for other in self.node.entries:
            if other.name not in ("base", "ref", *IDENTITY):
                related = (Related(entry.key.span, "'skip_build' is here"),)
                self.error(
                    "conflicting-keys",
                    f"'{other.name}' needs a build, and 'skip_build' uses the image as it is",
                    other.key.span,
                    related=related,
                )

    def named_reference(self, entry: Entry) -> str | None:
        name = text(entry.value)
        if name in self.resolver.refs:
            return self.resolver.refs[name]
        known = self.resolver.pipeline.image_refs.get(name)
        if known is not None:
            return check_reference(known.value, self.resolver.report)
        if isinstance(entry.value, Scalar) and isinstance(entry.value.value, str):
            close = near(name, [*self.resolver.pipeline.image_refs, *self.resolver.refs])
            label = (
                f"did you mean '{close[0]}'?"
                if close
                else "name it under 'image_refs', or give --image NAME=REF, or set it in imgc.toml"
            )
            self.error("unknown-ref", f"no image reference is called '{name}'", entry.value.span, label)
        return None

    def extended(self, entry: Entry) -> ResolvedImage | None:
        name = text(entry.value)
        written = self.resolver.written.get(name)
        if written is None:
            self.unknown_image(name, entry.value)
            return None
        parent = self.resolver.get(name)
        if parent is None:
            return None
        if not flag(written.node.get("extendable"), True):
            related = (Related(written.span, f"'{name}' says 'extendable: false'"),)
            self.error(
                "not-extendable",
                f"'{name}' does not allow other images to extend it",
                entry.value.span,
                related=related,
            )
        if self.node.entry("base") or self.node.entry("python_version"):
            return self.rebased(parent, entry)
        resolved = ResolvedImage(
            self.image.name, self.image.span, self.node, parent.base, parent.facts, parent=parent.name,
            env=dict(parent.env), workdir=parent.workdir, user=parent.user, shell=parent.shell, notes=inherited_notes(parent),
            path_map=dict(parent.path_map), builder=parent.builder, has_docker=parent.has_docker,
        )  # fmt: skip
        resolved.stages = self.first(PARENT, "extends", entry.key.span)
        return resolved

    def rebased(self, parent: ResolvedImage, entry: Entry) -> ResolvedImage | None:
        """The parent's layers again, on another base: its keys with ours over them."""
        base = self.node.entry("base")
        version = self.node.entry("python_version")
        if parent.dockerfile is not None or parent.notes.get("dockerfile"):
            self.error(
                "not-extendable",
                f"'{parent.name}' is a Dockerfile: its layers cannot be put on another base",
                entry.value.span,
            )
            return None
        if base is not None:
            written = check_reference(base.value, self.resolver.report)
        else:
            written = (
                default_base(text(version.value))
                if version and isinstance(version.value, Scalar) and isinstance(version.value.value, str)
                else None
            )
        if written is None:
            return None
        resolved = self.on_base(written, base or version)
        resolved.layers = parent.layers
        resolved.running = _over(parent.running or parent.node, self.node)
        return resolved

    def unknown_image(self, name: str, node: Node) -> None:
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return
        close = near(name, self.resolver.written)
        fixes = tuple(Fix(f"replace with '{other}'", (Edit(node.span, other),)) for other in close)
        label = f"did you mean '{close[0]}'?" if close else ""
        self.resolver.report(
            Diagnostic(
                "unknown-image", Severity.ERROR, f"no image is called '{name}'", node.span, label, fixes
            )
        )

    def from_dockerfile(self, entry: Entry) -> ResolvedImage | None:
        from imgc.resolve.dockerfile_start import read_dockerfile  # brings the reader of Dockerfiles

        dockerfile = read_dockerfile(entry, self.reading)
        if dockerfile is None:
            return None
        dockerfile = dockerfile.pinned(self.resolver.lock)
        stated = self.node.entry("base_facts")
        facts = dockerfile.facts(self.resolver.lock, stated.value if stated else None)
        resolved = ResolvedImage(
            self.image.name, self.image.span, self.node, dockerfile.base, facts, dockerfile=dockerfile
        )
        resolved.workdir, resolved.user = dockerfile.workdir, dockerfile.user
        resolved.secrets = tuple((use.name, use.required) for use in secret_uses(self.node.get("secrets")))
        resolved.ssh, resolved.context = texts(self.node.get("ssh")), dockerfile.context
        resolved.notes["dockerfile"] = True
        return resolved

    def from_script(self, entry: Entry) -> ResolvedImage | None:
        """The base that a script's metadata asks for, and its dependencies as a first layer."""
        from imgc.layers.python.scripts import ScriptProblem, script_base, script_metadata

        path = self.reading.path(entry.value, "file")
        source = self.reading.project.read_text(path) if path is not None else None
        if path is None or source is None:
            return None
        if isinstance(source, Missing):
            self.error(source.code, source.message, entry.value.span)
            return None
        metadata = script_metadata(source)
        if isinstance(metadata, ScriptProblem):
            self.error("bad-script", f"{path}:{metadata.line}: {metadata.message}", entry.value.span)
            return None
        base = script_base(metadata, text(self.node.get("python_version")))
        if isinstance(base, ScriptProblem):
            self.error("bad-script", base.message, entry.value.span)
            return None
        resolved = self.on_base(base[0], entry)
        if metadata.dependencies:
            items = tuple(Scalar(spec, spec, entry.value.span) for spec in metadata.dependencies)
            options = pip_options(self.node, self.reading)
            secrets = secret_uses(self.node.get("secrets"))
            written = Written(
                "pip_packages", entry.key.span, Sequence(items, entry.value.span), options, secrets, self.node
            )
            resolved.layers = Layers((written,), ())
        return resolved

    def from_builder(self, entry: Entry) -> ResolvedImage | None:
        """A build pipeline without `base`: the builder's own image runs the built code."""
        builder = self.builder(entry)
        if builder is None:
            return None
        version = self.node.entry("python_version")
        if version is not None and builder.language != "python":
            self.error(
                "conflicting-keys",
                "'python_version' chooses the official Python builder, and this is another builder",
                version.key.span,
                related=(Related(entry.key.span, "the builder is here"),),
            )
        if builder.language == "python" and version is not None:
            resolved = self.on_base(default_base(text(version.value)), version)
        elif builder.language:
            resolved = self.on_base(BUILDERS[builder.language], entry)
        elif not builder.own:
            resolved = self.on_base(builder.image, entry)
        else:
            parent = self.resolver.get(builder.image)
            if parent is None:
                return None
            resolved = ResolvedImage(
                self.image.name, self.image.span, self.node, parent.base, parent.facts, parent=parent.name,
                env=dict(parent.env), workdir=parent.workdir, user=parent.user, shell=parent.shell, notes=inherited_notes(parent),
            )  # fmt: skip
            resolved.stages = self.first(PARENT, "builder", entry.key.span)
        resolved.builder = replace(builder, image="", digest="") if builder.language else builder
        return resolved

    def builder(self, entry: Entry) -> Builder | None:
        found = self.builder_alone(entry)
        secrets = tuple((use.name, use.required) for use in secret_uses(self.node.get("secrets")))
        return found and replace(found, secrets=secrets)

    def builder_alone(self, entry: Entry) -> Builder | None:
        """What builds. An official builder of Python is the image itself, as it has to have the same Python; that
        of Go is an image of its own where the image has a base."""
        node = entry.value
        if not isinstance(node, Mapping):
            return None
        path = node.get("path")
        where = self.reading.path(path, "dir") if path is not None else "."
        if where is None:
            return None
        image = node.entry("image")
        name = text(node.get("language")) if image is None else ""
        at = path.span if path else entry.key.span
        self.check_source(name, where, at)
        if image is None:
            if name in BUILDERS:
                if name == "python":
                    return Builder(name, "", False, where, at, pip=pip_options(self.node, self.reading))
                return self.outside(name, BUILDERS[name], where, at)
            if not any(self.node.entry(key) for key in STARTS):
                head = Span(
                    node.span.origin, node.span.line, node.span.column, node.span.line, node.span.column + 1
                )
                self.error(
                    "missing-key",
                    "a builder needs 'language' or 'image', or 'base' beside it",
                    head if node.flow else entry.key.span,
                )
                return None
            return Builder("", "", False, where, at)
        reference = text(image.value)
        if reference in self.resolver.written:
            return Builder("", reference, True, where, at) if self.resolver.get(reference) else None
        if not looks_like_reference(reference):
            self.unknown_image(reference, image.value)
            return None
        if check_reference(image.value, self.resolver.report) is None:
            return None
        return self.outside("", reference, where, at)

    def outside(self, language: str, reference: str, path: str, span: Span) -> Builder:
        """A builder whose image is in a registry."""
        locked = self.resolver.lock.images.get(reference)
        return Builder(language, reference, False, path, span, locked.digest if locked else "")

    def check_source(self, language: str, where: str, span: Span) -> None:
        """What the source folder of a builder has to hold, and its `.pachignore`."""
        project = self.reading.project
        if language == "python" and not project.exists(f"{where}/main.py", "file"):
            self.error(
                "missing-main", "the python builder needs a 'main.py' in its source folder", span,
                f"'{where}' has none" if where != "." else "",
            )  # fmt: skip
        ignore = f"{where}/.pachignore"
        if not project.exists(ignore, "file"):
            return
        from imgc.context.ohmyglob import first_problem  # few builders have one

        lines = project.read_text(ignore)
        if isinstance(lines, Missing):
            self.error(lines.code, lines.message, span)
        elif (problem := first_problem(lines)) is not None:
            number, why = problem
            self.error("bad-glob", f"{ignore.removeprefix('./')}:{number}: this is no glob: {why}", span)


def inherited_notes(parent: ResolvedImage) -> dict[str, object]:
    """What layers know of a parent that holds for its children too: not what was copied or left out."""
    return {name: note for name, note in parent.notes.items() if name not in OF_ONE_IMAGE}


def _over(below: Mapping, above: Mapping) -> Mapping:
    """A mapping with the entries of another over its own."""
    names = {entry.name for entry in above.entries}
    return Mapping(
        (*(entry for entry in below.entries if entry.name not in names), *above.entries), above.span
    )
