"""The command line of one image's build, and what of the image no such command line can say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from imgc.records import dataclass, replace
from imgc_engine.build.program import Program
from imgc_engine.connection import Facts
from imgc_engine.failures import Refusal
from imgc_engine.plan import Image

CONTENT_LABEL = "dev.imgc.content"

OWN_OPTIONS = frozenset({
    "tag", "file", "iidfile", "metadata-file", "output", "load", "push", "progress", "quiet", "builder",
    "target", "platform", "secret", "ssh", "build-arg", "no-cache", "pull", "network", "shm-size",
    "cache-from", "cache-to", "call", "check", "print",
})  # fmt: skip
"""Options that imgc gives itself: most have a key of their own in the YAML."""

IGNORED_OPTIONS = frozenset({
    "memory", "memory-swap", "cpu-period", "cpu-quota", "cpu-shares", "cpuset-cpus", "cpuset-mems",
    "isolation", "compress", "rm", "force-rm", "squash", "security-opt",
})  # fmt: skip
"""Options of the builder before BuildKit, which takes them without a word and does nothing."""

PLAIN_OPTIONS = frozenset({"add-host", "label", "disable-content-trust"})
"""What is left of the options without buildx."""


@dataclass(frozen=True, slots=True)
class Flags:
    """What the user asks of this one build, beside what the file says."""

    no_cache: bool = False
    push: bool = False
    platforms: tuple[str, ...] = ()
    builder: str | None = None

    def of(self, image: Image) -> Flags:
        """With the image's own settings."""
        return replace(
            self,
            no_cache=self.no_cache or image.build.no_cache,
            platforms=self.platforms or image.platforms,
        )


def has_content_tag(image: Image) -> bool:
    """Whether the reference can only ever name this content."""
    return image.content is not None and image.content.removeprefix("sha256:").startswith(image.tag)


def command(
    image: Image,
    program: Program,
    flags: Flags,
    *,
    dockerfile: Path,
    context: Path | str,
    secrets: Iterable[str],
) -> list[str]:
    """The argv. `secrets` are values of `--secret`; they name files or variables, never hold a value."""
    settings, flags = image.build, flags.of(image)
    argv = [str(program.path), *(["buildx"] if program.buildx else []), "build"]
    argv += [f"--progress={'rawjson' if program.rawjson else 'plain'}", f"--file={dockerfile}"]
    argv += [f"--tag={image.reference}"]
    if program.buildx:
        argv += ["--push" if pushes_itself(flags) else "--load"]
        argv += [f"--builder={flags.builder}"] if flags.builder else []
        argv += [f"--cache-to={target}" for target in settings.cache_to]
    elif settings.cache_to:
        argv += ["--build-arg=BUILDKIT_INLINE_CACHE=1"]
    argv += [f"--cache-from={_cache_source(source, program)}" for source in settings.cache_from]
    argv += [f"--platform={','.join(flags.platforms)}"] if flags.platforms else []
    argv += [f"--build-arg={name}={value}" for name, value in image.args.items()]
    argv += [f"--secret={secret}" for secret in secrets]
    argv += [f"--ssh={agent}" for agent in image.ssh]
    argv += [f"--target={image.target}"] if image.target else []
    argv += [f"--network={settings.network}"] if settings.network else []
    argv += [f"--shm-size={settings.shm_size}"] if settings.shm_size else []
    argv += ["--no-cache"] if flags.no_cache else []
    argv += ["--pull"] if settings.pull and not image.after else []  # images of the plan are only here
    argv += [] if has_content_tag(image) else [f"--label={CONTENT_LABEL}={image.content}"]
    argv += [option for name, value in settings.options.items() for option in _option(name, value)]
    return [*argv, str(context)]


def pushes_itself(flags: Flags) -> bool:
    """A builder sends several platforms straight to the registry: the engine may not hold them."""
    return flags.push and flags.builder is not None and len(flags.platforms) > 1


def refusals(image: Image, program: Program, facts: Facts, flags: Flags) -> Iterator[Refusal]:
    """Every setting of the image that this build would not honour."""
    flags = flags.of(image)
    for problem in _problems(image, program, facts, flags):
        yield Refusal(image.source, problem)


def _problems(image: Image, program: Program, facts: Facts, flags: Flags) -> Iterator[str]:
    old = "Docker without buildx"
    for name in image.build.options:
        if name in OWN_OPTIONS:
            yield f"The build option {name!r} is given by imgc itself and cannot be set in build.options."
        elif name in IGNORED_OPTIONS:
            yield f"BuildKit ignores the build option {name!r}: leave it out."
        elif program.buildx is None and name not in PLAIN_OPTIONS:
            yield f"{old} does not know the build option {name!r}."
    if flags.builder and program.buildx is None:
        yield f"{old} has no builders to choose from: install buildx, or leave out --builder."
    if flags.builder and image.after:
        parents = " and ".join(image.after)
        yield f"It starts from {parents}, which is only on this engine, not on {flags.builder}."
    if len(flags.platforms) > 1:
        yield from _several_platforms(program, facts, flags)
    if program.buildx is not None:
        return
    if image.build.shm_size:
        yield f"{old} ignores build.shm_size: install buildx."
    if image.build.network not in (None, "default", "none", "host"):
        yield f"BuildKit knows no network {image.build.network!r}; there are default, none and host."
    if [target for target in image.build.cache_to if target not in ("inline", "type=inline")]:
        yield f"{old} keeps a cache only in the image: write cache_to: [type=inline], or install buildx."
    for source in image.build.cache_from:
        if _fields(source).get("type", "registry") != "registry" or "ref" not in _fields(source):
            yield f"{old} takes a cache only from an image, not from {source!r}: install buildx."


def _several_platforms(program: Program, facts: Facts, flags: Flags) -> Iterator[str]:
    several = " and ".join(flags.platforms)
    if program.buildx is None:
        yield f"Docker {facts.version} without buildx builds for one platform at a time, not for {several}."
    elif not facts.containerd_images and not pushes_itself(flags):
        yield (
            f"This engine's image store holds one platform of an image, not {several}: turn on Docker's "
            "containerd image store, or build with --builder NAME and --push."
        )


def _cache_source(source: str, program: Program) -> str:
    return source if program.buildx else _fields(source)["ref"]


def _fields(source: str) -> dict[str, str]:
    """`type=registry,ref=X`, or X alone."""
    if "=" not in source:
        return {"ref": source}
    return dict(field.partition("=")[::2] for field in source.split(","))


def _option(name: str, value: object) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _option(name, item)
    elif value is True:
        yield f"--{name}"
    elif value is False:
        yield f"--{name}=false"
    else:
        yield f"--{name}={value}"
