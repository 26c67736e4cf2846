"""Nodes of Conducto as nodes of the pipeline file."""

from __future__ import annotations

import re
import shlex
from inspect import cleandoc

from imgc.importing.conducto.callbacks import callback
from imgc.importing.conducto.image import Images
from imgc.importing.conducto.tree import Node
from imgc.importing.draft import Block
from imgc.importing.python.arguments import (
    MISSING,
    Arguments,
    Importing,
    Unclear,
    callable_at,
    command,
    json_value,
    said,
    why_not,
)
from imgc.importing.python.flow import child_name, put_child, settings_last
from imgc.importing.python.values import Call, Event, Function, Member, Symbol, Value

_HOURS = {"d": 24, "w": 7 * 24, "mm": 30 * 24, "y": 365 * 24}
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|mm|s|m|h|d|w|y)")
_QUIET = frozenset({"pretty", "serialize", "stream", "describe", "check_images", "id", "user_set", "set"})
_NOTEBOOK = "conducto-notebook"


class Writing:
    def __init__(self, importing: Importing, images: Images) -> None:
        self.importing = importing
        self.images = images
        self.label = ""

    def node(self, node: Node, block: Block, name: str = "") -> None:
        given = Arguments(self.importing, node.call, block)
        inner = given.take("params")
        if isinstance(inner, dict):
            given.values |= {key: value for key, value in inner.items() if isinstance(key, str)}
        for event in node.extra:
            if event.kind == "attribute":
                given.values[event.key], given.lines[event.key] = event.value, event.line
            elif event.target.function.name == "set":
                given.values |= event.target.named
                given.lines |= dict.fromkeys(event.target.named, event.line)
        function = node.call.args[0] if node.call.args else given.peek("command")
        own = _parameters(function)
        for_function = {key: given.values.pop(key) for key in list(given.values) if key in own}
        self._settings(given)
        if node.kind in ("Serial", "Parallel"):
            given.rest({}, "it is no parameter of a Conducto node that is known here")
            self._children(node, block)
        else:
            self.label = f"`{name}`" if name else "the pipeline"
            self._leaf(node, function, given, for_function, block)
        for event in node.extra:
            if event.kind == "call":
                self._asked(event, block)
        settings_last(block)

    def _children(self, node: Node, block: Block) -> None:
        group = block.block(
            "serial" if node.kind == "Serial" else "parallel", self.importing.span(node.call.line)
        )
        group.inline = False
        for name, child in node.children.items():
            inner = Block()
            self.node(child, inner, name)
            put_child(group, child_name(name, group), inner, self.importing.span(child.call.line))
        for event in node.unclear:
            self.importing.lost(group, f"the node `{said(event.key)}`", _unclear(event), event.line)

    def _settings(self, given: Arguments) -> None:
        block = given.block
        given.take("name")
        line, image = given.at("image"), given.take("image")
        if image is not MISSING:
            self.images.of_node(image, block, line)
        name = given.text("image_name")
        if name is not None:
            given.set("image", self.images.by_name(name), "image_name")
        given.set("env", given.pairs("env") or None, "env")
        given.set("cpu", given.number("cpu"), "cpu")
        given.set("mem", memory(given.number("mem")), "mem")
        gpu = given.number("gpu")
        given.set("gpu", int(gpu) if gpu else None, "gpu")
        for name in ("requires_docker", "suppress_errors", "skip"):
            given.set(name, given.flag(name) or None, name)
        if given.flag("stop_on_error") is False:
            given.set("stop_on_error", False, "stop_on_error")
        _max_time(given)
        most = given.number("max_concurrent")
        given.set("max_concurrent", most, "max_concurrent")
        _docker_run_args(given)
        _reuse(given)
        given.set("title", given.text("title"), "title")
        doc = given.text("doc")
        given.set("doc", cleandoc(doc) if doc else None, "doc")
        given.set("tags", given.texts("tags"), "tags")

    def _leaf(
        self, node: Node, function: Value, given: Arguments, named: dict[str, Value], block: Block
    ) -> None:
        given.take("command")
        at = self.importing.span(node.call.line)
        words = node.call.args[1:]
        for number in range(len(node.call.args)):
            given.take(f"argument {number + 1}")
        if node.kind == "Notebook":
            named |= {key: given.values.pop(key) for key in list(given.values)}
            self._notebook(function, named, node, block)
            return
        if node.kind in ("Lazy", "lazy_py"):
            self._lazy(function, node, block)
        elif isinstance(function, (Function, Symbol)):
            named |= {key: given.values.pop(key) for key in list(given.values)}
            self._call(function, words, named, node, block)
        else:
            try:
                block.set("run", _shell_text(command(function)), at)
            except Unclear as error:
                self.importing.lost(block, f"the command of {self.label}", str(error), node.call.line)
        given.rest({}, "it is no parameter of a Conducto node that is known here")

    def _call(
        self, function: Value, words: list[Value], named: dict[str, Value], node: Node, block: Block
    ) -> None:
        line = node.call.line
        file, name = callable_at(function, self.importing.source)
        if not file or (isinstance(function, Function) and function.decorators):
            why = "`call` needs a function of a file beside the pipeline file, not in another function"
            self.importing.lost(block, f"the function `{said(function)}`", why, line)
            return
        call = block.block("call", self.importing.span(line))
        call.inline = True
        call.set("file", file, self.importing.span(line))
        call.set("function", name, self.importing.span(line))
        if named or not isinstance(function, Function):
            names = [one.arg for one in function.node.args.args] if isinstance(function, Function) else []
            named = dict(zip(names, words, strict=False)) | named
            words = words[len(names) :]
        if words and not named:
            self._listed(words, call, line)
        elif named:
            arguments = call.block("args", self.importing.span(line))
            arguments.inline = True
            for key, value in named.items():
                try:
                    arguments.set(
                        key, json_value(value), self.importing.span(node.call.places.get(key, line))
                    )
                except Unclear as error:
                    self.importing.lost(block, f"the argument `{key}`", str(error), line)

    def _listed(self, words: list[Value], call: Block, line: int) -> None:
        try:
            call.set("args", [json_value(one) for one in words], self.importing.span(line))
        except Unclear as error:
            self.importing.lost(call, "the arguments", str(error), line)

    def _lazy(self, function: Value, node: Node, block: Block) -> None:
        line = node.call.line
        if isinstance(function, str):
            why = "what it prints has to be a part of a pipeline file, such as `serial: {a: echo a}`"
            block.set("lazy", function, self.importing.span(line))
            block.remark(why)
            self.importing.made.warn(
                f"the lazy command prints nodes of Conducto: {why}", self.importing.span(line)
            )
        else:
            why = (
                "`lazy` takes a command that prints a part of a pipeline file, such as `serial: {a: echo a}`"
            )
            self.importing.lost(block, f"the nodes that `{said(function)}` makes", why, line)

    def _notebook(self, path: Value, named: dict[str, Value], node: Node, block: Block) -> None:
        try:
            words = [_NOTEBOOK, *map(str, [command(path)])]
            for key, value in named.items():
                words += ["-p", key, str(json_value(value))]
        except Unclear as error:
            self.importing.lost(block, f"the notebook of {self.label}", str(error), node.call.line)
            return
        block.set("run", [command(word) for word in words], self.importing.span(node.call.line))
        block.remark("conducto-notebook is of Conducto; papermill runs notebooks too")

    def _asked(self, event: Event, block: Block) -> None:
        """A method of a node: what it does on an event, or nothing that counts here."""
        method = event.target.function
        assert isinstance(method, Member)
        if method.name in _QUIET:
            return
        if not method.name.startswith("on_"):
            self.importing.lost(
                block, f"`.{method.name}(…)`", "nodes here have nothing of that kind", event.line
            )
        for value in (
            [*event.target.args, *event.target.named.values()] if method.name.startswith("on_") else []
        ):
            callback(self.importing, method.name, value, block, event.line)


