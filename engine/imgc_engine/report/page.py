"""The page of a run: every text is escaped for where it stands, and nothing is loaded from elsewhere."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator
from html import escape

from imgc.plan.graph.layout import Layout, layout
from imgc.plan.graph.model import graph
from imgc.plan.graph.svg import COLORS, STYLE, drawing
from imgc_engine.debug.shell import text_of
from imgc_engine.failures import Failure
from imgc_engine.report.model import Attempt, Leaf, Line, Run
from imgc_engine.run.causes import exit_text
from imgc_engine.show.text import duration, of_bytes, one_line

DRAWN = 3_000  # nodes; more are no picture
ROWS = 2_000  # of the timeline
TICKS = 8
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)


def to_html(run: Run) -> str:
    data = pkgutil.get_data(__name__, "page.html")
    assert data is not None  # it lies beside this module in every installation
    placed = layout(graph(run.document)) if len(run.plan.nodes) <= DRAWN else None
    parts = {
        "NAME": _text(run.plan.title or run.plan.name),
        "RUN": _text(run.id),
        "STATE": _text(run.state),
        "CLASS": _class(run.state),
        "SUMMARY": _text(_summary(run)),
        "STYLE": f"{COLORS}{STYLE}",
        "FAILURES": "".join(_failures(run)),
        "TIMELINE": "".join(_timeline(run)),
        "GRAPH": _graph(run, placed),
        "NODES": "".join(_node(number, leaf) for number, leaf in enumerate(run.leaves)),
        "ENVIRONMENT": "".join(_environment(run)),
        "STATES": _script([_class(run.states.get(path, "")) for path in (placed.places if placed else ())]),
    }
    pieces = data.decode("utf-8").split("@@")
    return "".join(parts[piece] if number % 2 else piece for number, piece in enumerate(pieces))


def _text(text: str) -> str:
    return escape(one_line(text))


def _class(state: str) -> str:
    return state.replace(" ", "-")


def _script(data: object) -> str:
    """JSON that can stand in a script element, whatever it holds."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _summary(run: Run) -> str:
    counts: dict[str, int] = {}
    for leaf in run.leaves:
        counts[leaf.state] = counts.get(leaf.state, 0) + 1
    shown = ", ".join(f"{count} {state}" for state, count in counts.items())
    sessions = f", in {len(run.breaks) + 1} sessions" if run.breaks else ""
    return f"began {run.begun[:19].replace('T', ' ')} UTC, took {duration(run.seconds)}{sessions}: {shown}"


def _failures(run: Run) -> Iterator[str]:
    if not run.failures:
        return
    yield '<section aria-labelledby="h-failures"><h2 id="h-failures">Failures</h2>'
    numbers = {leaf.path: number for number, leaf in enumerate(run.leaves)}
    for failure in run.failures:
        yield _failure(failure, numbers[failure.subject])
    yield "</section>"


def _failure(failure: Failure, number: int) -> str:
    lines = "\n".join(map(_text, failure.last_lines))
    return (
        f'<article class="failure"><h3><a href="#n{number}">{_text(failure.subject or "/")}</a></h3>'
        f'<p>{_text(failure.message)} <span class="place">{_text(str(failure.place))}</span></p>'
        f"<pre class=command>{escape(failure.detail)}</pre>"
        + (f"<pre>{lines}</pre>" if lines else "")
        + "</article>"
    )


def _timeline(run: Run) -> Iterator[str]:
    """A row a leaf, a bar an attempt."""
    whole = max(run.seconds, 0.001)
    rows = [(number, leaf) for number, leaf in enumerate(run.leaves) if leaf.attempts]
    step = next((step for step in STEPS if whole / step <= TICKS), whole / TICKS)
    ticks = [step * count for count in range(int(whole * 0.97 / step) + 1)]
    yield '<div class="row axis" aria-hidden="true"><span class="label"></span><span class="track">'
    yield from (f'<i style="left:{tick / whole:.4%}">{_text(_tick(tick))}</i>' for tick in ticks)
    yield "</span></div>"
    for number, leaf in rows[:ROWS]:
        bars = "".join(_bar(number, attempt, leaf, whole) for attempt in leaf.attempts)
        breaks = "".join(f'<b style="left:{moment / whole:.4%}"></b>' for moment in run.breaks)
        yield (
            f'<div class="row"><a class="label" href="#n{number}" title="{_text(leaf.path or "/")}">'
            f'<bdi>{_text(leaf.path or "/")}</bdi></a><span class="track">{breaks}{bars}</span></div>'
        )
    if len(rows) > ROWS:
        yield f"<p>… and {len(rows) - ROWS} more nodes, which are in the list below.</p>"


