"""The text of a draft that compiles: what does not hold where it is written becomes a comment that says why."""

from __future__ import annotations

from pathlib import Path

from imgc.analysis.analysis import analyse
from imgc.analysis.files import NAMES
from imgc.diagnostics import Diagnostic, Severity, Span
from imgc.importing.draft import Block, Draft, Entry, Expression, Remark
from imgc.importing.writer import Rendered, Written, is_empty, render

_NEEDED = frozenset({
    "base", "builder", "cmd", "dockerfile", "dst", "entrypoint", "extends", "file", "function", "glob", "image", "input", "node", "path", "ref",
    "repo", "run", "secret", "shell", "src", "text", "uv_script",
})  # fmt: skip
"""Keys without which what they stand in would mean something else: it goes with them. So does a list that
loses an item, if it is one of these."""
_FOREIGN = "'${{' begins an expression here, and there is no way to write it as text"
_WHOLE = frozenset({"cmd", "entrypoint", "replicate_local_environment", "run", "shell"})


def settled(draft: Draft, folder: Path, title: str, start: Span | None = None) -> str:
    """The text of the draft as a file in the folder. What is left out is added to the draft's diagnostics, at
    the place that it has in the source, else at `start`; without one it is said in the text alone."""
    top = whole(draft, title)
    _leave_foreign(draft, top, start)
    while True:
        _complete(top)
        rendered = render(top)
        found = errors(rendered, folder)
        if not found:
            return rendered.text
        places = {id(place): (place, error) for error in found if (place := _place(rendered, error))}
        spread = [_spread(place) for place, _ in places.values()]
        if any(spread):
            continue
        gone = [_leave_out(draft, place, error.text, start) for place, error in places.values()]
        if not any(gone):
            # Of what concerns no entry, or the version alone, only less text can be the remedy.
            entry = [entry for entry in top.entries if entry.key != "version"][-1]
            _leave_out(draft, Written(0, 0, top, entry, None), found[0].text, start)


def problems(draft: Draft, folder: Path) -> list[Diagnostic]:
    """The errors that the draft would have in the folder; their places are in its text."""
    top = whole(draft, "")
    _complete(top)
    return errors(render(top), folder)


def errors(rendered: Rendered, folder: Path) -> list[Diagnostic]:
    """The errors of a text in the folder, but for those of other files that lie there."""
    found = analyse(NAMES[0], rendered.text, folder).diagnostics
    return [one for one in found if one.severity is Severity.ERROR and one.span.file == NAMES[0]]


def whole(draft: Draft, title: str) -> Block:
    """The document: version, head, images, pipeline."""
    top = Block(items=[Remark(title)] if title else [])
    top.set("version", 1)
    top.items += sorted(draft.head.items, key=_place_in_head)
    top.set("images", draft.images)
    top.set("pipeline", draft.pipeline)
    return top


_HEAD = (
    "name", "title", "doc", "tags", "params", "registry", "platforms", "secrets", "image_refs", "bundles", "stack", "repos",
)  # fmt: skip


def _place_in_head(item: Entry | Remark) -> int:
    """The order of docs/format.md; comments behind."""
    return _HEAD.index(item.key) if isinstance(item, Entry) and item.key in _HEAD else len(_HEAD)


def _complete(top: Block) -> None:
    """A file needs an image or a pipeline; an empty one has a step that does nothing."""
    if all(is_empty(value) for key in ("images", "pipeline") if (value := top.get(key)) is not None):
        there = top.entry("pipeline")
        remarks = there.value.items if there is not None and isinstance(there.value, Block) else []
        top.set(
            "pipeline",
            Block(
                items=[*remarks, Remark("nothing that imgc could build or run is left"), Entry("run", "true")]
            ),
        )


def _place(rendered: Rendered, error: Diagnostic) -> Written | None:
    """What has to go for an error to go."""
    place = rendered.at(error.span.start[0])
    return None if place is None else _with_what_needs_it(place)


def _with_what_needs_it(place: Written) -> Written:
    while (above := place.above) is not None:
        needed = place.entry.key in _NEEDED - _WHOLE
        if not needed and not (place.parent.is_list and above.entry.key in _WHOLE):
            break
        place = above
    return place


def _leave_out(draft: Draft, place: Written, why: str, start: Span | None) -> bool:
    """Makes an entry a comment; False where it has to stay."""
    entry = place.entry
    if entry.left_out or (entry.key == "version" and place.above is None):
        return False
    entry.left_out = reason = " ".join(why.split())
    at = next((one.entry.at for one in _upwards(place) if one.entry.at), start)
    if at is not None:
        group = f" of '{place.above.entry.key}'" if place.above is not None else ""
        what = f"'{entry.key}'" if entry.key else f"an item{group}"
        draft.warn(f"{what} is left out: {reason}", at)
    return True


def _spread(place: Written) -> bool:
    """Puts the items of a list or mapping on lines of their own, so that only the wrong one need go."""
    value = place.entry.value
    if not isinstance(value, Block) or not value.inline or place.entry.key in _WHOLE:
        return False
    if len(list(value.entries)) < 2:
        return False
    value.inline = False
    return True


def _upwards(place: Written | None) -> list[Written]:
    return [] if place is None else [place, *_upwards(place.above)]


def _leave_foreign(draft: Draft, block: Block, start: Span | None, above: Written | None = None) -> None:
    """`${{` of a source is text there and would be an expression here, which text cannot say otherwise."""
    for entry in list(block.entries):
        place = Written(0, 0, block, entry, above)
        if isinstance(entry.value, Block):
            _leave_foreign(draft, entry.value, start, place)
        elif (
            isinstance(entry.value, str) and "${{" in entry.value and not isinstance(entry.value, Expression)
        ):
            _leave_out(draft, _with_what_needs_it(place), _FOREIGN, start)
