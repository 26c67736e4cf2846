"""A pipeline compiled: Dockerfiles, ignore files, source maps and plan.json, by path."""

from __future__ import annotations

import json
from pathlib import Path, PurePath
from typing import Any

from imgc.dockerfile import source_map
from imgc.dockerfile.writer import Line, write
from imgc.document.nodes import Mapping, Node, plain
from imgc.instructions.types import From, Stage
from imgc.layers.recipe import Source
from imgc.model.image import PipOptions
from imgc.model.pipeline import Pipeline, entries, flag, text, texts
from imgc.model.units import size
from imgc.plan import content, nodes
from imgc.plan.contexts import BuildContext, Contexts
from imgc.plan.nodes import place
from imgc.plan.references import reference
from imgc.records import dataclass, replace
from imgc.resolve.image import PARENT, ResolvedImage
from imgc.resolve.resolved import Resolved

SCHEMA = "https://imgc.dev/schema/plan-1.json"


@dataclass(frozen=True, slots=True)
class Compiled:
    """`files` are all outputs by path; `dockerfiles` the texts by image; `plan` the data of plan.json."""

    files: dict[str, bytes]
    dockerfiles: dict[str, str]
    plan: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CompiledImage:
    """An image with all that follows from its content. `dockerfile` is "" when it is used as it is."""

    image: ResolvedImage
    tag: str
    content: str
    reference: str
    context: str
    dockerfile: str = ""
    ignore: str = ""
    lines: tuple[Line, ...] = ()
    same_as: str = ""


def compile_pipeline(resolved: Resolved, output: Path) -> Compiled:
    """Compiles a pipeline without errors. `output` is the folder the files will go to; nothing is written.

    OSError when a file that an image copies cannot be read.
    """
    file = PurePath(resolved.project.file).name
    compiler = _Compiler(resolved, file, output)
    for image in resolved.images.values():
        compiler.add(image)
    files: dict[str, bytes] = {}
    for name, compiled in compiler.done.items():
        if compiled.dockerfile:
            folder = f"images/{name}/Dockerfile"
            files[folder] = compiled.dockerfile.encode("utf-8")
            files[f"{folder}.dockerignore"] = compiled.ignore.encode("utf-8")
            found = source_map.source_map(compiled.lines, file=file)
            files[f"{folder}.map.json"] = source_map.dumps(found).encode("utf-8")
    plan = _plan(resolved, compiler.done, file)
    files["plan.json"] = _text(plan).encode("utf-8")
    dockerfiles = {
        name: compiled.dockerfile for name, compiled in compiler.done.items() if compiled.dockerfile
    }
    return Compiled(files, dockerfiles, plan)


