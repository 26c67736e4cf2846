"""`conda`: packages by the tool that the base has (micromamba or conda), in its base environment."""

from __future__ import annotations

from imgc.diagnostics import Span
from imgc.document.nodes import Mapping, Node, Scalar, Sequence
from imgc.instructions.quoting import line_problem, words
from imgc.instructions.types import Env, Mount
from imgc.layers.kind import Kind, Reading, Written
from imgc.layers.python.installer import PIP_CACHE, Settings
from imgc.layers.python.mounts import cache, secrets
from imgc.layers.python.options import pip_arguments
from imgc.layers.python.requirements import read_specs
from imgc.layers.python.specs import Spec
from imgc.layers.recipe import Recipe
from imgc.model.pipeline import items
from imgc.records import dataclass

PREFIX = "/opt/conda"
"""Where the images of micromamba, Miniconda, Miniforge and Anaconda have their base environment."""

CACHE = "/root/.cache/conda"
DEFAULT_CHANNELS = ("conda-forge",)
BASES = ("mambaorg/micromamba", "condaforge/miniforge3", "continuumio/miniconda3")


@dataclass(frozen=True, slots=True)
class Conda:
    """Packages in conda's own syntax, channels (the first wins), and what pip installs on top."""

    settings: Settings
    packages: tuple[str, ...]
    channels: tuple[str, ...]
    pip: tuple[Spec, ...]

    @property
    def key(self) -> str:
        return self.settings.key

    @property
    def span(self) -> Span:
        return self.settings.span

    @property
    def specs(self) -> tuple[Spec, ...]:
        return self.pip

    def emit(self, recipe: Recipe) -> None:
        facts = recipe.facts
        if facts.conda is None and (facts.distro or facts.python is not None):
            recipe.error(
                "no-conda",
                f"'{recipe.base}' has neither micromamba nor conda",
                self.span,
                label=f"bases with one of them: {', '.join(BASES)}",
            )
            return
        packages = self.packages
        if self.pip and not any(package.split("=")[0].strip("<>! ") == "pip" for package in packages):
            packages = (*packages, "pip")  # and with it Python, as `conda env create` has it
        if packages:
            self._install(recipe, packages)
        if self.pip:
            self._pip(recipe)

    def _install(self, recipe: Recipe, packages: tuple[str, ...]) -> None:
        channels = tuple(word for channel in self.channels for word in ("-c", channel))
        arguments = words("-y", "-n", "base", "--override-channels", *channels, *sorted(set(packages)))
        build_secrets = secrets(self.settings.secrets)
        variables = " ".join((*build_secrets.assignments, f"CONDA_PKGS_DIRS={CACHE}"))
        mounts = (_locked(CACHE), *build_secrets.mounts)
        if recipe.facts.conda:
            clause = f"{variables} {recipe.facts.conda} install {arguments}"
            note = ""
        else:
            tool = '"$(command -v micromamba || command -v mamba || command -v conda)"'
            clause = f"{variables} {tool} install {arguments}"
            note = "which of them this base has is unknown"
        recipe.run((clause,), self.key, self.span, mounts, note)
        if f"{PREFIX}/bin" not in recipe.env.get("PATH", "") and recipe.facts.conda != "conda":
            recipe.add(Env((("PATH", f"{PREFIX}/bin:${{PATH}}"),), expand=True), self.key, self.span)
            recipe.env["PATH"] = f"{PREFIX}/bin:{recipe.env.get('PATH', '${PATH}')}"

    def _pip(self, recipe: Recipe) -> None:
        """By the environment's own pip: it knows what conda has installed."""
        options = self.settings.pip
        arguments = pip_arguments(options)
        build_secrets = secrets((*arguments.secrets, *options.secrets, *self.settings.secrets))
        specs = tuple(dict.fromkeys(spec.text for spec in self.pip))
        text = " ".join(
            (
                *build_secrets.assignments,
                *arguments.assignments,
                f"PIP_CACHE_DIR={PIP_CACHE} {PREFIX}/bin/python -m pip install",
                words(*arguments.words, *(options.extra_args if options.installer != "uv" else ()), *specs),
            )
        )
        recipe.run((text,), self.key, self.span, (cache(PIP_CACHE), *build_secrets.mounts))


def read_conda(written: Written, reading: Reading) -> Conda | None:
    node = written.node
    if not isinstance(node, Mapping):
        return None
    pip = node.get("pip")
    specs = read_specs(pip, reading) if isinstance(pip, Sequence) else ()
    if any(spec.local for spec in specs):
        local = next(spec for spec in specs if spec.local)
        reading.error(
            "local-in-conda",
            "a local package cannot be listed here; install it with 'local_project_install'",
            local.span,
        )
        return None
    packages = _read_words(node.get("packages"), reading, "package")
    channels = _read_words(node.get("channels"), reading, "channel")
    return Conda(Settings.of(written), packages, channels or DEFAULT_CHANNELS, specs)


def _read_words(node: Node | None, reading: Reading, what: str) -> tuple[str, ...]:
    found: list[str] = []
    for item in items(node):
        if not isinstance(item, Scalar):
            continue
        text = item.text.strip()
        if text.startswith("-"):
            reading.error("option-in-packages", f"'{text}' is an option and no {what}", item.span)
        elif "://" in text and "@" in text.split("://", 1)[1].split("/", 1)[0]:
            reading.error(
                "credentials-in-url",
                f"this {what} holds credentials; mount a secret as ~/.condarc instead",
                item.span,
            )
        elif reason := line_problem(text):
            reading.error(f"bad-{what}", f"the {what} {reason}", item.span)
        elif text:
            found.append(text)
    return tuple(dict.fromkeys(found))


def _locked(target: str) -> Mount:
    """A cache that one build at a time writes to."""
    return Mount("cache", (("target", target), ("sharing", "locked")))


KINDS = (Kind(("conda",), 9, read_conda),)
