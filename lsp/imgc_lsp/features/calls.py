"""Call hierarchy: which nodes run in an image, which image a node runs in and what that one is made of."""

from __future__ import annotations

from lsprotocol import types as lsp

from imgc_lsp import convert
from imgc_lsp.occurrences import Occurrence, occurrence_at, occurrences, same
from imgc_lsp.snapshot import Snapshot

_KINDS = {"image-name": lsp.SymbolKind.Class, "node": lsp.SymbolKind.Function}


def prepare(snapshot: Snapshot, place: lsp.Position) -> list[lsp.CallHierarchyItem] | None:
    found = occurrences(snapshot)
    wanted = occurrence_at(found, *convert.from_position(snapshot, place))
    if wanted is None or wanted.kind not in _KINDS:
        return None
    return [_item(snapshot, each) for each in same(found, wanted) if each.declares] or None


def _item(snapshot: Snapshot, each: Occurrence) -> lsp.CallHierarchyItem:
    place = convert.to_range(snapshot, each.span)
    return lsp.CallHierarchyItem(
        each.name, _KINDS[each.kind], snapshot.uri, place, place, data={"kind": each.kind, "name": each.name}
    )


def incoming(snapshot: Snapshot, item: lsp.CallHierarchyItem) -> list[lsp.CallHierarchyIncomingCall]:
    """Of an image: the nodes in it and the images made of it; of a node: the nodes that need it."""
    found = occurrences(snapshot)
    kind, name = _of(item)
    calls = []
    for each in found:
        if (each.kind, each.name, each.declares) != (kind, name, False):
            continue
        owner = _owner(snapshot, found, each)
        if owner is not None:
            place = convert.to_range(snapshot, each.span)
            calls.append(lsp.CallHierarchyIncomingCall(_item(snapshot, owner), [place]))
    return calls


def outgoing(snapshot: Snapshot, item: lsp.CallHierarchyItem) -> list[lsp.CallHierarchyOutgoingCall]:
    """Of a node: its image and the nodes it needs; of an image: the image it is made of."""
    found = occurrences(snapshot)
    kind, name = _of(item)
    calls = []
    for each in found:
        if each.declares or each.kind not in _KINDS:
            continue
        owner = _owner(snapshot, found, each)
        target = next((other for other in same(found, each) if other.declares), None)
        if owner is not None and target is not None and (owner.kind, owner.name) == (kind, name):
            place = convert.to_range(snapshot, each.span)
            calls.append(lsp.CallHierarchyOutgoingCall(_item(snapshot, target), [place]))
    return calls


def _of(item: lsp.CallHierarchyItem) -> tuple[str, str]:
    data = item.data if isinstance(item.data, dict) else {}
    return str(data.get("kind", "")), str(data.get("name", item.name))


def _owner(snapshot: Snapshot, found: list[Occurrence], use: Occurrence) -> Occurrence | None:
    """The image or node whose entry holds a use: the last one declared before it whose value reaches it."""
    images = snapshot.root.get("images")
    best: Occurrence | None = None
    for each in found:
        if not each.declares or each.kind not in _KINDS or each.span.start > use.span.start:
            continue
        if each.kind == "node":
            end = snapshot.nodes[each.name].value.span.end
        else:
            value = images.get(each.name) if images is not None and hasattr(images, "get") else None
            end = value.span.end if value is not None else each.span.end
        if use.span.start <= end and (best is None or each.span.start > best.span.start):
            best = each
    return best
