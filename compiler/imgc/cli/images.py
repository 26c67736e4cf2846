"""List the images of a pipeline: references, what each stands on and shares, and who uses it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from imgc.cli.common import analyse_file, compile_arguments, find, report_problems
from imgc.cli.console import EXIT_ENVIRONMENT, EXIT_FINE, EXIT_PROBLEMS, Console, Failure
from imgc.cli.loading import engine
from imgc.cli.sources import look_up_sources

EXAMPLES = """examples:
  imgc images                     all images
  imgc images --size              with their sizes, where the engine has them
  imgc images --uri etl           the reference alone: docker run -it $(imgc images --uri etl)
  imgc images --format json       for programs

exit codes: 0 fine, 1 problems in the file, 2 no such image, 3 no engine (with --size), or no answer about code that is
not locked: its commit is part of the reference
"""


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("images", nargs="*", metavar="IMAGE", help="images to list; default: all")
    command.add_argument(
        "-f", "--file", metavar="FILE", help="the pipeline file; default: the one here or above"
    )
    command.add_argument("--uri", action="store_true", help="print the references alone")
    command.add_argument("--size", action="store_true", help="ask the engine for sizes")
    command.add_argument("--format", choices=("text", "json"), default="text", help="how to print them")
    compile_arguments(command)


def execute(arguments: argparse.Namespace, console: Console) -> int:
    from imgc.plan.compiled import compile_pipeline

    analysis = analyse_file(find(arguments.file), arguments)
    of_user = analysis.failed or look_up_sources(analysis, arguments, console)
    report_problems(analysis, console)
    if analysis.failed:
        return EXIT_PROBLEMS if of_user else EXIT_ENVIRONMENT
    plan = compile_pipeline(analysis.resolved, analysis.project.directory / "compiled").plan
    images: dict[str, Any] = plan["images"]
    for name in arguments.images:
        if name not in images:
            raise Failure(f"no image is called '{name}': there are {', '.join(images) or 'none'}")
    chosen = {name: images[name] for name in arguments.images or images}
    if arguments.uri:
        sys.stdout.write("".join(f"{image['reference']}\n" for image in chosen.values()))
        return EXIT_FINE
    sizes = _sizes(chosen) if arguments.size else {}
    rows = [_row(name, plan, sizes if arguments.size else None) for name in chosen]
    if arguments.format == "json":
        sys.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in _table(rows)))
    return EXIT_FINE


def _row(name: str, plan: dict[str, Any], sizes: dict[str, int | None] | None) -> dict[str, Any]:
    image = plan["images"][name]
    row = {
        "name": name,
        "reference": image["reference"],
        "tag": image["tag"],
        "base": image["base"],
        "stands_on": image["after"],
        "same_as": image["same_as"],
        "shares_base_with": [
            other
            for other, data in plan["images"].items()
            if other != name and data["base"] == image["base"] and image["base"] and not data["same_as"]
        ],
        "nodes": sum(node["image"] == name for node in plan["nodes"]),
    }
    return row if sizes is None else {**row, "size": sizes[name]}


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The rows under their headings, as wide as they need."""
    headings = ["NAME", "REFERENCE", "BASE", "NODES", "SHARES"]
    cells = [
        [row["name"], row["reference"], row["base"] or "a Dockerfile", str(row["nodes"]), _shares(row)]
        for row in rows
    ]
    if rows and "size" in rows[0]:
        headings.insert(3, "SIZE")
        for cell, row in zip(cells, rows, strict=True):
            cell.insert(3, "not built" if row["size"] is None else f"{row['size'] / 1e6:,.0f} MB")
    widths = [max(len(cell[number]) for cell in [headings, *cells]) for number in range(len(headings))]
    for cell in [headings, *cells]:
        yield "  ".join(text.ljust(width) for text, width in zip(cell, widths, strict=True)).rstrip()


def _shares(row: dict[str, Any]) -> str:
    if row["same_as"]:
        return f"everything with {row['same_as']}: built once"
    if row["stands_on"]:
        return f"all layers of {', '.join(row['stands_on'])}"
    if row["shares_base_with"]:
        return f"the base with {', '.join(row['shares_base_with'])}"
    return ""


def _sizes(images: dict[str, Any]) -> dict[str, int | None]:
    """Bytes of each image on the engine; None where it does not have it."""
    connection = engine("connection")
    try:
        client = connection.connect()
        with connection.engine_errors():
            there = {tag: image["Size"] for image in client.images() for tag in image.get("RepoTags") or ()}
    except engine("failures").EngineError as error:
        raise Failure(str(error), EXIT_ENVIRONMENT) from None
    return {name: there.get(image["reference"]) for name, image in images.items()}
