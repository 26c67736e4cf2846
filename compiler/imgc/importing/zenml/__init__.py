"""A ZenML pipeline: its steps in the order that their data gives, and the images of its `DockerSettings`."""

from __future__ import annotations

from imgc.importing.draft import Draft
from imgc.importing.names import pipeline_name
from imgc.importing.python.arguments import Importing
from imgc.importing.python.expressions import TooMuch
from imgc.importing.python.flow import arrange
from imgc.importing.python.program import program, too_much
from imgc.importing.python.statements import Program
from imgc.importing.python.values import Call, Function, Member, arguments_of
from imgc.importing.source import Source
from imgc.importing.zenml.images import Images
from imgc.importing.zenml.settings import called_function, decorated, settings_of
from imgc.importing.zenml.steps import ZenSteps

_PIPELINE = {
    "enable_cache": "what a step has done is done again in every run here",
    "schedule": "a schedule belongs to what starts `imgc run`: cron, or CI",
    "on_failure": "add a node with `when: on_failure`",
    "on_success": "add a node with `when: on_success`",
}
_OTHERWISE = "imgc has nothing of that kind"


def draft(source: Source) -> Draft:
    made = Draft()
    importing = Importing(source, made)
    followed = program(source)
    importing.roots = followed.modules.roots
    chosen, called = _pipeline(followed, importing)
    made.head.set("name", pipeline_name(_name(importing, chosen)))
    images = Images(importing, followed)
    if chosen is not None:
        try:
            _steps(chosen, called, followed, importing, images)
        except TooMuch as error:
            raise too_much(source, error) from None
    images.rest()
    for one in followed.skipped:
        importing.lost(made.pipeline, one.what, one.why, one.line)
    if chosen is None:
        made.pipeline.remark("the file has no function with @pipeline, so there are images only")
    return made


def _steps(
    chosen: Function, called: Call | None, followed: Program, importing: Importing, images: Images
) -> None:
    settings = settings_of(importing, chosen, "pipeline", called, followed, importing.made.pipeline)
    given = settings.arguments
    for name in ("name", *(["enable_cache"] if given.peek("enable_cache") is False else [])):
        given.take(name)
    given.set("tags", given.texts("tags"), "tags")
    given.rest(_PIPELINE, _OTHERWISE)
    images.of_pipeline(settings)
    before = len(followed.events)
    followed.run(chosen, arguments_of(chosen, called))
    steps = ZenSteps(importing, followed, images, settings)
    for event in followed.events[before:]:
        steps.take(event)
    at = importing.span(chosen.line)
    if steps.steps:
        arrange(steps.steps, importing.made.pipeline, at)
    else:
        importing.made.pipeline.remark(f"no step is called in the pipeline {chosen.name}")


def _pipeline(followed: Program, importing: Importing) -> tuple[Function | None, Call | None]:
    """The pipeline of the file: the one that it runs last, else its first; and the call."""
    functions = [
        one
        for one in followed.module.names.values()
        if isinstance(one, Function) and decorated(one, "pipeline")
    ]
    calls = [
        (function, event.target)
        for event in followed.events
        if event.kind == "call"
        and not isinstance(event.target.function, Member)
        and (function := called_function(event.target)) in functions
    ]
    chosen, call = calls[-1] if calls else (next(iter(functions), None), None)
    for other in functions:
        if other is not chosen and chosen is not None and not other.module.at:
            why = f"one file is one pipeline, and that is {chosen.name} here"
            importing.lost(importing.made.pipeline, f"the pipeline `{other.name}`", why, other.line)
    return chosen, call


def _name(importing: Importing, chosen: Function | None) -> str:
    if chosen is not None:
        decorator = decorated(chosen, "pipeline")
        name = decorator.named.get("name") if isinstance(decorator, Call) else None
        return name if isinstance(name, str) else chosen.name
    return importing.stem
