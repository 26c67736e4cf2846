"""The steps that a pipeline calls, with what comes before each."""

from __future__ import annotations

from collections.abc import Container, Iterator

from imgc.importing.draft import Block
from imgc.importing.python.arguments import (
    MISSING,
    Arguments,
    Importing,
    Unclear,
    callable_at,
    json_value,
    said,
)
from imgc.importing.python.flow import Step
from imgc.importing.python.statements import Program
from imgc.importing.python.values import Call, Event, Function, Member, Part, Symbol, Value
from imgc.importing.zenml.images import Images
from imgc.importing.zenml.settings import Settings, decorated, merged, settings_of

_NOTES = {
    "enable_cache": "what a step has done is done again in every run here",
    "enable_artifact_metadata": "there is no artifact store here",
    "output_materializers": "there is no artifact store here; the step writes its files itself",
    "step_operator": "it names a service of the stack; `imgc run --engine` says where all steps run",
    "experiment_tracker": "it names a service of the stack; the step logs to it itself",
    "on_failure": "add a node with `when: on_failure` behind it",
    "on_success": "add a node with `when: on_success` behind it",
}
_OTHERWISE = "imgc has nothing of that kind"
_LARGEST, _DEEPEST = 50, 4
_QUIET = (
    "builtins.",
    "logging.",
    "logger.",
    "os.",
    "typing.",
    "datetime.",
    "time.",
    "zenml.logger.",
    "zenml.client.",
)
"""Calls that only say something, or give a value, which is said where that is used."""


class Steps:
    def __init__(self, importing: Importing, followed: Program, images: Images, pipeline: Settings) -> None:
        self.importing = importing
        self.followed = followed
        self.images = images
        self.pipeline = pipeline
        self.steps: list[Step] = []
        self.by_call: dict[int, Step] = {}

    def take(self, event: Event) -> None:
        """One thing that the body of the pipeline does."""
        call = event.target
        if event.kind != "call":
            return
        if isinstance(call.function, Member) and call.function.name == "after":
            self._after(call.function.of, call.args)
            return
        function = _function(call)
        if isinstance(function, Function) and decorated(function, "step"):
            self._step(function, function.name, call)
        elif isinstance(function, Symbol) and callable_at(function, self.importing.source)[0]:
            self._step(function, function.name.rsplit(".", 1)[-1], call)
        elif (
            function is not None
            and isinstance(call.function, (Symbol, Function))
            and not call.name.startswith(_QUIET)
        ):
            why = "it is no step, and what it does cannot be known without running it"
            self.importing.lost(self.importing.made.pipeline, f"`{call.text}`", why, call.line)

    def _step(self, function: Value, name: str, call: Call) -> None:
        block = Block()
        settings = settings_of(self.importing, function, "step", call, self.followed, block)
        given = settings.arguments
        own = given.text("name") or name
        own = _text_of(call.named.get("id")) or own
        step = Step(self._name(own.replace("/", "-").strip() or name), block, self.importing.span(call.line))
        self._call(function, call, step)
        self.images.of_step(settings, step.name, block)
        self._settings(settings, given)
        self.steps.append(step)
        self.by_call[id(call)] = step

    def _name(self, name: str) -> str:
        """As ZenML names a step that is called again: load, load_2."""
        taken, number, found = {one.name for one in self.steps}, 2, name
        while found in taken:
            number, found = number + 1, f"{name}_{number}"
        return found

    def _call(self, function: Value, call: Call, step: Step) -> None:
        file, name = callable_at(function, self.importing.source)
        if not file:
            why = "`call` needs a function of a file beside the pipeline file, not in another function"
            self.importing.lost(step.block, f"the step `{said(function)}`", why, call.line)
            return
        written = step.block.block("call", step.at)
        written.inline = True
        written.set("file", file, step.at)
        written.set("function", name, step.at)
        names = [one.arg for one in function.node.args.args] if isinstance(function, Function) else []
        arguments: dict[str, Value] = {
            names[number] if number < len(names) else f"argument {number + 1}": value
            for number, value in enumerate(call.args)
        }
        arguments |= {key: value for key, value in call.named.items() if key not in ("after", "id")}
        self._after_all(step, call.named.get("after"))
        for key, value in arguments.items():
            self._argument(key, value, call, step, written)

    def _argument(self, key: str, value: Value, call: Call, step: Step, written: Block) -> None:
        line = call.places.get(key, call.line)
        before = self._steps_in(value)
        if before:
            step.needs += [one.name for one in before]
            whose = " and ".join(dict.fromkeys(one.name for one in before))
            why = f"it is what {whose} returns: let that write a file that this reads (docs/howto/data.md)"
            self.importing.lost(step.block, f"the argument `{key}` of {step.name}", why, line)
            return
        if value is None:
            return
        try:
            arguments = written.block("args", self.importing.span(line))
            arguments.inline = True
            arguments.set(key, json_value(value), self.importing.span(line))
        except Unclear as error:
            self.importing.lost(step.block, f"the argument `{key}` of {step.name}", str(error), line)

    def _steps_in(self, value: Value) -> list[Step]:
        return [self.by_call[id(one)] for one in calls_in(value, self.by_call) if id(one) in self.by_call]

    def _after_all(self, step: Step, value: Value) -> None:
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(one, str):
                step.needs += [other.name for other in self.steps if other.name == one]
            step.needs += [other.name for other in self._steps_in(one)]

    def _after(self, of: Value, values: list[Value]) -> None:
        for step in self._steps_in(of):
            self._after_all(step, values)

    def _settings(self, settings: Settings, given: Arguments) -> None:
        if settings.resources or self.pipeline.resources:
            resources(
                Arguments(
                    self.importing, merged([*self.pipeline.resources, *settings.resources]), given.block
                )
            )
        retry = given.take("retry")
        if isinstance(retry, Call):
            _retry(Arguments(self.importing, retry, given.block), given)
        elif retry is not MISSING:
            given.lost("retry", "it is no StepRetryConfig that is known")
        if given.peek("enable_cache") is False:
            given.take("enable_cache")
        given.rest(_NOTES, _OTHERWISE)


