"""Calls of functions that run in containers of their own, as `call` nodes with what comes before each."""

from __future__ import annotations

from collections.abc import Container, Iterator

from imgc.importing.draft import Block
from imgc.importing.python.arguments import Importing, Unclear, callable_at, json_value, said
from imgc.importing.python.flow import Step
from imgc.importing.python.values import Call, Function, Member, Part, Value

_LARGEST, _DEEPEST = 50, 4


class Steps:
    """The steps so far. A value that a step returns is known by the call that makes it."""

    returns = "it is a result of {}: let that write a file that this reads (docs/howto/data.md)"

    def __init__(self, importing: Importing) -> None:
        self.importing = importing
        self.steps: list[Step] = []
        self.by_call: dict[int, Step] = {}
        self.calls: list[Call] = []
        """The calls of the steps: they are told apart by their ids, so none may be let go."""

    def begin(self, name: str, block: Block, call: Call) -> Step:
        """A step of this name; of those with the same name, the later ones are name_2, name_3, …"""
        taken, number = {one.name for one in self.steps}, 2
        wanted = found = name.replace("/", "-").strip() or "step"
        while found in taken:
            number, found = number + 1, f"{wanted}_{number}"
        return Step(found, block, self.importing.span(call.line))

    def add(self, step: Step, call: Call) -> None:
        self.steps.append(step)
        self.calls.append(call)
        self.by_call[id(call)] = step

    def call(self, step: Step, function: Value, call: Call, options: Container[str] = ()) -> None:
        """Writes `call` with the arguments that are known; `options` are none of the function's."""
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
        arguments |= {key: value for key, value in call.named.items() if key not in options}
        for key, value in arguments.items():
            self._argument(key, value, call, step, written)

    def _argument(self, key: str, value: Value, call: Call, step: Step, written: Block) -> None:
        line = call.places.get(key, call.line)
        before = self.steps_in(value)
        if before:
            step.needs += [one.name for one in before]
            whose = " and ".join(dict.fromkeys(one.name for one in before))
            why = self.returns.format(whose)
            self.importing.lost(step.block, f"the argument `{key}` of {step.name}", why, line)
            return
        if value is None:
            return
        try:
            found = json_value(value)
        except Unclear as error:
            self.importing.lost(step.block, f"the argument `{key}` of {step.name}", str(error), line)
            return
        arguments = written.block("args", self.importing.span(line))
        arguments.inline = True
        arguments.set(key, found, self.importing.span(line))

    def steps_in(self, value: Value) -> list[Step]:
        """The steps whose results a value may have in it."""
        return [self.by_call[id(one)] for one in _calls_in(value, self.by_call) if id(one) in self.by_call]


def _calls_in(value: Value, ends: Container[int], depth: int = 0) -> Iterator[Call]:
    """The calls whose results a value may have in it; those with an id in `ends` are not looked into."""
    if depth > _DEEPEST:
        return
    inner: list[Value] = []
    if isinstance(value, Call):
        yield value
        if id(value) not in ends:
            receiver = [value.function.of] if isinstance(value.function, Member) else []
            inner = [*value.args, *value.named.values(), *receiver]
    elif isinstance(value, (Part, Member)):
        inner = [value.of]
    elif isinstance(value, (list, tuple)):
        inner = list(value[:_LARGEST])
    elif isinstance(value, dict):
        inner = list(value.values())[:_LARGEST]
    for one in inner:
        yield from _calls_in(one, ends, depth + 1)