class _Compiler:
    def __init__(self, resolved: Resolved, file: str, output: Path) -> None:
        self.resolved = resolved
        self.file = file
        self.contexts = Contexts(resolved.project, output)
        self.done: dict[str, CompiledImage] = {}
        self.contents: dict[str, str] = {}
        """Content hash -> the first image that has it."""

    def add(self, image: ResolvedImage) -> None:
        if image.skip_build:
            self.done[image.name] = CompiledImage(image, _tag_of(image.base), "", image.pinned_base, ".")
            return
        context = self.contexts.of(image)
        hashed = self.hashed(image, context)
        tag = text(image.node.get("tag")) or content.tag(hashed)
        stages = self.with_references(image)
        if image.dockerfile is not None:
            dockerfile, lines = image.dockerfile.text, _user_lines(image)
        else:
            written = write(stages, image=image.name, file=self.file)
            dockerfile, lines = written.text, written.lines
        first = self.contents.setdefault(hashed, image.name)
        self.done[image.name] = CompiledImage(
            image, tag, hashed, reference(image, self.resolved.pipeline, tag), context.directory, dockerfile,
            context.ignore, lines, first if first != image.name else "",
        )  # fmt: skip

    def hashed(self, image: ResolvedImage, context: BuildContext) -> str:
        platforms = platforms_of(image, self.resolved.pipeline)
        if image.dockerfile is not None:
            return content.of_dockerfile(
                image.dockerfile.text, files=self.contexts.digest(context), platforms=platforms
            )
        parent = self.done[image.parent] if image.parent else None
        below = (parent.content or parent.reference) if parent else ""
        sources = [[source.kind, source.url, source.branch, source.commit] for source in image.sources]
        return content.of_stages(
            image.stages,
            parent=below,
            files=self.contexts.digest(context),
            sources=sources,
            platforms=platforms,
        )

    def with_references(self, image: ResolvedImage) -> tuple[Stage, ...]:
        """The stages, with the parent's reference behind their FROM, and those of mirrors: where an image is
        fetched is no part of its content, so the hash knows nothing of them."""
        config = self.resolved.config
        if not image.parent and (config is None or not config.mirrors):
            return image.stages
        references = {}
        if image.parent:
            parent = self.done[image.parent]
            built = not parent.image.skip_build
            references[PARENT] = parent.reference if built else self.fetched(parent.reference)
        stages = [stage.name for stage in image.stages]
        return tuple(
            Stage(stage.name, tuple(self.on(step, references, stages) for step in stage.steps))
            for stage in image.stages
        )

    def on(self, step: Any, references: dict[str, str], stages: list[str]) -> Any:
        instruction = step.instruction
        if not isinstance(instruction, From):
            return step
        written = instruction.reference
        reference = references.get(written) or (written if written in stages else self.fetched(written))
        if reference == written:
            return step
        return replace(step, instruction=replace(instruction, reference=reference))

    def fetched(self, reference: str) -> str:
        """The reference by which an image comes here: by a mirror, where imgc.toml names one."""
        return self.resolved.config.mirrored(reference)[0] if self.resolved.config else reference


def _user_lines(image: ResolvedImage) -> tuple[Line, ...]:
    """The source map of a user's own Dockerfile: every instruction leads to the key that names it."""
    from imgc.dockerfile import userfile  # the reader of Dockerfiles, for images that have one

    assert image.dockerfile is not None
    lines = []
    counts: dict[int, int] = {}
    file = userfile.read(image.dockerfile.text)
    names = {stage.index: stage.name or f"stage-{stage.index}" for stage in file.stages}
    for instruction in file.instructions:
        counted = instruction.keyword in ("FROM", "WORKDIR", "COPY", "ADD", "RUN")
        counts[instruction.stage] = counts.get(instruction.stage, 0) + counted
        lines.append(
            Line(
                instruction.line, instruction.end_line, names.get(instruction.stage, ""), instruction.keyword,
                counts[instruction.stage] if counted else None, "dockerfile", image.dockerfile.span,
            )
        )  # fmt: skip
    return tuple(lines)


def platforms_of(image: ResolvedImage, pipeline: Pipeline) -> tuple[str, ...]:
    return texts(image.node.get("platforms")) or pipeline.platforms


def _tag_of(reference: str) -> str:
    """The tag of a reference that is used as it is, or its digest."""
    name, _, digest = reference.partition("@")
    _, colon, tag = name.rpartition(":")
    return digest or (tag if colon and "/" not in tag else "latest")


# plan.json


