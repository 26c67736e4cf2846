"""A plan as one page that needs nothing else: drawing, search, details of each node."""

from __future__ import annotations

import json
import pkgutil
from html import escape
from typing import Any

from imgc.plan.graph.layout import layout
from imgc.plan.graph.model import Box, Graph
from imgc.plan.graph.svg import COLORS, STYLE, drawing


def to_html(graph: Graph) -> str:
    """The page. Every text of the plan is escaped for where it stands; nothing is loaded from elsewhere."""
    data = pkgutil.get_data(__name__, "page.html")
    assert data is not None  # it lies beside this module in every installation
    placed = layout(graph)
    parts = {
        "TITLE": escape(graph.name),
        "FILE": escape(graph.file),
        "STYLE": f"{COLORS}{STYLE}",
        "WIDTH": f"{placed.width:.0f}",
        "HEIGHT": f"{placed.height:.0f}",
        "DRAWING": drawing(placed),
        "DATA": _script(_data(graph)),
    }
    template = data.decode("utf-8")
    pieces = template.split("@@")
    return "".join(parts[piece] if number % 2 else piece for number, piece in enumerate(pieces))


def _script(data: Any) -> str:
    """JSON that can stand in a script element, whatever it holds."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data(graph: Graph) -> dict[str, Any]:
    nodes = [_node(box) for box in graph.root.walk()]
    images = {
        image.name: {"base": image.base, "reference": image.reference, "place": image.place}
        for image in graph.images.values()
    }
    return {"name": graph.name, "nodes": nodes, "images": images}


def _node(box: Box) -> dict[str, Any]:
    return {
        "path": box.path, "name": box.name, "kind": box.kind, "place": box.place, "text": box.text, "image": box.image,
        "doc": box.doc, "skip": box.skip, "after": box.edges, "children": [child.path for child in box.children],
        "items": [[item.name, item.value, item.place] for item in box.items],
    }  # fmt: skip
