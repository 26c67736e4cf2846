"""How an image runs: `user`, `workdir`, `entrypoint`, `cmd`, `labels` and the like, after everything else."""

from __future__ import annotations

from collections.abc import Callable

from imgc.diagnostics import Diagnostic, Edit, Fix, Severity, Span
from imgc.diagnostics.near import near
from imgc.document.nodes import Mapping, Node, Scalar, Sequence
from imgc.instructions.quoting import argv_problem, flag_problem, label_key_problem, line_problem
from imgc.instructions.types import Cmd, Entrypoint, Expose, Healthcheck, Label, Shell, StopSignal, User
from imgc.layers.env import emit_env, read_variables
from imgc.layers.kind import Kind, Layer, Reading, Written
from imgc.layers.recipe import Recipe
from imgc.layers.users import USER, ensure_user, make
from imgc.layers.workdir import set_workdir, workdir_of
from imgc.model.pipeline import text as text_of
from imgc.model.units import seconds
from imgc.patterns import lazy
from imgc.records import dataclass

__all__ = ["KIND", "emit_running", "ensure_user"]

Report = Callable[[Diagnostic], None]

_LARGEST_ID = 2**32 - 2
_PORT = lazy(r"([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/(tcp|udp|sctp))?")
_SIMPLE = lazy(r"[0-9]+(?:\.[0-9]+)?[smh]")
_SHORTEST = 0.001
"""Seconds: Docker takes no healthcheck time below a millisecond, except zero, which is its default."""
_LONGEST = 2**63 / 1e9
_SIGNALS = (
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
    "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
    "WINCH", "IO", "POLL", "PWR", "SYS", "RTMIN", "RTMAX", "IOT", "CLD", "UNUSED",
)  # fmt: skip
_REAL_TIME = lazy(r"RTMIN\+([1-9]|1[0-5])|RTMAX-([1-9]|1[0-4])")


@dataclass(frozen=True, slots=True)
class UserLayer:
    """`user` as an item of `layers`: of the commands from here on, and of the image unless it says more."""

    key: str
    span: Span
    user: str

    def emit(self, recipe: Recipe) -> None:
        recipe.runs_as = make(recipe, self.user, self.key, self.span)
        if recipe.user != recipe.runs_as:
            recipe.add(User(recipe.runs_as), self.key, self.span)


def read(written: Written, reading: Reading) -> Layer | None:
    user = user_of(written.node, reading.report)
    return UserLayer(written.key, written.span, user) if user else None


KIND = Kind(("user",), 17, read)


def emit_running(recipe: Recipe, keys: Mapping) -> None:
    """Adds what the keys of an image say of how it runs; reports at its value what cannot be done."""
    _place(recipe, keys)
    if (entry := keys.entry("runtime_env")) is not None:
        emit_env(recipe, read_variables(entry.value, recipe.report), "runtime_env", entry.key.span)
    for key, emit in _METADATA.items():
        if (entry := keys.entry(key)) is not None:
            emit(recipe, entry.value, entry.key.span)


def _place(recipe: Recipe, keys: Mapping) -> None:
    """WORKDIR and USER. The last user is never root by accident: without `user` it is the base's own."""
    if (entry := keys.entry("workdir")) is not None and (reason := line_problem(text_of(entry.value))):
        code = "newline-in-value" if "\n" in text_of(entry.value) else "unwritable-value"
        message = f"the workdir {reason.replace('line break', 'newline')}"
        recipe.report(Diagnostic(code, Severity.ERROR, message, entry.value.span))
    elif entry is not None and (path := workdir_of(recipe, entry.value)):
        set_workdir(recipe, path, "workdir", entry.key.span)
    entry = keys.entry("user")
    user = user_of(entry.value, recipe.report) if entry is not None else ""
    if entry is None or not user:
        recipe.become("")
        return
    recipe.owner = recipe.owner or user
    recipe.owner_span = recipe.owner_span or entry.value.span
    ensure_user(recipe, recipe.workdir)
    if recipe.user != recipe.owner:
        recipe.add(User(recipe.owner), "user", entry.key.span)


def user_of(node: Node, report: Report) -> str:
    """The user that a value names; "" after reporting what is wrong with it (or when the schema has)."""
    if not isinstance(node, Scalar) or isinstance(node.value, (bool, float)) or node.value is None:
        return ""
    user = node.text if isinstance(node.value, str) else str(node.value)
    if not USER.fullmatch(user):
        return ""
    for part in user.split(":"):
        if part.isdigit() and int(part) > _LARGEST_ID:
            message = f"{part} is no id: the largest is {_LARGEST_ID}"
            report(Diagnostic("bad-user", Severity.ERROR, message, node.span))
            return ""
    if reason := flag_problem(user):
        report(Diagnostic("bad-user", Severity.ERROR, f"the user {reason}", node.span))
        return ""
    return user


# Metadata


def _expose(recipe: Recipe, node: Node, span: Span) -> None:
    ports: dict[str, None] = {}
    for item in node if isinstance(node, Sequence) else ():
        if not isinstance(item, Scalar) or not (found := _PORT.fullmatch(str(item.value))):
            continue
        first, last = int(found[1]), int(found[2] or found[1])
        if not 1 <= first <= 65535 or not 1 <= last <= 65535:
            _error(recipe, "bad-port", "a port is a number from 1 to 65535", item)
        elif last < first:
            _error(recipe, "bad-port", f"the range {first}-{last} is backwards", item)
        else:
            ports[found[0]] = None
    if ports:
        recipe.add(Expose(tuple(ports)), "expose", span)


