"""A Conducto pipeline: `co.Exec`, `co.Serial`, `co.Parallel` and `co.Image` of a Python file."""

from __future__ import annotations

import ast

from imgc.importing.conducto.image import Images
from imgc.importing.conducto.tree import KINDS, Node, Tree
from imgc.importing.conducto.writing import Writing
from imgc.importing.draft import Draft
from imgc.importing.names import pipeline_name
from imgc.importing.python.arguments import Importing
from imgc.importing.python.expressions import TooMuch
from imgc.importing.python.program import program, too_much
from imgc.importing.python.statements import Program
from imgc.importing.python.values import Call, Event, Function, Symbol, Value
from imgc.importing.source import Source

_KNOWN = frozenset({"Image", "main", *KINDS})
_PARTS = ("conducto.callback.", "conducto.util.")


def draft(source: Source) -> Draft:
    made = Draft()
    importing = Importing(source, made)
    followed = program(source)
    try:
        root = _root(followed, importing)
    except TooMuch as error:
        raise too_much(source, error) from None
    tree = Tree(followed.events)
    images = Images(importing, followed, tree.registered())
    start = tree.find(root) if root is not None else next(iter(tree.roots()), None)
    made.head.set("name", pipeline_name(importing.stem))
    if start is not None:
        Writing(importing, images).node(start, made.pipeline)
        _others(tree, start, importing)
    images.rest()
    _unknown_calls(followed, importing)
    for one in followed.skipped:
        importing.lost(made.pipeline, one.what, one.why, one.line)
    if start is None and not images.named:
        made.pipeline.remark(
            "no pipeline of Conducto was found: no function returns a Serial, Parallel or Exec"
        )
    return made


def _root(followed: Program, importing: Importing) -> Call | None:
    """The node that the file's main function makes."""
    names = followed.module.names.values()
    functions = [one for one in names if isinstance(one, Function) and not one.module.at]
    mains = [
        one.target for one in followed.events
        if one.kind == "call" and _is(one.target, "main") and isinstance(one.target, Call)
    ]  # fmt: skip
    default = mains[-1].named.get("default", next(iter(mains[-1].args), None)) if mains else None
    makers = [one for one in functions if _makes_nodes(one, followed)]
    chosen = default if isinstance(default, Function) else min(makers, key=_asked, default=None)
    if isinstance(default, Call) and default.name.startswith("conducto."):
        return default
    if chosen is None:
        return None
    before = len(followed.events)
    made = followed.run(chosen)
    helpers = followed.ran | {id(one) for event in followed.events for one in _handed(event)}
    for other in makers:
        if other is not chosen and id(other) not in helpers:
            why = f"one file is one pipeline, and that is {chosen.name} here"
            importing.lost(importing.made.pipeline, f"the pipeline `{other.name}`", why, other.line)
    if isinstance(made, Call):
        return made
    nodes = [one.target for one in followed.events[before:] if one.kind == "call" and _is_node(one.target)]
    return nodes[0] if nodes else None


def _handed(event: Event) -> list[Value]:
    """The arguments of a call."""
    return [*event.target.args, *event.target.named.values()] if event.kind == "call" else []


def _asked(function: Function) -> int:
    """How many arguments a function has to be given."""
    spec = function.node.args
    return len(spec.posonlyargs) + len(spec.args) - len(spec.defaults)


def _makes_nodes(function: Function, followed: Program) -> bool:
    """Whether the function is annotated as one that makes nodes, as Conducto wants it."""
    returns = function.node.returns
    if returns is None:
        return False
    if isinstance(returns, ast.Constant) and isinstance(returns.value, str):
        return returns.value.rsplit(".", 1)[-1] in ("Serial", "Parallel", "Exec", "Node", "Lazy")
    value = followed.value(returns, function.scope)
    return isinstance(value, Symbol) and value.name.startswith("conducto.")


def _unknown_calls(followed: Program, importing: Importing) -> None:
    """What else the file asks of Conducto."""
    for event in followed.events:
        name = event.target.name if event.kind == "call" else ""
        last = name.rsplit(".", 1)[-1]
        if name.startswith("conducto.") and last not in _KNOWN and not name.startswith(_PARTS):
            importing.lost(
                importing.made.pipeline, f"`{event.target.text}`", "imgc has nothing of that kind", event.line
            )


def _is(value: object, name: str) -> bool:
    return isinstance(value, Call) and value.name.startswith("conducto.") and value.name.endswith(f".{name}")


def _is_node(value: object) -> bool:
    return any(_is(value, name) for name in ("Serial", "Parallel", "Exec", "Lazy"))


def _others(tree: Tree, start: Node, importing: Importing) -> None:
    """What is made and belongs to no other node."""
    for other in tree.roots():
        if other is not start and (other.children or other.kind == "Exec"):
            why = "it is in no other node, and not the pipeline of the file"
            importing.lost(importing.made.pipeline, f"`{other.call.text}`", why, other.call.line)
