"""The instructions of one image while its layers write them, and what is known at that point."""

from __future__ import annotations

from collections.abc import Callable

from imgc.diagnostics import Diagnostic, Severity, Span
from imgc.instructions.types import Copy, From, Instruction, Mount, Run, Stage, Step, User, Workdir
from imgc.layers.facts import BaseFacts
from imgc.lock.lock import LockedEnvironment
from imgc.lock.lookups import Lookup
from imgc.model.image import PipOptions, SecretUse
from imgc.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Source:
    """Code from elsewhere: `kind` repo (the repository of the pipeline file), git or s3. `path` is where it
    is put, relative to the pipeline's directory. `commit` is known once locked. `target` is where in the container
    it goes when that starts."""

    kind: str
    url: str
    branch: str
    path: str
    span: Span
    commit: str = ""
    target: str = ""


_IDS = {"root": "0", "mambauser": "57439:57439", "jovyan": "1000:100"}
"""Ids of the users that well-known bases run as."""


def same_user(first: str, second: str) -> bool:
    """Whether two names or ids are the same user: `root`, `0` and `0:0` are."""
    return first == second or all(user in ("root", "0", "0:0", "root:root") for user in (first, second))


@dataclass(slots=True)
class Recipe:
    """One image being written: `steps` of its final stage and `helpers`, throw-away stages before it.

    Paths in COPY sources and bind mounts are relative to the pipeline's directory (POSIX, perhaps
    with a leading `../`); they are moved to the build context when the image is finished.
    `workdir` and `user` are those in force at this point; workdir is "" where only the base knows it.
    `owner` is the `user` key of the image, for --chown of copied code ("" when there is none).
    """

    name: str
    base: str
    facts: BaseFacts
    report: Callable[[Diagnostic], None]
    workdir: str = ""
    user: str = "root"
    owner: str = ""
    shell: tuple[str, ...] = ("/bin/sh", "-ec")
    steps: list[Step] = field(default_factory=list)
    helpers: list[Stage] = field(default_factory=list)
    code_dir: str = "/app"
    """Where code goes: the image's `workdir`, else /app."""
    auto_workdir: bool = True
    sources: list[Source] = field(default_factory=list)
    """Code that `imgc build` fetches into the build context before it builds."""
    path_map: dict[str, str] = field(default_factory=dict)
    """Local path (relative to the pipeline's directory) -> path in the image, of everything copied."""
    env: dict[str, str] = field(default_factory=dict)
    """Variables that imgc itself or the user's `env` has set so far, by name."""
    pip: PipOptions = field(default_factory=PipOptions)
    """`pip` of the image itself: what throw-away stages of its tools are installed with."""
    secrets: tuple[SecretUse, ...] = ()
    """`secrets` of the image itself."""
    ssh: tuple[str, ...] = ()
    """`ssh` of the image: the agents that its commands get."""
    owner_span: Span | None = None
    """Where `user` is written."""
    runs_as: str = ""
    """The user of the commands from here on, where a `user` step (or the parent image) says so; else the base's."""
    lock: LockedEnvironment | None = None
    """The local environment of `replicate_local_environment` in imgc.lock; None when it has none for this image."""
    downloadable: bool = False
    """Whether imgc.lock holds a commit of the file's repository that is clean and pushed."""
    lookups: list[Lookup] = field(default_factory=list)
    """What only `imgc lock` can find out about this image."""
    notes: dict[str, object] = field(default_factory=dict)
    """What kinds of layers keep for each other (e.g. that the virtual environment is made), by kind."""

    def add(self, instruction: Instruction, key: str, span: Span | None, note: str = "") -> None:
        if isinstance(instruction, Workdir):
            self.workdir = instruction.path
        elif isinstance(instruction, User):
            self.user = instruction.name
        self.steps.append(Step(instruction, key, span, note))

    def run(
        self,
        clauses: tuple[str, ...],
        key: str,
        span: Span | None,
        mounts: tuple[Mount, ...] = (),
        note: str = "",
    ) -> None:
        """A generated RUN as root (see `become`)."""
        self.become("root")
        if self.facts.shell is False:
            self.error(
                "base-without-shell",
                f"the base '{self.base}' has no shell, so nothing can be run in it",
                span,
            )
            return
        self.add(Run(clauses, mounts), key, span, note)

    def become(self, user: str) -> None:
        """Makes `user` the one in force; "" means the one that commands run as: the base's own, unless a
        `user` step says otherwise."""
        user = user or self.runs_as or self.facts.user
        if not same_user(user, self.user):
            self.add(User(self.number(user)), "user", None)

    def number(self, user: str) -> str:
        """A user by its ids where they are known, which an orchestrator can tell from root."""
        return (_IDS | dict(self.facts.users or ())).get(user, user)

    def stage(self, name: str, steps: tuple[Step, ...]) -> None:
        """Adds a throw-away stage before the image's own; the same name twice is one stage."""
        if all(stage.name != name for stage in self.helpers):
            start = Step(From(self.base, name), steps[0].key, steps[0].span, steps[0].note)
            self.helpers.append(Stage(name, (start, *steps)))

    def copy(self, sources: tuple[str, ...], destination: str, key: str, span: Span | None) -> None:
        self.add(Copy(sources, destination, chown=self.owner), key, span)

    def error(
        self, code: str, message: str, span: Span | None, severity: Severity = Severity.ERROR, label: str = ""
    ) -> None:
        if span is not None:
            self.report(Diagnostic(code, severity, message, span, label))
