"""A pipeline file as a tree of nodes, however broken the text is.

text -> lines -> islands -> nodes      (each island parsed alone, its error staying its own)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from imgc.diagnostics import Diagnostic, Edit, Fix, Origin, Severity, Span
from imgc.document import text as texts
from imgc.document.islands import LARGE, NO_CONTENT, Piece, children, cut, indentation, indentations
from imgc.document.nodes import Entry, Mapping, Node, Scalar
from imgc.document.parse import MAX_DEPTH, Anchors, Broken, Parsed, broken, merge, parse
from imgc.patterns import lazy
from imgc.records import dataclass, field

MAX_BYTES = 10 * 1024 * 1024
_JOINED = 16  # islands that an open quote or bracket may reach over
_KEY = lazy(r"\s*([A-Za-z0-9_.\-\[\]=/ ]+?)\s*:(?:\s|\Z)")
_ANCHOR = lazy(r"&([^\s,\[\]{}]+)")
_MARKERS = tuple(end + mark for end in "\n\r" for mark in ("%", "---", "..."))
_MARKS = ("<" * 7, ">" * 7, "=" * 7, "|" * 7)
_CONFLICT = lazy(r"(<{7}|>{7}|\|{7})( |\Z)|={7}\Z")


@dataclass(slots=True)
class Island:
    """A parsed piece: its own origin, the entries it holds, what is wrong in it."""

    origin: Origin
    entries: tuple[Entry, ...]
    diagnostics: list[Diagnostic]
    linked: bool


IslandCache = dict[tuple[str, int], list[Island]]


@dataclass(slots=True)
class Document:
    """`root` is the top mapping (empty and `broken` when there is none); `lines` the text it was read from."""

    file: str
    lines: list[str]
    root: Mapping
    diagnostics: list[Diagnostic]
    islands: IslandCache = field(default_factory=dict, repr=False)
    hopeless: set[str] = field(default_factory=set, repr=False)
    """Text from an open quote or bracket on in which nothing closes it."""


def load(
    file: str, text: str, previous: Document | None = None, pause: Callable[[], None] | None = None
) -> Document:
    """Reads a document. Islands of `previous` whose text is unchanged are taken over, moved to their new line.

    `pause` is called now and then; what it raises ends the reading, which can be begun again with another text.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        return failed(file, "too-large", f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB")
    return _Loader(file, text.removeprefix("\ufeff"), previous, pause or _never).document()


def failed(file: str, code: str, message: str) -> Document:
    """A document that could not be read at all."""
    span = Span(Origin(file), 0, 0, 0, 0)
    return Document(file, [], broken(span), [Diagnostic(code, Severity.ERROR, message, span)])


def _never() -> None:
    pass


class _Loader:
    def __init__(self, file: str, text: str, previous: Document | None, pause: Callable[[], None]) -> None:
        self.pause = pause
        self.file = file
        self.text = text
        self.original = texts.split_lines(text)
        self.diagnostics: list[Diagnostic] = []
        self.whole = Origin(file)
        pause()
        self.lines = self.cleaned(self.original)
        pause()
        self.depths = indentations(self.lines)
        self.restore = texts.show_breaks if texts.has_foreign_breaks(text) else None
        self.anchors = Anchors()
        self.old = previous.islands if previous else {}
        self.new: IslandCache = {}
        self.old_hopeless = previous.hopeless if previous else set()
        self.hopeless: set[str] = set()
        self.level = 0

    def document(self) -> Document:
        self.pause()
        start, end = self.bounds()
        entries: list[Entry] = []
        self.read_pieces(cut(self.lines, self.depths, start, end, 0), entries)
        span = Span(self.whole, start, 0, max(len(self.lines) - 1, 0), 0)
        merged = tuple(merge(entries, self.diagnostics))
        root = Mapping(merged, span, broken=not merged)
        if not merged and not self.diagnostics:
            self.error(
                "empty-file",
                "the file is empty: a pipeline begins with 'version: 1'",
                Span(self.whole, 0, 0, 0, 0),
            )
        return Document(self.file, self.original, root, self.diagnostics, self.new, self.hopeless)

    # Text before it is parsed

    def cleaned(self, lines: list[str]) -> list[str]:
        """The lines without what no parser should see; a character keeps its column, a line its number."""
        if texts.is_plain(self.text) and not any(mark in self.text for mark in _MARKS):
            return list(lines)
        cleaned = []
        conflict = False
        for number, line in enumerate(lines):
            if _CONFLICT.match(line):
                if not conflict:
                    span = Span(self.whole, number, 0, number, len(line))
                    self.error("merge-conflict", "an unresolved merge conflict begins here", span)
                conflict = True
                line = ""
            for column, character in texts.unprintable(line):
                span = Span(self.whole, number, column, number, column + 1)
                self.error(
                    "yaml-character", f"the character U+{ord(character):04X} is not allowed in YAML", span
                )
            cleaned.append(texts.hide_breaks(texts.without_unprintable(line)))
        return cleaned

    def bounds(self) -> tuple[int, int]:
        """The lines of the one document, without directives and document markers."""
        start, end = 0, len(self.lines)
        if not any(self.text.startswith(mark[1:]) or mark in self.text for mark in _MARKERS):
            return start, end
        content = False
        for number, line in enumerate(self.lines):
            if line.startswith("%") and not content and start == 0:
                if not re.match(r"%YAML\s+1\.[12]\s*(#.*)?\Z", line):
                    self.error(
                        "yaml-directive",
                        "only '%YAML 1.2' may stand here",
                        Span(self.whole, number, 0, number, len(line)),
                    )
                self.lines[number] = ""
                self.depths[number] = NO_CONTENT
            elif re.match(r"---(\s|\Z)", line):
                rest = line[3:].strip()
                if content or start:
                    span = Span(self.whole, number, 0, number, 3)
                    self.error(
                        "several-documents",
                        "a pipeline file holds one YAML document; another begins here",
                        span,
                    )
                    return start, number
                start = number + 1
                if rest and not rest.startswith("#"):
                    span = Span(self.whole, number, 3, number, len(line))
                    self.error("yaml-syntax", "put the content of the document below '---'", span)
            elif re.match(r"\.\.\.\s*\Z", line):
                end = number
                if any(indentation(rest) is not None for rest in self.lines[number + 1 :]):
                    span = Span(self.whole, number, 0, number, 3)
                    self.error("several-documents", "the document ends here, but text follows", span)
                break
            elif indentation(line) is not None:
                content = True
        return start, end

    # Islands

    def read_pieces(self, pieces: Sequence[Piece], entries: list[Entry]) -> None:
        position = 0
        while position < len(pieces):
            piece = pieces[position]
            position += 1
            if piece.end - piece.start > LARGE and self.read_children(piece, entries):
                continue
            island = self.read_island(piece)
            if isinstance(island, Broken):
                if self.read_children(piece, entries):
                    continue
                longer = self.read_joined(pieces, position) if island.unfinished else None
                if longer is None:
                    self.keep_broken(piece, island, entries)
                    continue
                island, position = longer
            self.diagnostics.extend(island.diagnostics)
            entries.extend(island.entries)

    def read_children(self, piece: Piece, entries: list[Entry]) -> bool:
        """Reads a `key:` with its block cut into entries; False when the piece is not of that form."""
        found = children(self.lines, self.depths, piece)
        if found is None:
            return False
        head, pieces = found
        island = self.read_island(Piece(piece.start, head + 1, piece.indent))
        if isinstance(island, Broken) or len(island.entries) != 1:
            return False
        inner: list[Entry] = []
        before = len(self.diagnostics)
        key = island.entries[0].key
        if self.level == MAX_DEPTH:
            self.error("too-deep", f"more than {MAX_DEPTH} levels are nested here", key.span)
            return True
        self.level += 1
        self.read_pieces(pieces, inner)
        self.level -= 1
        first = pieces[0].start
        span = Span(self.whole, first, pieces[0].indent, piece.end, 0)
        if inner:
            start, end = inner[0].key.span, inner[-1].value.span
            span = Span(
                self.whole, start.start[0], start.column, max(end.end[0], start.start[0]), end.end_column
            )
        merged = tuple(merge(inner, self.diagnostics))
        unknown = any(diagnostic.code.startswith("yaml-") for diagnostic in self.diagnostics[before:])
        entries.append(Entry(key, Mapping(merged, span, broken=unknown and not merged)))
        return True

    def read_island(self, piece: Piece) -> Island | Broken:
        self.pause()
        text = "\n".join(self.lines[piece.start : piece.end])
        if piece.end < len(self.lines):
            text += "\n"  # the end of a `|` text is its last line's
        occurrence = 0
        while (text, occurrence) in self.new:
            occurrence += 1
        known = self.old.get((text, occurrence))
        if known is not None and not known[0].linked:
            island = known[0]
            island.origin.line = piece.start
            self.new[text, occurrence] = known
            return island
        origin = Origin(self.file, piece.start)
        try:
            parsed = parse(text, origin, self.anchors, self.restore, self.level)
        except Broken as error:
            return error
        island = Island(origin, self.entries_of(parsed, piece, origin), parsed.diagnostics, parsed.linked)
        self.new[text, occurrence] = [island]
        return island

    def entries_of(self, parsed: Parsed, piece: Piece, origin: Origin) -> tuple[Entry, ...]:
        """The entries of an island; anything but a mapping at its indentation is reported in `parsed`."""
        node = parsed.node
        if node is None:
            return ()
        if isinstance(node, Mapping):
            if node.entries and not node.flow and node.entries[0].key.span.column != piece.indent:
                message = "this line is not at the place of a key of the mapping around it"
                parsed.diagnostics.append(
                    Diagnostic(
                        "yaml-syntax",
                        Severity.ERROR,
                        message,
                        node.entries[0].key.span,
                        "check its indentation",
                    )
                )
            return node.entries
        fixes: tuple[Fix, ...] = ()
        message = "a list cannot stand here: expected 'key: value'"
        if isinstance(node, Scalar):
            message = f"'{_short(node.text)}' has no ':' behind it: expected 'key: value'"
            end = Span(
                origin, node.span.end_line, node.span.end_column, node.span.end_line, node.span.end_column
            )
            fixes = (Fix("add ':'", (Edit(end, ":"),), safe=False),)
        parsed.diagnostics.append(Diagnostic("yaml-syntax", Severity.ERROR, message, node.span, fixes=fixes))
        return ()

    def read_joined(self, pieces: Sequence[Piece], position: int) -> tuple[Island, int] | None:
        """A quote or bracket may reach over lines that look like entries: tries the piece with its followers."""
        first = pieces[position - 1]
        followers = range(position, min(position + _JOINED, len(pieces)))
        text = "\n".join(self.lines[first.start : pieces[followers[-1]].end]) if followers else ""
        if text in self.old_hopeless:
            self.hopeless.add(text)
            return None
        for last in followers:
            island = self.read_island(Piece(first.start, pieces[last].end, first.indent))
            if not isinstance(island, Broken) and len(island.entries) == 1:
                return island, last + 1
        self.hopeless.add(text)
        return None

    def keep_broken(self, piece: Piece, error: Broken, entries: list[Entry]) -> None:
        """Reports the syntax error and keeps the entry's name, so that references to it still hold."""
        diagnostic = error.diagnostic
        self.diagnostics.append(diagnostic)
        self.anchors.lost.update(_ANCHOR.findall("\n".join(self.lines[piece.start : piece.end])))
        head = next(
            (n for n in range(piece.start, piece.end) if indentation(self.lines[n]) is not None), None
        )
        if head is None or not (match := _KEY.match(self.lines[head])):
            return
        origin = diagnostic.span.origin
        line = head - origin.line
        key = Span(origin, line, match.start(1), line, match.end(1))
        entries.append(Entry(Scalar(match[1], match[1], key), broken(key)))

    def error(self, code: str, message: str, span: Span) -> None:
        self.diagnostics.append(Diagnostic(code, Severity.ERROR, message, span))


def _short(text: str) -> str:
    line = text.split("\n", 1)[0]
    return line if len(line) <= 40 else line[:37] + "..."


def node_at(node: Node, line: int, column: int) -> list[Node]:
    """The chain of nodes, outermost first, whose spans hold a 0-based position."""
    found: list[Node] = []
    stack: list[Node] = [node]
    while stack:
        current = stack.pop()
        if current is not node and not (current.span.start <= (line, column) <= current.span.end):
            continue
        found.append(current)
        if isinstance(current, Mapping):
            stack = [entry.value for entry in current.entries]
        elif not isinstance(current, Scalar):
            stack = list(current.items)
        else:
            break
    return found
