"""The instructions of a Dockerfile as steps, in its order: each a key of an image with its value."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Sequence

from imgc.diagnostics import Span
from imgc.dockerfile.userfile import Instruction, UserFile
from imgc.importing.dockerfile.copies import Copies
from imgc.importing.dockerfile.installs import Install, installs, why_not
from imgc.importing.dockerfile.runs import mounts_of, script_of
from imgc.importing.dockerfile.words import Unsayable, listed, one_line, pairs, text, value
from imgc.importing.draft import Given
from imgc.importing.names import secret_name
from imgc.importing.source import Source
from imgc.layers.bases import facts_of
from imgc.layers.env import names_in
from imgc.layers.python.environment import kind_of
from imgc.records import dataclass, field

SHELL = ("/bin/sh", "-c")
_OTHER_PYTHON = re.compile(r"PIP_|UV_|CONDA|VIRTUAL_ENV\Z|PYTHONUSERBASE\Z")
_HARMLESS = {
    "PIP_DEFAULT_TIMEOUT", "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_NO_CACHE_DIR", "PIP_NO_COLOR", "PIP_NO_INPUT",
    "PIP_PROGRESS_BAR", "PIP_ROOT_USER_ACTION",
}  # fmt: skip
"""Variables that say where pip installs to or from, and those of that name which do not."""
_OTHER_INSTALLS = re.compile(r"venv|virtualenv|conda|pyenv|pip3? config|pip\.conf")
"""Commands behind which `pip` may be another one."""
_LEFT_OUT = "imgc leaves out .git, .env, virtual environments, node_modules and caches; ! in a .dockerignore brings them back"


@dataclass(slots=True)
class Step:
    """A key with what it is given: items of a list, variables, or a path. `relative`: where it ends up depends
    on the workdir. `pip` and `secrets` go with it. `remarks` are comments above its items, by their numbers."""

    key: str
    value: Given
    span: Span
    note: str = ""
    relative: bool = False
    pip: dict[str, Given] = field(default_factory=dict)
    secrets: tuple[Given, ...] = ()
    remarks: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class Translation:
    """`meta` are the keys of how the image runs, which have no order: each with its value, place and comment."""

    steps: list[Step] = field(default_factory=list)
    meta: dict[str, tuple[Given, Span, str]] = field(default_factory=dict)
    secrets: dict[str, Span] = field(default_factory=dict)
    lost: list[tuple[str, str, Span]] = field(default_factory=list)
    copies_folders: bool = False


def translate(file: UserFile, stages: Sequence[int], base: str, source: Source) -> Translation:
    """The steps of stages that begin from each other, the first from the base; Kept with the first reason why there
    are none."""
    return _Translator(file, stages, base, source).made()


class Kept(Unsayable):
    """Unsayable, with the instruction that is to blame."""

    def __init__(self, reason: str, span: Span) -> None:
        super().__init__(reason)
        self.span = span


class _Translator:
    def __init__(self, file: UserFile, stages: Sequence[int], base: str, source: Source) -> None:
        self.file = file
        self.stages = stages
        self.cmd_of = -1
        self.known: dict[str, str] = {}  # variables whose values do not depend on the base
        self.source = source
        self.result = Translation()
        self.copies = Copies(source)
        self.user = False
        self.ran = False
        facts = facts_of(base)
        # Where the distribution's Python is the only one, or pip is not root, packages go to different places.
        self.python = kind_of(facts) != "venv" and facts.user in ("root", "0")
        self.span = source.start
        self.comment = ""

    def made(self) -> Translation:
        for instruction in self.file.instructions:
            if instruction.stage not in self.stages or instruction.keyword == "FROM":
                continue
            self.span = self.source.span(instruction.line, instruction.end_line)
            self.comment = comment_above(instruction.line, self.source)
            read = _READERS.get(instruction.keyword)
            try:
                if read is None:
                    raise Unsayable(f"{instruction.keyword} has no key")
                read(self, instruction)
            except Unsayable as reason:
                raise Kept(str(reason), self.span) from None
        return self.result

    def step(self, key: str, given: Given, **more: object) -> None:
        remarks = {0: self.comment} if self.comment else {}
        self.result.steps.append(Step(key, given, self.span, remarks=remarks, **more))  # type: ignore[arg-type]
        self.comment = ""

    def meta(self, key: str, given: Given) -> None:
        before = self.result.meta[key][2] if key in self.result.meta else ""
        self.result.meta[key] = (given, self.span, "\n".join(filter(None, (before, self.comment))))
        self.comment = ""

    # What changes the image

    def env(self, instruction: Instruction) -> None:
        new: dict[str, str | None] = {}
        for word_of_name, word in pairs(instruction, self.file.escape):
            name, given = text(word_of_name, self.file.escape), value(word, self.file.escape)
            if names_in(given) & new.keys():
                # In one ENV a variable is what it was before it; in a map of `env` it is what the map says.
                raise Unsayable(f"ENV that sets a variable and uses the one from before it for {name}")
            if _OTHER_PYTHON.match(name) and name not in _HARMLESS:
                self.python = False
            self.step("env", {name: given})
            try:
                new[name] = text(word, self.file.escape, self.known)
            except Unsayable:
                new[name] = None
        for name, known in new.items():
            self.known.pop(name, None)
            if known is not None:
                self.known[name] = known

    def workdir(self, instruction: Instruction) -> None:
        path = text(instruction.arguments, self.file.escape, self.known)
        self.copies.workdir = posixpath.normpath(posixpath.join(self.copies.workdir, path))
        self.step("workdir", path)

    def use_user(self, instruction: Instruction) -> None:
        self.user = True
        self.step("user", text(instruction.arguments, self.file.escape, self.known))

    def copy(self, instruction: Instruction) -> None:
        if instruction.heredocs:
            raise Unsayable(f"{instruction.keyword} of a here-document")
        chown = ""
        for flag in instruction.flags:
            name, _, given = flag.partition("=")
            if name == "--chown" and "$" not in given:
                chown = given
            elif name != "--link":
                raise Unsayable(f"{instruction.keyword} {flag}")
        words = listed(instruction, self.file.escape, self.known)
        if len(words) < 2:
            raise Unsayable(f"{instruction.keyword} without a destination")
        for item in self.copies.items(words[:-1], words[-1], instruction.keyword == "ADD"):
            copied: dict[str, Given] = {
                "src": item.src[0] if len(item.src) == 1 else list(item.src),
                "dst": item.dst,
            }
            if item.folder and not self.result.copies_folders:
                self.result.copies_folders = True
                self.comment = "\n".join(filter(None, (self.comment, _LEFT_OUT)))
            if item.folder and item.src != (".",):
                copied["contents_only"] = True
            if chown:
                copied["chown"] = chown
            self.step("copy", copied, note=item.note, relative=not item.dst.startswith("/"))

    def run(self, instruction: Instruction) -> None:
        mounts = mounts_of(instruction)
        if mounts.ssh:
            self.meta("ssh", [mounts.ssh])
        secrets = tuple(map(self._secret, mounts.secrets))
        script = script_of(instruction, self.source)
        found = None if secrets or self.user or "shell" in self.result.meta else installs(script)
        if found is not None and all(map(self._can, found)):
            for one in found:
                self._install(one)
            return
        if mounts.cached:
            raise Unsayable("RUN --mount=type=cache of what is no key that installs")
        self.ran = True
        if _OTHER_INSTALLS.search(script):
            self.python = False
        self.step("commands", [one_line(script)], secrets=secrets, note=why_not(script))

    def _can(self, one: Install) -> bool:
        if one.key in ("pip_packages", "requirements"):
            return self.python and all(self.copies.local(path) for path in one.files)
        return True

    def _install(self, one: Install) -> None:
        items = list(one.items) or [self.source.local(self.copies.local(path) or path) for path in one.files]
        self.step(one.key, items, pip=dict(one.pip))

    def _secret(self, options: dict[str, str]) -> Given:
        target = options.get("target") or options.get("dst") or options.get("destination") or ""
        name = secret_name(options.get("id") or posixpath.basename(target))
        if not set(options) <= {"id", "target", "dst", "destination", "env", "required"}:
            raise Unsayable("RUN --mount=type=secret with an owner or a mode")
        self.result.secrets.setdefault(name, self.span)
        required = options.get("required", "false") in ("", "true", "1")
        use: dict[str, Given] = {"secret": name, "required": required}
        if options.get("env"):
            use["env"] = options["env"]
        elif target:
            use["target"] = posixpath.join(self.copies.workdir, target)
        return use

    # How it runs

    def labels(self, instruction: Instruction) -> None:
        labels = dict(self.result.meta["labels"][0]) if "labels" in self.result.meta else {}  # type: ignore[arg-type]
        for name, word in pairs(instruction, self.file.escape):
            labels[text(name, self.file.escape)] = text(word, self.file.escape, self.known)
        self.meta("labels", labels)

    def expose(self, instruction: Instruction) -> None:
        there = self.result.meta["expose"][0] if "expose" in self.result.meta else []
        ports = [*there, *listed(instruction, self.file.escape, self.known)]  # type: ignore[misc]
        self.meta(
            "expose", [int(port) if isinstance(port, str) and port.isdigit() else port for port in ports]
        )

    def healthcheck(self, instruction: Instruction) -> None:
        keyword, _, rest = instruction.arguments.partition(" ")
        if keyword.upper() != "CMD":
            raise Unsayable(f"HEALTHCHECK {keyword} has no key")
        health: dict[str, Given] = {"cmd": _argv(rest.strip(), self._shell())}
        for flag in instruction.flags:
            name, _, given = flag.removeprefix("--").partition("=")
            if name not in ("interval", "timeout", "start-period", "retries"):
                raise Unsayable(f"HEALTHCHECK {flag}")
            health[name.replace("-", "_")] = int(given) if given.isdigit() else given
        self.meta("healthcheck", health)

    def stop_signal(self, instruction: Instruction) -> None:
        self.meta("stop_signal", text(instruction.arguments, self.file.escape))

    def shell(self, instruction: Instruction) -> None:
        if self.ran or not instruction.is_json or len(self.stages) > 1:
            raise Unsayable("SHELL between commands, or in one of several stages")
        self.meta("shell", json.loads(instruction.arguments))

    def started(self, instruction: Instruction) -> None:
        if instruction.keyword == "CMD":
            self.cmd_of = instruction.stage
        elif self.cmd_of != instruction.stage:
            self.result.meta.pop("cmd", None)  # an ENTRYPOINT takes away the CMD of the stage below
        self.meta(instruction.keyword.lower(), _argv(instruction.arguments, self._shell()))

    def argument(self, instruction: Instruction) -> None:
        if not instruction.arguments.startswith("DEBIAN_FRONTEND="):
            raise Unsayable(f"ARG {instruction.arguments}: the steps of an image have no build arguments")

    def maintainer(self, instruction: Instruction) -> None:
        self.result.lost.append(
            (f"MAINTAINER {instruction.arguments}", "images have labels for that", self.span)
        )

    def _shell(self) -> tuple[str, ...]:
        shell = self.result.meta.get("shell")
        return tuple(shell[0]) if shell else SHELL  # type: ignore[arg-type]


def comment_above(line: int, source: Source) -> str:
    """The comment that ends right above a line, without its signs."""
    found: list[str] = []
    for text_above in reversed(source.lines[: line - 1]):
        bare = text_above.strip()
        if not bare.startswith("#") or re.match(r"#\s*(syntax|escape|check)\s*=", bare):
            break
        found.insert(0, bare[1:].removeprefix(" "))
    return "\n".join(found)


def _argv(arguments: str, shell: tuple[str, ...]) -> list[Given]:
    if arguments.startswith("["):
        try:
            words = json.loads(arguments)
        except (ValueError, RecursionError):
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return words
    return [*shell, arguments]


_READERS: dict[str, Callable[[_Translator, Instruction], None]] = {
    "ADD": _Translator.copy,
    "ARG": _Translator.argument,
    "CMD": _Translator.started,
    "COPY": _Translator.copy,
    "ENTRYPOINT": _Translator.started,
    "ENV": _Translator.env,
    "EXPOSE": _Translator.expose,
    "HEALTHCHECK": _Translator.healthcheck,
    "LABEL": _Translator.labels,
    "MAINTAINER": _Translator.maintainer,
    "RUN": _Translator.run,
    "SHELL": _Translator.shell,
    "STOPSIGNAL": _Translator.stop_signal,
    "USER": _Translator.use_user,
    "WORKDIR": _Translator.workdir,
}
