"""The steps that a pipeline calls, with what comes before each."""

from __future__ import annotations

from imgc.importing.draft import Block
from imgc.importing.python.arguments import MISSING, Arguments, Importing
from imgc.importing.python.flow import Step
from imgc.importing.python.statements import Program
from imgc.importing.python.steps import Steps
from imgc.importing.python.values import Call, Event, Function, Member, Symbol, Value
from imgc.importing.zenml.images import Images
from imgc.importing.zenml.settings import Settings, called_function, decorated, merged, settings_of

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


class ZenSteps(Steps):
    def __init__(self, importing: Importing, followed: Program, images: Images, pipeline: Settings) -> None:
        super().__init__(importing)
        self.followed = followed
        self.images = images
        self.pipeline = pipeline

    def take(self, event: Event) -> None:
        """One thing that the body of the pipeline does."""
        call = event.target
        if event.kind != "call":
            return
        if isinstance(call.function, Member) and call.function.name == "after":
            for step in self.steps_in(call.function.of):
                self._after(step, call.args)
            return
        function = _function(call)
        if isinstance(function, Function) and decorated(function, "step"):
            self._step(function, function.name, call)
        elif isinstance(call.function, (Symbol, Function)) and not call.name.startswith(_QUIET):
            why = "it is no step, and what it does cannot be known without running it"
            self.importing.lost(self.importing.made.pipeline, f"`{call.text}`", why, call.line)

    def _step(self, function: Value, name: str, call: Call) -> None:
        block = Block()
        settings = settings_of(self.importing, function, "step", call, self.followed, block)
        given = settings.arguments
        own = call.named.get("id")
        step = self.begin(own if isinstance(own, str) else given.text("name") or name, block, call)
        given.take("name")
        self._after(step, call.named.get("after"))
        self.call(step, function, call, ("after", "id"))
        self.images.of_step(settings, step.name, block)
        self._settings(settings, given)
        self.add(step, call)

    def _after(self, step: Step, value: Value) -> None:
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(one, str):
                step.needs += [other.name for other in self.steps if other.name == one]
            step.needs += [other.name for other in self.steps_in(one)]

    def _settings(self, settings: Settings, given: Arguments) -> None:
        if settings.resources or self.pipeline.resources:
            whole = merged([*self.pipeline.resources, *settings.resources])
            _resources(Arguments(self.importing, whole, given.block))
        retry = given.take("retry")
        if isinstance(retry, Call):
            _retry(Arguments(self.importing, retry, given.block), given)
        elif retry is not MISSING:
            given.lost("retry", "it is no StepRetryConfig that is known")
        if given.peek("enable_cache") is False:
            given.take("enable_cache")
        given.rest(_NOTES, _OTHERWISE)


def _function(call: Call) -> Value:
    """What a call calls: the function itself, or one `with_options`."""
    if isinstance(call.function, Member) and call.function.name != "entrypoint":
        return None  # f.with_options(…) alone, or a method of a result
    return called_function(call)


def _resources(given: Arguments) -> None:
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