def _receiver(call: Call) -> list[Value]:
    return [call.function.of] if isinstance(call.function, Member) else []


def _text_of(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _function(call: Call) -> Value:
    value: Value = call
    while isinstance(value, (Call, Member)):
        if isinstance(value, Member) and value.name not in ("with_options", "entrypoint"):
            return None
        if isinstance(value, Call) and isinstance(value.function, Member) and value is call:
            return None  # f.with_options(…) alone, or a method of a result
        value = value.function if isinstance(value, Call) else value.of
    return value


def calls_in(value: Value, ends: Container[int], depth: int = 0) -> Iterator[Call]:
    """The calls whose results a value may have in it; those with an id in `ends` are not looked into."""
    if depth > _DEEPEST:
        return
    if isinstance(value, Call):
        yield value
        inner = [] if id(value) in ends else [*value.args, *value.named.values(), *_receiver(value)]
    elif isinstance(value, (Part, Member)):
        inner = [value.of]
    elif isinstance(value, (list, tuple)):
        inner = list(value[:_LARGEST])
    else:
        inner = list(value.values())[:_LARGEST] if isinstance(value, dict) else []
    for one in inner:
        yield from calls_in(one, ends, depth + 1)


def resources(given: Arguments) -> None:
    """ResourceSettings."""
    given.set("cpu", given.number("cpu_count"), "cpu_count")
    gpu = given.number("gpu_count")
    given.set("gpu", int(gpu) if gpu else None, "gpu_count")
    given.set("mem", given.text("memory"), "memory")
    given.rest({}, _OTHERWISE)


def _retry(given: Arguments, step: Arguments) -> None:
    most = given.number("max_retries")
    if not isinstance(most, int) or most < 0:
        step.lost("retry", "`max_retries` is no number that is known")
        return
    retry = given.block.block("retry", given.importing.span(given.line))
    retry.inline = True
    retry.set("attempts", most + 1)
    delay = given.number("delay")
    if delay:
        retry.set("backoff", f"{delay:g}s")
    if given.peek("backoff") in (None, 0, 1):
        given.take("backoff")
    given.rest({"backoff": "the time between attempts is always the same here"}, _OTHERWISE)