def _tick(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def _bar(number: int, attempt: Attempt, leaf: Leaf, whole: float) -> str:
    took = attempt.end - attempt.begin
    said = f"{leaf.path or '/'}, attempt {attempt.number}: {attempt.state}, {duration(took)} from {duration(attempt.begin)}"
    return (
        f'<a class="bar {_class(attempt.state)}" href="#n{number}-{attempt.number}" title="{_text(said)}" '
        f'aria-label="{_text(said)}" style="left:{attempt.begin / whole:.4%};width:{took / whole:.4%}"></a>'
    )


def _graph(run: Run, placed: Layout | None) -> str:
    if placed is None:
        return f"<p>A picture of {len(run.plan.nodes)} nodes would say nothing.</p>"
    width, height = placed.width + 24, placed.height + 24
    return (
        f'<svg id="graph" class="graph" width="{width:.0f}" height="{height:.0f}" viewBox="-12 -12 {width:.0f} {height:.0f}" '
        f'role="img" aria-label="The nodes of the pipeline and their states">{drawing(placed)}</svg>'
    )


def _node(number: int, leaf: Leaf) -> str:
    took = sum(attempt.end - attempt.begin for attempt in leaf.attempts)
    place = _text(str(leaf.node.source)) if leaf.node else ""
    said = [f"{len(leaf.attempts)} attempts"] if len(leaf.attempts) > 1 else []
    said += [duration(took)] if leaf.attempts else []
    said += [_text(leaf.message)] if leaf.message else []
    command = escape(text_of(leaf.node)) if leaf.node else ""
    image = _text(leaf.node.image or "") if leaf.node else ""
    return (
        f'<details class="leaf {_class(leaf.state)}" id="n{number}" data-search="{_text(leaf.path.lower())} {_class(leaf.state)}">'
        f'<summary><span class="state {_class(leaf.state)}">{_text(leaf.state)}</span> <strong>{_text(leaf.path or "/")}</strong> '
        f'<span class="soft">{" · ".join(said)}</span></summary>'
        f'<p class="soft">{place}{f" · image {image}" if image else ""}</p><pre class="command">{command}</pre>'
        + "".join(_attempt(number, attempt, last=attempt is leaf.attempts[-1]) for attempt in leaf.attempts)
        + "</details>"
    )


def _attempt(number: int, attempt: Attempt, *, last: bool) -> str:
    code = "" if attempt.exit is None else f", {exit_text(attempt.exit)}"
    head = f"attempt {attempt.number}: {attempt.state}{code}, {duration(attempt.end - attempt.begin)}"
    log = "".join(map(_line, attempt.head))
    if attempt.left_out:
        log += f'<span class="gap">… {attempt.left_out:,} bytes are left out; all of it: {_text(str(attempt.log))}\n</span>'
    log += "".join(map(_line, attempt.tail))
    shown = f"<pre class=log>{log}</pre>" if log else '<p class="soft">It wrote nothing.</p>'
    return (
        f'<details class="attempt" id="n{number}-{attempt.number}"{" open" if last else ""}>'
        f"<summary>{_text(head)}</summary>{shown}</details>"
    )


def _line(line: Line) -> str:
    kind = ' class="err"' if line.stream == "stderr" else ""
    return f"<span{kind}><i>{line.after:8.1f}</i> {escape(of_bytes(line.text))}\n</span>"


def _environment(run: Run) -> Iterator[str]:
    yield "<dl>"
    for name, value in (*run.environment.items(), ("logs", str(run.folder / "logs"))):
        yield f"<dt>{_text(name)}</dt><dd>{_text(str(value))}</dd>"
    yield "</dl><table><caption>Images</caption><thead><tr><th>image</th><th>reference</th><th>base</th></tr></thead><tbody>"
    for name, image in run.plan.images.items():
        yield f"<tr><td>{_text(name)}</td><td><code>{_text(image.reference)}</code></td><td>{_text(image.base or '')}</td></tr>"
    yield "</tbody></table>"
