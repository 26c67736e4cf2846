"""The tasks that a main task, or a workflow, calls."""

from __future__ import annotations

from imgc.importing.draft import Block
from imgc.importing.flyte.images import Images
from imgc.importing.flyte.settings import environment, merged, node_settings, task
from imgc.importing.python.arguments import Arguments, Importing
from imgc.importing.python.flow import Step
from imgc.importing.python.steps import Steps
from imgc.importing.python.values import Call, Event, Function, Member, Symbol, Value, calls_between

_AT_ONCE = ("asyncio.gather", "flyte.map", "asyncio.create_task", "asyncio.ensure_future")
_QUIET = (
    "builtins.",
    "logging.",
    "os.",
    "typing.",
    "datetime.",
    "time.",
    "asyncio.",
    "flyte.group",
    "flyte.ctx",
    "flyte.init",
)
_OPTIONS = ("override", "with_overrides", "aio", "override_with")


class Tasks(Steps):
    def __init__(self, importing: Importing, images: Images, declares: bool) -> None:
        super().__init__(importing)
        self.declares = declares
        """Whether it is a workflow that calls them, which does nothing else."""
        self.images = images
        self.together: dict[int, int] = {}
        """What calls run at once with: equal for those of one `gather`."""

    def take(self, event: Event) -> None:
        if event.kind == "order":
            for before in self.steps_in(event.target):
                for after in self.steps_in(event.value):
                    after.needs.append(before.name)
            return
        call = event.target
        if event.kind != "call":
            return
        function = called(call)
        if isinstance(function, Function) and is_task(function):
            self._task(function, call)
        elif call.name in _AT_ONCE:
            self._at_once(call)
        elif isinstance(call.function, Member) and call.function.name == "with_overrides":
            self._overridden(call)
        elif (
            self.declares
            and isinstance(call.function, (Symbol, Function))
            and not call.name.startswith(_QUIET)
        ):
            why = "it is no task, and what it does cannot be known without running it"
            self.importing.lost(self.importing.made.pipeline, f"`{call.text}`", why, call.line)

    def _at_once(self, call: Call) -> None:
        if call.name == "flyte.map" and len(call.args) > 1:
            function, items = call.args[0], call.args[1]
            if isinstance(function, Function) and isinstance(items, (list, tuple)):
                for item in items:
                    one = Call(function, [item], {}, call.line, call.text)
                    self.together[id(one)] = id(call)
                    self._task(function, one)
            else:
                why = "its values are not known; a node with `matrix` runs once for each of some values"
                self.importing.lost(self.importing.made.pipeline, f"`{call.text}`", why, call.line)
            return
        group = id(call) if call.name == "asyncio.gather" else -1
        for step in [one for value in call.args for one in self.steps_in(value)]:
            self.together.update((key, group) for key, other in self.by_call.items() if other is step)

    def take_alone(self, function: Function, call: Call | None) -> None:
        """A task that calls no other is the only node."""
        self._task(function, call or Call(function, [], {}, function.line, function.name))

    def _task(self, function: Function, call: Call) -> None:
        block = Block()
        decorator, owner = task(function)
        calls = [
            *(environment(owner) if isinstance(owner, Call) else []),
            *([decorator] if decorator else []),
        ]
        calls += reversed(calls_between(call))
        given = Arguments(self.importing, merged(calls), block)
        own = given.peek("short_name")
        step = self.begin(own if isinstance(own, str) else function.name, block, call)
        self._image(given, owner, step, call)
        self.call(step, function, call)
        node_settings(given)
        self.add(step, call)

    def _image(self, given: Arguments, owner: Value, step: Step, call: Call) -> None:
        key = "container_image" if isinstance(owner, Symbol) else "image"
        value, line = given.peek(key), given.at(key)
        by = (
            given.peek("name")
            if isinstance(owner, Call) and isinstance(given.peek("name"), str)
            else step.name
        )
        module = "flytekit" if isinstance(owner, Symbol) else "flyte"
        name = self.images.use(value, str(by), line if given.has(key) else call.line, module)
        step.block.set("image", name, self.importing.span(line))
        given.take(key)

    def _overridden(self, call: Call) -> None:
        """flytekit's `task(…).with_overrides(…)`: of the result, after the call."""
        assert isinstance(call.function, Member)
        for step in self.steps_in(call.function.of):
            given = Arguments(self.importing, call, step.block)
            name = given.text("node_name")
            if name and name not in {one.name for one in self.steps}:
                step.name = name
            node_settings(given)
            self.by_call[id(call)] = step

    def groups(self) -> list[list[Step]]:
        """The steps in their order; those of one list run at once."""
        found: list[tuple[int, list[Step]]] = []
        keys = {id(step): key for key, step in self.by_call.items()}
        for step in self.steps:
            group = self.together.get(keys[id(step)], 0)
            if group and found and found[-1][0] == group:
                found[-1][1].append(step)
            else:
                found.append((group, [step]))
        return [steps for _, steps in found]


def is_task(function: Function) -> bool:
    return task(function)[1] is not None


def called(call: Call) -> Value:
    """The function that a call calls: `f(…)`, `f.aio(…)`, `f.override(…)(…)`."""
    if isinstance(call.function, Member) and call.function.name != "aio":
        return None  # f.override(…) alone, or a method of a result
    value: Value = call
    while isinstance(value, (Call, Member)):
        if isinstance(value, Member) and value.name not in _OPTIONS:
            return None
        value = value.function if isinstance(value, Call) else value.of
    return value
