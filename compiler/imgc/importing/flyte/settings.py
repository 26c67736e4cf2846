"""What environments and decorators of tasks say, as settings of nodes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from imgc.importing.flyte.secrets import secret_uses
from imgc.importing.python.arguments import MISSING, Arguments, Unclear, number, why_not
from imgc.importing.python.values import Call, Function, Member, Symbol, Value

NOTES = {
    "cache": "what a task has done is done again in every run here",
    "cache_version": "what a task has done is done again in every run here",
    "cache_serialize": "what a task has done is done again in every run here",
    "reusable": "`container_reuse` shares one container among steps",
    "pod_template": "a cluster reads it; a node has `mounts`, `docker_run_args` and the like",
    "interruptible": "it is about machines of a cluster",
    "queue": "it names a queue of a cluster",
    "triggers": "a schedule belongs to what starts `imgc run`: cron, or CI",
    "plugin_config": "it configures a service of the cluster",
    "task_config": "it configures a service of the cluster",
    "report": "`imgc run --report` writes a page about the whole run",
    "limits": "`requests` are what holds here",
}
OTHERWISE = "imgc has nothing of that kind"
_SILENT = (
    "name",
    "image",
    "container_image",
    "depends_on",
    "description",
    "docs",
    "short_name",
    "include",
    "links",
)
_UNITS = {"weeks": 604800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1, "milliseconds": 0.001}
_MILLI = re.compile(r"(\d+)m\Z")


def is_environment(value: Value) -> bool:
    if isinstance(value, Call) and isinstance(value.function, Member) and value.function.name == "clone_with":
        return is_environment(value.function.of)
    return (
        isinstance(value, Call) and value.name.startswith("flyte.") and value.name.endswith("TaskEnvironment")
    )


def environment(value: Value) -> list[Call]:
    """The calls that make an environment: `TaskEnvironment(…)`, then each `clone_with(…)`."""
    calls: list[Call] = []
    while isinstance(value, Call):
        calls.insert(0, value)
        value = value.function.of if isinstance(value.function, Member) else None
    return calls


def task(function: Function) -> tuple[Call | None, Value]:
    """The decorator of a task where it has arguments, and its environment; (None, None) for other functions.

    The environment of flytekit's tasks, which have none, is the Symbol of their decorator.
    """
    for one in function.decorators:
        decorator = one.function if isinstance(one, Call) else one
        call = one if isinstance(one, Call) else None
        if isinstance(decorator, Member) and decorator.name == "task" and is_environment(decorator.of):
            return call, decorator.of
        if (
            isinstance(decorator, Symbol)
            and decorator.name.startswith("flytekit.")
            and decorator.name.endswith(".task")
        ):
            return call, decorator
    return None, None


def merged(calls: Sequence[Call]) -> Call:
    """The arguments of calls in one, the later ones winning."""
    whole = Call(None, [], {}, calls[-1].line if calls else 1, calls[-1].text if calls else "")
    for call in calls:
        named = dict(call.named)
        if call.args:
            named.setdefault("name", call.args[0])
        whole.named |= named
        whole.places |= {key: call.places.get(key, call.line) for key in named}
    return whole


def node_settings(given: Arguments) -> None:
    """Writes what is left of the arguments as settings of a node."""
    for name in _SILENT:
        given.take(name)
    _resources(given)
    pairs = (given.pairs("env_vars") or {}) | (given.pairs("environment") or {})
    if pairs:
        given.set("env", pairs, "env_vars")
    for name in ("secrets", "secret_requests"):
        value = given.take(name)
        if value is not MISSING:
            uses = secret_uses(given, value, given.at(name), mounts=False)
            given.set("secrets", uses or None, name)
    _retries(given)
    _timeout(given)
    for name in ("cache", "interruptible", "report"):
        if given.peek(name) is False or given.peek(name) == "disable":
            given.take(name)
    given.rest(NOTES, OTHERWISE)


def _resources(given: Arguments) -> None:
    for name in ("requests", "resources"):
        value = given.take(name)
        if isinstance(value, Call):
            inner = Arguments(given.importing, value, given.block, ("cpu", "memory", "gpu", "disk", "shm"))
            _one_resource(inner)
            inner.rest({"disk": "a container has what the engine has"}, OTHERWISE)
        elif value is not MISSING:
            given.lost(name, why_not(value, "Resources"))


def _one_resource(given: Arguments) -> None:
    for name in ("cpu", "memory", "mem", "gpu", "shm"):
        value = given.peek(name)
        if isinstance(value, (list, tuple)) and value:
            given.values[name] = value[-1]  # (request, limit)
    try:
        cpu = given.take("cpu")
        if cpu is not MISSING:
            given.set("cpu", _cores(cpu), "cpu")
    except Unclear as error:
        given.lost("cpu", str(error))
    for name in ("memory", "mem"):
        given.set("mem", given.text(name), name)
    _gpu(given)
    if given.peek("shm") == "auto":
        given.take("shm")
    given.set("shm_size", given.text("shm"), "shm")


def _cores(value: Value) -> int | float:
    if not isinstance(value, str):
        return number(value)
    if found := _MILLI.match(value):
        return int(found[1]) / 1000
    try:
        return int(value) if value.isdecimal() else float(value)
    except ValueError:
        raise Unclear(why_not(value, "a number of CPUs")) from None


def _gpu(given: Arguments) -> None:
    value, line = given.take("gpu"), given.at("gpu")
    device = ""
    if isinstance(value, Call):  # GPU("A100", 1)
        words = [*value.args, *value.named.values()]
        device = next((one for one in words if isinstance(one, str)), "")
        value = next((one for one in words if isinstance(one, int)), 1)
    elif isinstance(value, str):  # "1" or "A100:1"
        device, _, count = value.rpartition(":")
        value = int(count) if count.isdecimal() and len(count) < 5 else count
    if isinstance(value, int) and value > 0:
        given.set("gpu", value, "gpu")
    elif value is not MISSING and value != 0:
        given.lost("gpu", why_not(value, "a number of GPUs"))
    if device:
        given.importing.lost(
            given.block, f"the device {device}", "`gpu` counts GPUs, whichever they are", line
        )


def _retries(given: Arguments) -> None:
    value = given.take("retries")
    if isinstance(value, Call):  # RetryStrategy(count=3)
        value = value.args[0] if value.args else value.named.get("count")
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 31:
        given.set("retry", {"attempts": value + 1}, "retries")
    elif value is not MISSING and value != 0:
        given.lost("retries", why_not(value, "a number"))


def _timeout(given: Arguments) -> None:
    value = given.take("timeout")
    if value is MISSING or value == 0:
        return
    try:
        given.set("max_time", f"{_seconds(value):g}s", "timeout")
    except Unclear as error:
        given.lost("timeout", str(error))


def _seconds(value: Value) -> float:
    if isinstance(value, Call) and value.name.endswith(".timedelta"):
        names = ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks")
        fields = {**dict(zip(names, value.args, strict=False)), **value.named}
        return sum(_UNITS.get(key, 0) * number(one) for key, one in fields.items())
    if isinstance(value, Call) and value.name.endswith(".Timeout"):
        inner = value.args[0] if value.args else value.named.get("max_runtime")
        return (
            _seconds(inner)
            if not isinstance(inner, Call) or inner.name.endswith(".timedelta")
            else number(inner)
        )
    return number(value)
