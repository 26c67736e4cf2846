"""The live view on a terminal: the tree with states and times, and the last line of each node that runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from imgc_engine.events import Event
from imgc_engine.show.model import ImageView, Model, NodeView
from imgc_engine.show.text import duration

PER_SECOND = 8
MARKS = {
    "pending": ("·", "dim"),
    "running": ("▶", "bold cyan"),
    "succeeded": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "error": ("!", "bold magenta"),
    "skipped": ("-", "dim"),
    "omitted": ("-", "dim"),
    "interrupted": ("■", "yellow"),
}


class LiveView:
    """A listener, and a context in which the view is on the terminal.

    What is printed inside goes above it.
    """

    def __init__(self, file: TextIO, *, color: bool | None = None) -> None:
        self.model = Model()
        self.console = Console(
            file=file, force_terminal=True, no_color=None if color is None else not color, highlight=False
        )
        self._live = Live(
            console=self.console, get_renderable=self._render, refresh_per_second=PER_SECOND, transient=False
        )

    def __call__(self, event: Event) -> None:
        self.model(event)

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.refresh()
        self._live.stop()

    def _render(self) -> RenderableType:
        width, height = self.console.size
        lines = list(image_lines(self.model)) + list(node_lines(self.model, height - 2))
        text = Text("\n", no_wrap=True, overflow="ellipsis").join(lines)
        text.no_wrap, text.overflow = True, "ellipsis"
        del width
        return text


def image_lines(model: Model) -> Iterator[Text]:
    """Images in work, and those that failed; one line for all that are done."""
    views = list(model.images.values())
    busy = [view for view in views if view.state in ("build", "pull", "push")]
    for view in [*busy, *(view for view in views if view.state == "failed")]:
        yield _image_line(view)
    if done := len(views) - len(busy):
        built = sum(view.state == "built" for view in views)
        what = f"{built} built, {done - built} there already" if built else "there already"
        yield Text.assemble(("images ", "bold"), f"{done} of {len(views)}", (f"  {what}", "dim"))


def _image_line(view: ImageView) -> Text:
    if view.state == "failed":
        return Text.assemble(("✗ ", "bold red"), (view.name, "bold"), " failed")
    cached = f", {view.cached} cached" if view.cached else ""
    steps = f" step {view.steps}{cached}" if view.steps else ""
    took = duration(time.monotonic() - view.since)
    return Text.assemble(
        ("▶ ", "bold cyan"), (view.name, "bold"), f" {view.state}{steps} {took} ", (view.line, "dim")
    )


def node_lines(model: Model, height: int) -> list[Text]:
    """The tree, cut to the height: what runs or failed comes first, then groups, then the rest."""
    root = model.root
    if root is None:
        return []
    height = max(3, height - len(model.images))
    views = list(_walk(root))
    if len(views) > height:
        views = _most_telling(views, height - 1)
        hidden = len(model.nodes) - len(views)
        return [*map(_node_line, views), Text(f"  … and {hidden} more", style="dim")]
    return [_node_line(view) for view in views]


def _walk(view: NodeView) -> Iterator[NodeView]:
    yield view
    for child in view.children:
        yield from _walk(child)


def _most_telling(views: list[NodeView], height: int) -> list[NodeView]:
    """In tree order, with the groups around what is shown."""
    rank = {id(view): _rank(view) for view in views}
    kept: set[int] = set()
    for view in sorted(views, key=lambda view: (rank[id(view)], view.depth)):
        around = []
        at: NodeView | None = view
        while at is not None and id(at) not in kept:
            around.append(id(at))
            at = at.parent
        if len(kept) + len(around) <= height:
            kept.update(around)
    return [view for view in views if id(view) in kept]


def _rank(view: NodeView) -> int:
    if view.node.is_group:
        return 2 if view.running or view.bad else 3
    return {"running": 0, "failed": 1, "error": 1, "interrupted": 1}.get(view.state, 4)


def _node_line(view: NodeView) -> Text:
    mark, style = MARKS[view.state]
    line = Text("  " * view.depth)
    line.append(f"{mark} ", style=style)
    line.append(view.node.name, style="bold" if view.state == "running" else "")
    if view.node.is_group:
        line.append(f"  {view.ended}/{view.leaves}", style="dim")
    if view.attempt > 1:
        line.append(f"  attempt {view.attempt}", style="yellow")
    if view.state == "running":
        line.append(f"  {duration(time.monotonic() - view.since)}")
    elif view.seconds >= 0.05:
        line.append(f"  {duration(view.seconds)}", style="dim")
    if view.state == "running" and not view.node.is_group:
        line.append(f"  {_resources(view)}{view.line}", style="dim")
    elif view.message:
        line.append(f"  {view.message}", style="dim")
    return line


def _resources(view: NodeView) -> str:
    node = view.node
    parts = [f"{node.cpu:g} CPU" if node.cpu else "", f"{node.mem / 2**20:.0f} MiB" if node.mem else ""]
    parts.append(f"{node.gpu} GPU" if node.gpu else "")
    said = ", ".join(part for part in parts if part)
    return f"[{said}] " if said else ""
