"""`call`: a Python function of the user's code as a command line. Nothing of imgc is needed in the image."""

from __future__ import annotations

import json
from collections.abc import Callable

from imgc.context.project import Project
from imgc.diagnostics import Diagnostic, Severity, Span
from imgc.diagnostics.near import near
from imgc.document.nodes import Mapping, Scalar, plain
from imgc.model.pipeline import text
from imgc.resolve.node_rules import function_names
from imgc.resolve.tree import ResolvedNode

_BOOT = """
import importlib.util, json, os, sys
file, function, arguments = sys.argv[1:4]
sys.path.insert(0, os.path.dirname(os.path.abspath(file)))
name = os.path.splitext(os.path.basename(file))[0]
spec = importlib.util.spec_from_file_location(name, file)
module = sys.modules[name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
for part in function.split("."):
    module = getattr(module, part)
arguments = json.loads(arguments)
result = module(**arguments) if isinstance(arguments, dict) else module(*arguments)
if hasattr(result, "__await__"):
    import asyncio
    asyncio.run(result)
""".strip()


def command(file: str, function: str, arguments: object) -> list[str]:
    """The argv that calls a function with JSON arguments; `file` is its path in the container."""
    return ["python3", "-c", _BOOT, file, function, json.dumps(arguments, ensure_ascii=False, sort_keys=True)]


def check_call(
    node: ResolvedNode,
    project: Project,
    path_in: Callable[[str, str, Span], str | None],
    report: Callable[[Diagnostic], None],
) -> None:
    """The file of a `call` exists, is in the image, and holds the function."""
    call = node.own.get("call")
    if not isinstance(call, Mapping):
        return
    file, function = call.get("file"), call.get("function")
    if not isinstance(file, Scalar) or not isinstance(file.value, str) or "${{" in file.text:
        return
    located = project.locate(file.text, "file")
    if not isinstance(located, str):
        label = f"did you mean '{located.near[0]}'?" if located.near else ""
        report(Diagnostic(located.code, Severity.ERROR, located.message, file.span, label))
        return
    if node.image:
        path_in(file.text, node.image, file.span)
    source = project.read_text(located)
    names = function_names(source) if isinstance(source, str) else None
    name = text(function).split(".", 1)[0]
    if names is not None and function is not None and name and name not in names:
        close = near(name, names)
        label = f"did you mean '{close[0]}'?" if close else ""
        report(
            Diagnostic(
                "unknown-function",
                Severity.ERROR,
                f"'{file.text}' has no function '{name}'",
                function.span,
                label,
            )
        )


def arguments(call: Mapping) -> object:
    node = call.get("args")
    return plain(node) if node is not None else []