def _text(plan: dict[str, Any]) -> str:
    """The plan as JSON that diffs well and is written fast: a line a node, a line a key of an image."""

    line = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps makes an encoder a call
    parts = []
    for key, value in plan.items():
        if key == "images":
            images = (
                f"    {line(name)}: {{\n"
                + ",\n".join(f"      {line(k)}: {line(v)}" for k, v in image.items())
                + "\n    }"
                for name, image in value.items()
            )
            joined = ",\n".join(images)
            parts.append(f'  "images": {{\n{joined}\n  }}' if value else '  "images": {}')
        elif key == "nodes" and value:
            parts.append('  "nodes": [\n' + ",\n".join(f"    {line(node)}" for node in value) + "\n  ]")
        else:
            parts.append(f"  {line(key)}: {line(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _plan(resolved: Resolved, images: dict[str, CompiledImage], file: str) -> dict[str, Any]:
    pipeline = resolved.pipeline
    return {
        "$schema": SCHEMA,
        "version": 1,
        "name": pipeline.name,
        "title": pipeline.title,
        "doc": pipeline.doc,
        "tags": list(pipeline.tags),
        "file": file,
        "params": {name: value for name, (value, _) in sorted(resolved.params.items())},
        "secrets": {
            name: {"env": secret.env} if secret.env else {"file": secret.file}
            for name, secret in sorted(pipeline.secrets.items())
        },
        "repos": {
            name: {"path": repo.path.value} for name, repo in sorted(pipeline.repos.items()) if repo.path
        },
        "images": {name: _image(compiled, images, pipeline) for name, compiled in images.items()},
        "nodes": [nodes.as_data(node, resolved.images, resolved.path_in) for node in resolved.nodes.values()],
    }


def _image(compiled: CompiledImage, images: dict[str, CompiledImage], pipeline: Pipeline) -> dict[str, Any]:
    image = compiled.image
    builder = image.builder
    return {
        "tag": compiled.tag,
        "content": compiled.content or None,
        "reference": compiled.reference,
        "source": place(image.span),
        "base": image.base or None,
        "dockerfile": f"images/{image.name}/Dockerfile" if compiled.dockerfile else None,
        "context": compiled.context if compiled.dockerfile else None,
        "after": [image.parent] if image.parent and not images[image.parent].image.skip_build else [],
        "args": {},
        "target": None,
        "same_as": compiled.same_as or None,
        "skip_build": image.skip_build,
        "reuse": flag(image.node.get("reuse"), True),
        "platforms": list(platforms_of(image, pipeline)),
        "secrets": [{"id": name, "required": required} for name, required in image.secrets],
        "ssh": list(image.ssh),
        "registry_secret": text(image.node.get("registry_secret")) or None,
        "build": _build(image.node.get("build")),
        "sources": [
            *(_source(source, image.source_files) for source in image.sources),
            *(_source(source, "download") for source in image.downloads),
        ],
        "builder": {
            "language": builder.language or None,
            "image": images[builder.image].reference if builder.own else builder.pinned or None,
            "path": builder.path,
            "place": place(builder.span),
            "secrets": [{"id": name, "required": required} for name, required in builder.secrets],
            "pip": _pip(builder.pip) if builder.pip and builder.pip.span else None,
        } if builder else None,
        "path_map": dict(sorted(image.path_map.items())),
        "workdir": image.workdir or None,
        "shell": list(image.shell),
        "user": image.user or None,
    }  # fmt: skip


def _pip(options: PipOptions) -> dict[str, Any]:
    """What the official Python builder tells pip. The password is a secret's name."""
    urls = [word for url in options.extra_index_urls for word in ("--extra-index-url", url)]
    index = ["--index-url", options.index_url] if options.index_url else []
    return {
        "arguments": [*index, *urls, *(["--pre"] if options.pre else []), *options.extra_args],
        "username": options.index_username or None,
        "password": options.index_password or None,
    }


def _source(source: Source, mode: str) -> dict[str, Any]:
    return {
        "kind": source.kind,
        "url": source.url or None,
        "branch": source.branch or None,
        "commit": source.commit or None,
        "path": source.path,
        "target": source.target or None,
        "source_files": mode,
        "place": place(source.span),
    }


def _build(node: Node | None) -> dict[str, Any]:
    options = node if isinstance(node, Mapping) else None
    get = options.get if options else lambda _: None
    shm = text(get("shm_size"))
    return {
        "network": text(get("network")) or None,
        "no_cache": flag(get("no_cache")),
        "pull": flag(get("pull")),
        "shm_size": size(shm) if shm else None,
        "cache_from": list(texts(get("cache_from"))),
        "cache_to": list(texts(get("cache_to"))),
        "options": {entry.name: plain(entry.value) for entry in entries(get("options"))},
    }