def _stop_signal(recipe: Recipe, node: Node, span: Span) -> None:
    if not isinstance(node, Scalar) or isinstance(node.value, (bool, float)) or node.value is None:
        return
    signal = str(node.value)
    name = signal.removeprefix("SIG")
    if signal.isdigit():
        if not 1 <= int(signal) <= 64:
            _error(recipe, "bad-signal", "signals have the numbers 1 to 64", node)
            return
    elif name not in _SIGNALS and not _REAL_TIME.fullmatch(name):
        close = [f"SIG{other}" for other in near(name, _SIGNALS, 1)]
        fixes = tuple(Fix(f"replace with '{other}'", (Edit(node.span, other),)) for other in close)
        label = f"did you mean '{close[0]}'?" if close else ""
        recipe.report(
            Diagnostic("bad-signal", Severity.ERROR, f"'{signal}' is no signal", node.span, label, fixes)
        )
        return
    recipe.add(StopSignal(signal), "stop_signal", span)


def _healthcheck(recipe: Recipe, node: Node, span: Span) -> None:
    if not isinstance(node, Mapping) or not (command := _argv(recipe, node.get("cmd"))):
        return
    options: list[tuple[str, str]] = []
    for key in ("interval", "timeout", "start_period"):
        value = node.get(key)
        if isinstance(value, Scalar) and (duration := _duration(recipe, value)):
            options.append((key.replace("_", "-"), duration))
    retries = node.get("retries")
    if isinstance(retries, Scalar) and isinstance(retries.value, int) and not isinstance(retries.value, bool):
        if 1 <= retries.value < 2**31:
            options.append(("retries", str(retries.value)))
        elif retries.value > 0:
            _error(recipe, "bad-retries", "that many retries are never reached", retries)
    recipe.add(Healthcheck(command, tuple(options)), "healthcheck", span)


def _duration(recipe: Recipe, node: Scalar) -> str:
    """A duration as all readers of Dockerfiles take it: one number with s, m or h (hadolint knows no other
    form, and BuildKit no micro sign)."""
    try:
        value = seconds(node.text)
    except ValueError:
        return ""
    if 0 < value < _SHORTEST:
        _error(recipe, "bad-duration", "Docker takes no time below one millisecond here", node)
    elif value >= _LONGEST:
        _error(recipe, "bad-duration", "the time is longer than Docker can count", node)
    elif _SIMPLE.fullmatch(node.text):
        return node.text
    else:
        return f"{value:.9f}".rstrip("0").rstrip(".") + "s"
    return ""


def _entrypoint(recipe: Recipe, node: Node, span: Span) -> None:
    if (argv := _argv(recipe, node)) is not None:
        recipe.add(Entrypoint(argv), "entrypoint", span)


def _cmd(recipe: Recipe, node: Node, span: Span) -> None:
    if (argv := _argv(recipe, node)) is not None:
        recipe.add(Cmd(argv), "cmd", span)


def _shell(recipe: Recipe, node: Node, span: Span) -> None:
    if argv := _argv(recipe, node):
        recipe.add(Shell(argv), "shell", span)


def _argv(recipe: Recipe, node: Node | None) -> tuple[str, ...] | None:
    """The words of an argument list, numbers and booleans as written; None after reporting what cannot be.
    An empty list is one: it takes away what the base has."""
    if not isinstance(node, Sequence):
        return None
    items = [item for item in node if isinstance(item, Scalar) and item.value is not None]
    if len(items) != len(node.items):
        return None
    for item in items:
        if reason := argv_problem((item.text,)):
            _error(recipe, "unwritable-value", f"the argument {reason}", item)
            return None
    if items and not items[0].text:
        _error(recipe, "empty-command", "the first word names a program, and is empty", items[0])
        return None
    argv = tuple(item.text for item in items)
    if argv and (reason := argv_problem(argv)):
        recipe.report(Diagnostic("unwritable-value", Severity.ERROR, f"the list {reason}", node.span))
        return None
    return argv


def _labels(recipe: Recipe, node: Node, span: Span) -> None:
    labels: list[tuple[str, str]] = []
    for entry in node if isinstance(node, Mapping) else ():
        scalar = entry.value
        if not isinstance(scalar, Scalar) or scalar.value is None:
            continue
        if reason := label_key_problem(entry.name):
            recipe.report(
                Diagnostic("bad-label", Severity.ERROR, f"the name of the label {reason}", entry.key.span)
            )
        elif "\n" in scalar.text:
            message = "a newline cannot be part of a label's value: a Dockerfile has no way to write it"
            _error(recipe, "newline-in-value", message, scalar)
        elif reason := line_problem(scalar.text):
            _error(recipe, "unwritable-value", f"the value {reason}", scalar)
        else:
            labels.append((entry.name, scalar.text))
    if labels:
        recipe.add(Label(tuple(sorted(labels))), "labels", span)


def _error(recipe: Recipe, code: str, message: str, node: Scalar) -> None:
    recipe.report(Diagnostic(code, Severity.ERROR, message, node.span))


_METADATA: dict[str, Callable[[Recipe, Node, Span], None]] = {
    "expose": _expose,
    "stop_signal": _stop_signal,
    "healthcheck": _healthcheck,
    "shell": _shell,
    "entrypoint": _entrypoint,
    "cmd": _cmd,
    "labels": _labels,
}
"""In the order in which they are written; labels change most often, so they come last."""
