"""A Compose file: services that end are nodes, what is built is an image.

A service that goes on until it is stopped is no step of a pipeline: its node is there, with `skip: true`.
"""

from __future__ import annotations

import re

from imgc.document.nodes import Mapping, Node
from imgc.importing.compose.images import image_of
from imgc.importing.compose.service import Service
from imgc.importing.compose.values import REASONS, ComposeFields, Values
from imgc.importing.draft import Block, Draft, Expression
from imgc.importing.names import pipeline_name, secret_name
from imgc.importing.source import Source, SourceError
from imgc.importing.yaml import documents, lost_item

_PARAM = re.compile(r"\$\{\{ params\.([A-Za-z_][A-Za-z0-9_]*) \}\}")


def draft(source: Source) -> Draft:
    found = documents(source, "Compose")
    if len(found) > 1:
        raise SourceError(found[1].span.head(), "a Compose file holds one document; another begins here")
    services = found[0].get("services")
    if not isinstance(services, Mapping):
        raise SourceError(found[0].span.head(), "this is no Compose file: it has no 'services'")
    made = Draft()
    values = Values(made)
    top = ComposeFields(values, found[0], made.head, REASONS)
    name = top.text("name")
    made.head.set("name", pipeline_name(name or source.folder.absolute().name))
    top.node("version")  # it says nothing to Compose either
    top.node("services")
    _secrets(top, source, made)
    known = [_service(entry.name, entry.value, source, values, made) for entry in services]
    _arrange([service for service in known if service is not None], made)
    top.done()
    _params(values, made)
    return made


def _secrets(top: ComposeFields, source: Source, made: Draft) -> None:
    listed = top.inner("secrets")
    for name in listed.names() if listed else ():
        assert listed is not None
        at = listed.at(name)
        fields = listed.inner(name)
        if fields is None:
            continue
        known = secret_name(name)
        if (file := fields.text("file")) is not None:
            given = {"file": file if file.startswith("~") else source.local(file)}
        elif (variable := fields.text("environment")) is not None:
            given = {"env": variable}
        else:
            given = {"env": "SECRET_" + re.sub(r"[^A-Z0-9]", "_", known.upper())}
            made.warn(
                f"the secret '{name}' is the engine's: 'secrets' names the variable of this machine that holds it",
                at,
            )
            fields.node("external")
        made.head.block("secrets").set(known, given, at)
        fields.done()
    if listed is not None:
        listed.done()


def _service(name: str, node: Node, source: Source, values: Values, made: Draft) -> Service | None:
    """A service read; None after saying why it is none that can be run."""
    if not isinstance(node, Mapping):
        lost_item(made, made.pipeline, f"services.{name}", node, "a service is a mapping")
        return None
    block = Block()
    fields = ComposeFields(values, node, block, REASONS)
    image = image_of(name, fields, source, made)
    return Service(name, fields, block, image, source, made, node.span.head()).read()


def _arrange(services: list[Service], made: Draft) -> None:
    """The tree: one node, a chain, or nodes at once with what each needs."""
    nodes = {service.name: service for service in services}
    for service in services:
        service.settle_needs(nodes)
    order = _in_order(services)
    if len(services) == 1:
        only = services[0].block
        only.items = [*made.pipeline.items, *only.items]
        made.pipeline = only
    elif services and _is_chain(order):
        group = made.pipeline.block("serial")
        for service in order:
            group.set(service.child, service.block, service.at)
    elif services:
        group = made.pipeline.block("parallel")
        for service in services:
            if service.needs:
                service.block.set("needs", [nodes[name].child for name in service.needs], service.at)
            group.set(service.child, service.block, service.at)


def _in_order(services: list[Service]) -> list[Service]:
    """Each behind what it needs, else as written; of a cycle, nothing is behind all that it needs."""
    nodes = {service.name: service for service in services}
    done: dict[str, Service] = {}
    waiting = [(service, False) for service in reversed(services)]
    seen: set[str] = set()
    while waiting:
        service, is_after = waiting.pop()
        if is_after:
            done[service.name] = service
        elif service.name not in seen:
            seen.add(service.name)
            waiting.append((service, True))
            waiting += [(nodes[name], False) for name in reversed(service.needs)]
    return list(done.values())


def _is_chain(order: list[Service]) -> bool:
    """Whether each needs just the one before it."""
    before = [[], *([service.name] for service in order[:-1])]
    return all(
        service.needs == needs and not service.skipped for service, needs in zip(order, before, strict=True)
    )


def _params(values: Values, made: Draft) -> None:
    """Those that are still used: what was not carried over used some, too."""
    used = {name for block in (made.head, made.images, made.pipeline) for name in _used(block)}
    for name, default in values.params.items():
        if name in used:
            made.head.block("params").set(name, default)


def _used(block: Block) -> set[str]:
    found: set[str] = set()
    for entry in block.entries:
        if isinstance(entry.value, Block):
            found |= _used(entry.value)
        elif isinstance(entry.value, Expression):
            found |= set(_PARAM.findall(entry.value))
    return found
