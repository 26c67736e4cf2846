"""A Flyte workflow, of flyte 2 (`TaskEnvironment`) or flytekit (`@workflow`): its images, and the tasks it calls."""

from __future__ import annotations

from imgc.importing.draft import Draft
from imgc.importing.flyte.images import Images
from imgc.importing.flyte.tasks import Tasks, called, is_task
from imgc.importing.names import pipeline_name
from imgc.importing.python.arguments import Importing
from imgc.importing.python.expressions import TooMuch
from imgc.importing.python.flow import arrange, child_name, put_child, settings_last
from imgc.importing.python.program import program, too_much
from imgc.importing.python.statements import Program
from imgc.importing.python.values import Call, Function, Symbol, arguments_of
from imgc.importing.source import Source


def draft(source: Source) -> Draft:
    made = Draft()
    importing = Importing(source, made)
    followed = program(source)
    importing.roots = followed.modules.roots
    images = Images(importing, followed)
    try:
        main, arguments = _main(followed, importing)
        made.head.set("name", pipeline_name(main.name if main else importing.stem))
        if main is not None:
            _tasks(main, arguments, followed, importing, images)
    except TooMuch as error:
        raise too_much(source, error) from None
    images.rest()
    for one in followed.skipped:
        importing.lost(made.pipeline, one.what, one.why, one.line)
    if main is None:
        made.pipeline.remark("the file has no task and no workflow, so there are images only")
    return made


def _tasks(
    main: Function, arguments: Call | None, followed: Program, importing: Importing, images: Images
) -> None:
    pipeline = importing.made.pipeline
    before = len(followed.events)
    followed.run(main, arguments_of(main, arguments))
    events = followed.events[before:]
    tasks = Tasks(importing, images, is_workflow(main))
    for event in events:
        tasks.take(event)
    at = importing.span(main.line)
    if is_workflow(main):
        if tasks.steps:
            arrange(tasks.steps, pipeline, at)
        else:
            pipeline.remark(f"no task is called in the workflow {main.name}")
        return
    if not tasks.steps:
        tasks.take_alone(main, arguments)
    else:
        why = "its calls are the nodes here; what else it does, with their results say, has no node"
        importing.lost(pipeline, f"the task {main.name} itself", why, main.line)
    group = pipeline.block("serial", at)
    group.inline = False
    for steps in tasks.groups():
        inner = group
        if len(steps) > 1:
            inner = group.block(child_name(f"{steps[0].name} and others", group), steps[0].at).block(
                "parallel", steps[0].at
            )
        for step in steps:
            settings_last(step.block)
            put_child(inner, child_name(step.name, inner), step.block, step.at)


def _main(followed: Program, importing: Importing) -> tuple[Function | None, Call | None]:
    """The workflow or task that the file runs, and the call with its arguments; else its first workflow, else the
    first task that calls others and is called by none, else the last task."""
    functions = [one for one in followed.module.names.values() if isinstance(one, Function)]
    workflows = [one for one in functions if is_workflow(one)]
    tasks = [one for one in functions if is_task(one)]
    chosen, call = _run(followed, [*workflows, *tasks])
    if chosen is None:
        chosen = next(iter(workflows), None) or _caller(tasks, followed)
    reached = _reached(chosen, followed) if chosen is not None else set()
    for other in [*workflows, *tasks]:
        if chosen is not None and other is not chosen and id(other) not in reached and not other.module.at:
            why = f"one file is one pipeline, that of {chosen.name} here, which does not call it"
            importing.lost(importing.made.pipeline, f"`{other.name}`", why, other.line)
    return chosen, call


def _run(followed: Program, functions: list[Function]) -> tuple[Function | None, Call | None]:
    """What the file hands to `flyte.run`, or calls itself."""
    found: tuple[Function | None, Call | None] = (None, None)
    for event in followed.events:
        call = event.target
        if event.kind != "call":
            continue
        ran = call.args[0] if call.args else None
        is_run = call.name in ("flyte.run", ".run", "flyte.with_runcontext.run") or call.name.endswith(
            ".run.aio"
        )
        if is_run and isinstance(ran, Function) and ran in functions:
            found = ran, Call(ran, call.args[1:], call.named, call.line, call.text, None, call.places)
        elif isinstance(call.function, Function) and call.function in functions:
            found = call.function, call
    return found


def _reached(main: Function, followed: Program) -> set[int]:
    """The functions that a function calls."""
    before = len(followed.events)
    skipped = list(followed.skipped)
    followed.run(main)
    calls = [event.target for event in followed.events[before:] if event.kind == "call"]
    del followed.events[before:]
    followed.skipped = skipped
    functions = [called(one) for one in calls] + [one for call in calls for one in call.args]
    return {id(one) for one in functions if isinstance(one, Function)}


def _caller(tasks: list[Function], followed: Program) -> Function | None:
    reached = {id(one): _reached(one, followed) for one in tasks}
    by_others = {other for one, others in reached.items() for other in others if other != one}
    for one in tasks:
        if reached[id(one)] and id(one) not in by_others:
            return one
    return tasks[-1] if tasks else None


def is_workflow(function: Function) -> bool:
    for one in function.decorators:
        symbol = one.function if isinstance(one, Call) else one
        if (
            isinstance(symbol, Symbol)
            and symbol.name.startswith("flytekit.")
            and symbol.name.endswith((".workflow", ".dynamic"))
        ):
            return True
    return False
