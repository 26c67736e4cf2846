"""Explain a diagnostic code, or why something of a pipeline is as it is: an image, a node, or a line."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

from imgc.cli.common import analyse_file, compile_arguments, find, report_problems
from imgc.cli.console import EXIT_FINE, EXIT_PROBLEMS, Console, Failure
from imgc.diagnostics import codes

if TYPE_CHECKING:
    from imgc.plan.explain.dockerfiles import Explained
    from imgc.plan.explain.view import View

EXAMPLES = """examples:
  imgc explain unknown-key        what a diagnostic means, with what is wrong and what is right
  imgc explain codes              all codes
  imgc explain                    what there is to explain
  imgc explain etl                an image: its base, each line of its Dockerfile, which edit rebuilds what
  imgc explain count/moby         a node: what holds there, and where it is written
  imgc explain 12                 line 12 of the pipeline file: what it becomes
  imgc explain etl:9              line 9 of the Dockerfile of etl: where it comes from

exit codes: 0 fine, 1 problems in the file, 2 nothing of that name
"""
_DOCKERFILE = re.compile(r"(?:.*/)?images/(?P<image>[^/]+)/Dockerfile:(?P<line>\d+)\Z")
_WIDTH = 100


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("what", nargs="?", metavar="WHAT", help="a code, an image, a node's path, or a line")
    command.add_argument(
        "-f", "--file", metavar="FILE", help="the pipeline file; default: the one here or above"
    )
    compile_arguments(command)


def execute(arguments: argparse.Namespace, console: Console) -> int:
    what: str = arguments.what or ""
    if what == "codes":
        sys.stdout.write("".join(f"{page.code:<28}{page.title}\n" for page in codes.pages().values()))
        return EXIT_FINE
    page = codes.pages().get(what)
    if page is not None:
        sys.stdout.write(_page(page))
        return EXIT_FINE
    from imgc.plan.compiled import compile_pipeline
    from imgc.plan.explain.view import view_of

    analysis = analyse_file(find(arguments.file), arguments)
    report_problems(analysis, console)
    if analysis.failed:
        return EXIT_PROBLEMS
    compiled = compile_pipeline(analysis.resolved, analysis.project.directory / "compiled")
    view = view_of(analysis.document, analysis.resolved, compiled)
    sys.stdout.write("".join(f"{line}\n" for line in _explained(view, what)))
    return EXIT_FINE


def _page(page: codes.Page) -> str:
    parts = [f"{page.code}: {page.title}"]
    if page.why:
        parts.append(textwrap.fill(page.why, _WIDTH))
    for title, example in (("wrong", page.wrong), ("right", page.right)):
        if example:
            parts.append(f"{title}:\n{textwrap.indent(example.rstrip(), '    ')}")
    return "\n\n".join(parts) + "\n"


def _explained(view: View, what: str) -> Iterator[str]:
    if not what:
        yield from _overview(view)
        return
    if match := _DOCKERFILE.match(what):
        what = f"{match['image']}:{match['line']}"
    name, colon, number = what.rpartition(":")
    if what in view.images or what in view.resolved.nodes:
        if what in view.images:
            yield from _image(view, what)
        if what in view.resolved.nodes:
            yield from _node(view, what)
    elif what == view.resolved.pipeline.name and "" in view.resolved.nodes:
        yield from _node(view, "")
    elif what.isdigit() or (colon and number.isdigit() and name.endswith((".yaml", ".yml"))):
        yield from _yaml_line(view, int(number))
    elif colon and number.isdigit() and name in view.compiled.dockerfiles:
        yield from _dockerfile_line(view, name, int(number))
    else:
        raise Failure(_unknown(view, what))


def _unknown(view: View, what: str) -> str:
    from imgc.diagnostics.near import near

    close = near(what, [*view.images, *filter(None, view.resolved.nodes), *codes.pages()])
    hint = f"did you mean '{close[0]}'?" if close else "imgc explain, alone, shows what there is"
    return f"'{what}' is no image, node, line or code; {hint}"


def _overview(view: View) -> Iterator[str]:
    yield f"{view.resolved.project.file}: {view.resolved.pipeline.name}"
    for name, image in view.resolved.images.items():
        yield f"  image {name:<20} {view.at(image.span):<24} {image.base or 'a Dockerfile'}"
    for path, node in view.resolved.nodes.items():
        yield f"  {node.kind if node.leaf else 'group':<5} {path or node.name:<20} {view.at(node.span)}"
    yield ""
    yield "imgc explain NAME for one of these, or a line's number"


# Images


def _image(view: View, name: str) -> Iterator[str]:
    from imgc.plan.explain.bases import code, facts, settings
    from imgc.plan.explain.dockerfiles import explain_dockerfile

    image, data = view.resolved.images[name], view.images[name]
    yield f"image {name}  ({view.at(image.span)})"
    rows = [
        *facts(image),
        *settings(image, view.resolved.config),
        *code(image),
        ("reference", data["reference"]),
    ]
    if data["same_as"]:
        rows.append(("same as", f"'{data['same_as']}': it is built once"))
    yield from (f"  {title:<18}{text}" for title, text in rows)
    if name in view.compiled.dockerfiles:
        yield ""
        yield "Dockerfile"
        for explained in explain_dockerfile(view, name):
            yield from _instruction(view, explained)
        yield from _rebuilds(view, name)


def _instruction(view: View, explained: Explained) -> Iterator[str]:
    for number, line in enumerate(explained.text, explained.entry.line):
        yield f"  {number:>3} | {line}"
    if explained.yaml_line:
        place = f"{PurePath(view.resolved.project.file).name}:{explained.yaml_line}"
        yield f"      = {place}  {view.source(explained.yaml_line)}"
    if explained.why:
        yield from (f"        {line}" for line in textwrap.wrap(explained.why, _WIDTH))


def _rebuilds(view: View, name: str) -> Iterator[str]:
    from imgc.plan.explain.rebuilds import children, rebuilds

    found = rebuilds(view, view.resolved.images[name])
    if not found:
        return
    yield ""
    yield f"which edit rebuilds what  ({found[0].total} steps)"
    for edit in found:
        title = f"{edit.what} (line {edit.yaml_line})" if edit.yaml_line else edit.what
        count = "all steps" if edit.steps == edit.total else f"{edit.steps} of {edit.total} steps"
        where = f", from Dockerfile line {edit.line}" if edit.line else ""
        yield f"  {title:<34}{count if edit.steps else 'no step: it only says how the image runs'}{where}"
    if below := children(view, name):
        yield f"  and with each of them the images that stand on it: {', '.join(below)}"


# Nodes


def _node(view: View, path: str) -> Iterator[str]:
    from imgc.plan.explain.nodes import explain_node

    node = view.resolved.nodes[path]
    yield f"{node.kind} {path or node.name}  ({view.at(node.span)})"
    for holds in explain_node(view, path):
        yield f"  {holds.name:<18}{holds.value}"
        origin = f"line {holds.line}" if holds.line else ""
        if holds.by is not None:
            origin += f", inherited from {holds.by or view.resolved.pipeline.name}"
        origin = ", ".join(part for part in (origin, holds.note) if part)
        if origin:
            yield f"  {'':<18}  = {origin}"


# Lines


def _yaml_line(view: View, line: int) -> Iterator[str]:
    from imgc.plan.explain.dockerfiles import from_yaml_line
    from imgc.plan.explain.places import keys_at, lines_of, nodes_at

    around = keys_at(view.document.root, line)
    yield f"{view.resolved.project.file}:{line}  {view.source(line)}"
    if not around:
        yield "  nothing: this line holds no key"
        return
    yield f"  it is part of {' > '.join(entry.name for entry in around)}"
    for entry in reversed(around):
        instructions = from_yaml_line(view, *lines_of(entry))
        paths = nodes_at(view, *lines_of(entry))
        if instructions or paths:
            break
    for explained in instructions:
        yield ""
        yield f"{explained.image}/Dockerfile"
        yield from _instruction(view, explained)
    if paths:
        yield ""
        yield f"  it says something of {len(paths)} node{'s' * (len(paths) != 1)}:"
        shown = [path or view.resolved.pipeline.name for path in paths[:20]]
        yield from (f"    {path}" for path in shown)
        if len(paths) > len(shown):
            yield f"    and {len(paths) - len(shown)} more"
    if not instructions and not paths:
        yield "  no line of a Dockerfile and no node comes from it alone"


def _dockerfile_line(view: View, image: str, line: int) -> Iterator[str]:
    from imgc.plan.explain.dockerfiles import explain_dockerfile

    for explained in explain_dockerfile(view, image):
        if explained.entry.end_line >= line:
            yield f"{image}/Dockerfile"
            yield from _instruction(view, explained)
            return
    raise Failure(f"the Dockerfile of '{image}' has no line {line}")
