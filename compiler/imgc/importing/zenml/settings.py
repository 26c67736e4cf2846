"""The settings of pipelines and steps: of their decorators, of `with_options` and of `configure`."""

from __future__ import annotations

from imgc.importing.draft import Block
from imgc.importing.python.arguments import Arguments, Importing, why_not
from imgc.importing.python.statements import Program
from imgc.importing.python.values import Call, Function, Member, Symbol, Value, calls_between
from imgc.records import dataclass, field


@dataclass(slots=True, eq=False)
class Settings:
    """What holds for a pipeline or a step: settings of Docker, in the order in which the later win, the last
    settings of resources, and what else its decorator says."""

    arguments: Arguments
    docker: list[Call] = field(default_factory=list)
    resources: list[Call] = field(default_factory=list)


def decorated(function: Function, kind: str) -> Value:
    """The decorator that makes a function a step or a pipeline; None without one."""
    for one in function.decorators:
        symbol = one.function if isinstance(one, Call) else one
        if (
            isinstance(symbol, Symbol)
            and symbol.name.startswith("zenml.")
            and symbol.name.endswith(f".{kind}")
        ):
            return one
    return None


def settings_of(
    importing: Importing, function: Value, kind: str, called: Call | None, followed: Program, block: Block
) -> Settings:
    """Of a function: what its decorator says, then `configure`, then what stands at the call."""
    decorator = decorated(function, kind) if isinstance(function, Function) else None
    calls = [decorator] if isinstance(decorator, Call) else []
    for event in followed.events:
        if event.kind == "call" and isinstance(event.target.function, Member):
            member = event.target.function
            if member.of is function and member.name == "configure":
                calls.append(event.target)
    calls += reversed(calls_between(called))
    merged = Call(Symbol(f"zenml.{kind}"), [], {}, called.line if called else _line(function), "")
    settings = Settings(Arguments(importing, merged, block))
    for call in calls:
        for key, value in call.named.items():
            if key == "settings":
                _take(settings, value, call, block, importing)
            else:
                settings.arguments.values[key] = value
                settings.arguments.lines[key] = call.places.get(key, call.line)
    return settings


def _line(function: Value) -> int:
    return function.line if isinstance(function, Function) else 1


def called_function(value: Value) -> Value:
    """The function of the file that a call calls: `f(…)`, `f.with_options(…)(…)`."""
    while isinstance(value, (Call, Member)):
        if isinstance(value, Member) and value.name not in ("with_options", "entrypoint"):
            return None
        value = value.function if isinstance(value, Call) else value.of
    return value if isinstance(value, (Function, Symbol)) else None


def _take(settings: Settings, value: Value, call: Call, block: Block, importing: Importing) -> None:
    line = call.places.get("settings", call.line)
    if not isinstance(value, dict):
        importing.lost(block, "`settings`", why_not(value, "a mapping"), line)
        return
    for key, inner in value.items():
        name = (
            key.name.rsplit(".", 1)[-1].removesuffix("_SETTINGS_KEY").lower()
            if isinstance(key, Symbol)
            else key
        )
        into = {"docker": settings.docker, "resources": settings.resources}.get(str(name))
        if into is None:
            importing.lost(block, f"the settings `{name}`", "they are of another service", line)
        elif isinstance(inner, dict):
            named = {str(one): what for one, what in inner.items() if isinstance(one, str)}
            into.append(Call(Symbol(f"zenml.{name}"), [], named, line, ""))
        elif isinstance(inner, Call):
            into.append(inner)
        else:
            importing.lost(block, f"the settings `{name}`", why_not(inner, "DockerSettings"), line)


def merged(calls: list[Call]) -> Call:
    """Settings as ZenML merges them: mappings by key, of everything else the last."""
    if len(calls) == 1:
        return calls[0]
    named: dict[str, Value] = {}
    places: dict[str, int] = {}
    for call in calls:
        for key, value in call.named.items():
            before = named.get(key)
            named[key] = before | value if isinstance(before, dict) and isinstance(value, dict) else value
            places[key] = call.places.get(key, call.line)
    last = calls[-1]
    return Call(last.function, [], named, last.line, last.text, None, places)