def _shell_text(text: str) -> str:
    """Without the empty lines around it, which say nothing to a shell."""
    lines = text.split("\n")
    while len(lines) > 1 and not lines[0].strip():
        del lines[0]
    while len(lines) > 1 and not lines[-1].strip() and not lines[-2].endswith("\\"):
        del lines[-1]
    return type(text)("\n".join(lines))


def _parameters(function: Value) -> set[str]:
    if not isinstance(function, Function):
        return set()
    spec = function.node.args
    return {one.arg for one in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)}


def _unclear(event: Event) -> str:
    if not isinstance(event.key, str):
        return f"its name is not known: {why_not(event.key, 'a name')}"
    if not isinstance(event.value, Call):
        return why_not(event.value, "a node")
    return "its parent is not there, its name is taken, or it is a child of another node already"


def memory(gigabytes: int | float | None) -> str | None:
    if gigabytes is None or not 0 < gigabytes < 1 << 40:
        return None
    return f"{int(gigabytes)}Gi" if gigabytes == int(gigabytes) else f"{int(gigabytes * 1024)}Mi"


def _max_time(given: Arguments) -> None:
    value = given.take("max_time")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        given.set("max_time", f"{value}s", "max_time")
    elif isinstance(value, str):
        parts = [(found[1], found[2]) for found in _TIME.finditer(value)]
        if "".join(number + unit for number, unit in parts) != value.replace(" ", "") or not parts:
            given.lost("max_time", f"`{value}` is no time that is known here")
            return
        given.set("max_time", "".join(_duration(*part) for part in parts), "max_time")
    elif value is not MISSING:
        given.lost("max_time", why_not(value, "a time"))


def _duration(number: str, unit: str) -> str:
    return f"{float(number) * _HOURS[unit]:g}h" if unit in _HOURS else f"{number}{unit}"


def _docker_run_args(given: Arguments) -> None:
    if isinstance(given.peek("docker_run_args"), str):
        try:
            given.values["docker_run_args"] = shlex.split(given.peek("docker_run_args"))
        except ValueError as error:
            given.take("docker_run_args")
            given.lost("docker_run_args", f"it cannot be split into words: {error}")
    given.set("docker_run_args", given.texts("docker_run_args"), "docker_run_args")


def _reuse(given: Arguments) -> None:
    for name in ("container_reuse_context", "same_container"):
        value = given.take(name)
        word = value.name.rsplit(".", 1)[-1].lower() if isinstance(value, Symbol) else value
        if word in ("new", "global"):
            given.set("container_reuse", word, name)
        elif word not in ("inherit", "same_container") and value is not MISSING:
            given.lost(name, why_not(value, "NEW or GLOBAL"))
