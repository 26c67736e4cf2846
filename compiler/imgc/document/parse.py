"""One island of text to nodes: libyaml's events (through PyYAML), our typing, spans and limits.

Only events are taken from PyYAML, never its YAML 1.1 types; `docs/decisions/0003-yaml.md` says why not ruamel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imgc.diagnostics import Diagnostic, Edit, Fix, Origin, Related, Severity, Span
from imgc.document.libyaml import MarkedYAMLError, Parser, YAMLError
from imgc.document.nodes import Entry, Mapping, Node, Scalar, Sequence
from imgc.document.scalars import resolve
from imgc.records import dataclass, field

MAX_DEPTH = 100
MAX_ALIASED_NODES = 200_000
"""Nodes that aliases may add, all together: a "billion laughs" file is refused before anything grows."""

_CORE_TAGS = {
    "!": str,
    "tag:yaml.org,2002:str": str,
    **{f"tag:yaml.org,2002:{name}": None for name in ("int", "float", "bool", "null", "map", "seq")},
}


class Broken(Exception):
    """The island does not parse; carries the one diagnostic that says why. `unfinished`: it ends in a quote or
    bracket that is open, so that the text behind it may belong to it."""

    def __init__(self, diagnostic: Diagnostic, unfinished: bool = False) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic
        self.unfinished = unfinished


@dataclass(slots=True)
class Anchors:
    """The anchors of the whole document, in order; an alias in one island may name one of another."""

    nodes: dict[str, tuple[Node, int]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    """Anchors that stand in islands which do not parse."""
    aliased: int = 0


@dataclass(slots=True)
class Parsed:
    """What one island holds. `linked`: it defines or uses anchors, so it cannot be looked at alone."""

    node: Node | None
    diagnostics: list[Diagnostic] = field(default_factory=list)
    linked: bool = False


def parse(
    text: str, origin: Origin, anchors: Anchors, restore: Callable[[str], str] | None = None, depth: int = 0
) -> Parsed:
    """Parses text as one YAML node (None: there is none). Raises Broken on a syntax error.

    `restore` undoes what the caller did to characters that libyaml takes for line breaks; `depth` is how deep
    the island lies.
    """
    composer = _Composer(text, origin, anchors, restore, depth)
    try:
        return composer.document()
    except YAMLError as error:
        at = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        if at is not None and "nesting depth" in str(error):
            # A limit of newer libyaml, whose scanner runs ahead: ours is met on the way to it.
            return parse(text[: at.index], origin, anchors, restore, depth)
        raise Broken(_explain(error, text, origin), _unfinished(error, text)) from None


class _Composer:
    """Builds nodes from the event stream, one method a kind of node; never deeper than MAX_DEPTH."""

    def __init__(
        self, text: str, origin: Origin, anchors: Anchors, restore: Callable[[str], str] | None, depth: int
    ) -> None:
        self.events = Parser(text)
        self.origin = origin
        self.anchors = anchors
        self.restore = restore
        self.count = 0
        self.depth = depth
        self.parsed = Parsed(None)

    def document(self) -> Parsed:
        get: Callable[[], Any] = self.events.get_event
        get()  # stream start
        event = get()
        if type(event).__name__ == "StreamEndEvent":
            return self.parsed
        self.parsed.node = self.node(get())
        get()  # document end
        event = get()
        if type(event).__name__ != "StreamEndEvent":
            span = self.span(event.start_mark, event.start_mark)
            raise Broken(
                _error(
                    "several-documents", "a pipeline file holds one YAML document; another begins here", span
                )
            )
        return self.parsed

    def span(self, start: Any, end: Any) -> Span:
        return Span(self.origin, start.line, start.column, end.line, end.column)

    def report(self, code: str, message: str, span: Span, *related: Related) -> None:
        self.parsed.diagnostics.append(_error(code, message, span, *related))

    def node(self, event: Any) -> Node:
        before = self.count
        self.count += 1
        match type(event).__name__:
            case "ScalarEvent":
                node: Node = self.scalar(event)
            case "MappingStartEvent":
                node = self.collection(event, self.mapping)
            case "SequenceStartEvent":
                node = self.collection(event, self.sequence)
            case _:
                return self.alias(event)
        if event.anchor is not None:
            self.parsed.linked = True
            self.anchors.nodes[event.anchor] = (node, self.count - before)
        return node

    def scalar(self, event: Any) -> Scalar:
        text = event.value if self.restore is None else self.restore(event.value)
        span = self.span(event.start_mark, event.end_mark)
        plain = event.style == "" and event.tag is None
        if event.tag is not None:
            plain = self.tag(event, span) is None
        return Scalar(resolve(text) if plain else text, text, span, event.style or "")

    def tag(self, event: Any, span: Span) -> type[str] | None:
        """str when the tag asks for a string; other core tags leave the value to its own form."""
        if event.tag not in _CORE_TAGS:
            self.report(
                "yaml-tag", f"the tag '{event.tag}' is not allowed: values are plain data, no objects", span
            )
            return str
        return _CORE_TAGS[event.tag]

    def collection(self, event: Any, read: Callable[[Any], Node]) -> Node:
        if event.tag is not None:
            self.tag(event, self.span(event.start_mark, event.end_mark))
        self.depth += 1
        if self.depth > MAX_DEPTH:
            span = self.span(event.start_mark, event.end_mark)
            raise Broken(_error("too-deep", f"more than {MAX_DEPTH} levels are nested here", span))
        node = read(event)
        self.depth -= 1
        return node

    def sequence(self, start: Any) -> Sequence:
        items: list[Node] = []
        get: Callable[[], Any] = self.events.get_event
        while type(event := get()).__name__ != "SequenceEndEvent":
            items.append(self.node(event))
        end = event.end_mark if start.flow_style or not items else None
        span = self.span(start.start_mark, end or start.end_mark)
        if end is None:
            span = span.until(_later(span, items[-1].span))
        return Sequence(tuple(items), span, bool(start.flow_style))

    def mapping(self, start: Any) -> Mapping:
        entries: list[Entry] = []
        get: Callable[[], Any] = self.events.get_event
        while type(event := get()).__name__ != "MappingEndEvent":
            key = self.node(event)
            value = self.node(get())
            if isinstance(key, Scalar):
                entries.append(Entry(key, value))
            else:
                self.report("yaml-key", "a key must be a plain value, not a list or a mapping", key.span)
        end = event.end_mark if start.flow_style or not entries else None
        span = self.span(start.start_mark, end or start.end_mark)
        if end is None:
            span = span.until(_later(entries[-1].key.span, entries[-1].value.span))
        return Mapping(tuple(self.merged(entries)), span, bool(start.flow_style))

    def merged(self, entries: list[Entry]) -> list[Entry]:
        return merge(entries, self.parsed.diagnostics)

    def alias(self, event: Any) -> Node:
        self.parsed.linked = True
        span = self.span(event.start_mark, event.end_mark)
        found = self.anchors.nodes.get(event.anchor)
        if found is None:
            if event.anchor not in self.anchors.lost:
                self.report("unknown-anchor", f"no anchor '&{event.anchor}' stands before this alias", span)
            return broken(span)
        node, size = found
        self.count += size
        self.anchors.aliased += size
        if self.anchors.aliased > MAX_ALIASED_NODES:
            raise Broken(
                _error(
                    "alias-expansion",
                    f"aliases repeat more than {MAX_ALIASED_NODES:,} nodes up to here",
                    span,
                )
            )
        return node


def _later(first: Span, second: Span) -> Span:
    """Of two spans the one that ends later; an aliased node stands elsewhere and does not count."""
    behind = (second.end_line, second.end_column) > (first.end_line, first.end_column)
    return second if second.origin is first.origin and behind else first


def broken(span: Span) -> Mapping:
    """What stands where a value could not be read; nothing is reported about it again."""
    return Mapping((), span, broken=True)


def merge(entries: list[Entry], diagnostics: list[Diagnostic]) -> list[Entry]:
    """Puts merge keys (`<<`) in place and reports duplicate keys; the first of duplicates is kept."""
    seen: dict[str, Entry] = {}
    merged: list[Entry] = []
    for entry in entries:
        if entry.key.text == "<<" and entry.key.style == "":
            merged.extend(_merge_sources(entry, diagnostics))
            continue
        first = seen.setdefault(entry.key.text, entry)
        if first is not entry:
            related = Related(first.key.span, "it is here first")
            message = f"the key '{entry.key.text}' stands twice in this mapping"
            diagnostics.append(_error("duplicate-key", message, entry.key.span, related))
    for entry in merged:
        seen.setdefault(entry.key.text, entry)
    return list(seen.values())


def _merge_sources(entry: Entry, diagnostics: list[Diagnostic]) -> list[Entry]:
    sources = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
    found: list[Entry] = []
    for source in sources:
        if isinstance(source, Mapping):
            found.extend(source.entries)
        else:
            message = "'<<' merges mappings: give it an alias of a mapping, or a list of them"
            diagnostics.append(_error("yaml-merge", message, source.span))
    return found


def _error(code: str, message: str, span: Span, *related: Related) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, span, related=related)


def _unfinished(error: YAMLError, text: str) -> bool:
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return False
    context = error.context or ""
    at_end = error.problem_mark.line >= text.rstrip().count("\n")
    return at_end and ("quoted scalar" in context or "flow" in context)


def _explain(error: YAMLError, text: str, origin: Origin) -> Diagnostic:
    """A syntax error in our words, at the place where the mistake is rather than where it is noticed."""
    lines = text.split("\n")
    if not isinstance(error, MarkedYAMLError):
        return _error(
            "yaml-syntax", f"this cannot be read as YAML: {error}", Span(origin, 0, 0, 0, len(lines[0]))
        )
    problem, context = error.problem or "", error.context or ""
    at: Any = error.problem_mark or error.context_mark
    opened: Any = error.context_mark or at
    fixes: tuple[Fix, ...] = ()
    label = ""
    if "quoted scalar" in context:
        at, message = opened, "the quote that opens here is never closed"
    elif "simple key" in context:
        at, message = opened, "a key needs a ':' and a value: expected 'key: value'"
    elif ("flow mapping" in context or "flow sequence" in context) and "${{" in lines[opened.line]:
        column = lines[opened.line].index("${{")
        at, message = _Mark(opened.line, column), "an expression between { } or [ ] needs quotes around it"
    elif "flow mapping" in context or "flow sequence" in context:
        closing = "}" if "mapping" in context else "]"
        at, message = opened, f"what opens here is never closed: expected ',' or '{closing}'"
    elif "mapping values are not allowed" in problem:
        return _second_colon(at, lines, origin)
    elif "cannot start any token" in problem:
        character = lines[at.line][at.column : at.column + 1] if at.line < len(lines) else ""
        if character == "\t":
            message = "a tab cannot indent: YAML uses spaces"
            tabs = len(lines[at.line][at.column :]) - len(lines[at.line][at.column :].lstrip("\t"))
            span = Span(origin, at.line, at.column, at.line, at.column + tabs)
            return Diagnostic(
                "yaml-tab", Severity.ERROR, message, span, "use spaces",
                (Fix("replace the tab with spaces", (Edit(span, "  " * tabs),), safe=False),),
            )  # fmt: skip
        message = f"a value cannot begin with '{character}'"
        label = "put it in quotes"
    elif "block mapping" in context or "block collection" in context:
        message = "this line is not at the place of a key of the mapping around it"
        label = "check its indentation"
    elif "block scalar" in context:
        message = f"this block of text is not well formed: {problem}"
    else:
        message = f"this is not valid YAML: {problem or context}"
    line = min(at.line, len(lines) - 1)
    column = min(at.column, len(lines[line]))
    end = len(lines[line].rstrip()) if column < len(lines[line].rstrip()) else column + 1
    span = Span(origin, line, column, line, end)
    return Diagnostic("yaml-syntax", Severity.ERROR, message, span, label, fixes)


@dataclass(frozen=True, slots=True)
class _Mark:
    line: int
    column: int


def _second_colon(at: Any, lines: list[str], origin: Origin) -> Diagnostic:
    """`run: echo a: b`: the text behind the first colon wants quotes."""
    line = lines[at.line] if at.line < len(lines) else ""
    message = "a ': ' inside a plain value would begin another mapping"
    start = line.find(": ")
    value = line[start + 2 :].strip()
    span = Span(origin, at.line, at.column, at.line, at.column + 1)
    if start < 0 or start >= at.column or not value or value[0] in "'\"[{&*!|>":
        return Diagnostic(
            "yaml-syntax",
            Severity.ERROR,
            "a ':' is not allowed here",
            span,
            "check the indentation and quotes",
        )
    begin = line.index(value, start + 2)
    whole = Span(origin, at.line, begin, at.line, begin + len(value))
    quoted = "'" + value.replace("'", "''") + "'"
    fix = Fix("put the value in quotes", (Edit(whole, quoted),))
    return Diagnostic("yaml-syntax", Severity.ERROR, message, whole, "put the value in quotes", (fix,))
