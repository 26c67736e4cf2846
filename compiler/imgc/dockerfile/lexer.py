"""The shell lexer of BuildKit (frontend/dockerfile/shell): words, quotes, `$NAME`.

Only what reading a user's Dockerfile needs. The modifiers `#`, `%` and `/` of `${…}` are refused.
"""

from __future__ import annotations

from collections.abc import Callable

GO_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What Go's unicode.IsSpace takes for white space (Python's str.isspace has four more)."""

_SPECIAL_PARAMETERS = "@*#?-$!0"

Environment = Callable[[str], str | None]


class LexError(ValueError):
    """The word is not one that BuildKit can read, or one that only a build can."""


def expand(word: str, environment: Environment, escape: str = "\\") -> str:
    """One word with its quotes taken away and its variables replaced; unset ones are empty."""
    return _Lexer(word, environment, escape)._until("")[0]


def split(line: str, *, raw: bool) -> list[str]:
    """The words of a line; variables stay as they are. `raw` keeps quotes and escapes."""
    lexer = _Lexer(line, _nothing, "\\", raw_quotes=raw, raw_escapes=raw, keep_unset=True)
    return lexer._until("")[1]


def _nothing(_name: str) -> None:
    return None


class _Words:
    def __init__(self) -> None:
        self.words: list[str] = []
        self.word = ""

    def add(self, text: str) -> None:
        """Text whose white space separates words."""
        for character in text:
            if character not in GO_SPACE:
                self.word += character
            else:
                self.end()

    def end(self) -> None:
        if self.word:
            self.words.append(self.word)
            self.word = ""


class _Lexer:
    def __init__(
        self,
        text: str,
        environment: Environment,
        escape: str,
        raw_quotes: bool = False,
        raw_escapes: bool = False,
        keep_unset: bool = False,
    ) -> None:
        self.text = text
        self.at = 0
        self.environment = environment
        self.escape = escape
        self.raw_quotes = raw_quotes
        self.raw_escapes = raw_escapes
        self.keep_unset = keep_unset

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _next(self) -> str:
        character = self._peek()
        self.at += 1
        return character

    def _until(self, stop: str) -> tuple[str, list[str]]:
        result = ""
        words = _Words()
        while (character := self._peek()) != "":
            if character == stop:
                self.at += 1
                words.end()
                return result, words.words
            if character == "$":
                found = self._dollar()
                words.add(found)
            elif character in "'\"":
                found = self._quoted(character)
                words.word += found
            elif character == "<":
                found = self._heredoc()
                words.word += found
            elif character == self.escape:
                self.at += 1
                found = self._next()
                if self.raw_escapes:
                    found = character + found
                words.word += found
            else:
                self.at += 1
                found = character
                words.add(found)
            result += found
        if stop:
            raise LexError(f"no closing '{stop}'")
        words.end()
        return result, words.words

    def _quoted(self, quote: str) -> str:
        self.at += 1
        result = quote if self.raw_quotes else ""
        while (character := self._peek()) != quote:
            if character == "":
                raise LexError(f"no closing {quote}")
            if quote == '"' and character == "$":
                result += self._dollar()
                continue
            self.at += 1
            if quote == '"' and character == self.escape and self._peek() != "":
                if self.raw_escapes:
                    result += character
                if self._peek() in ('"', "$", self.escape):
                    character = self._next()
            elif quote == '"' and character == self.escape:
                continue
            result += character
        self.at += 1
        return result + (quote if self.raw_quotes else "")

    def _heredoc(self) -> str:
        """`<<` and the blanks behind it belong to the word that follows."""
        self.at += 1
        if self._peek() != "<":
            return "<"
        begin = self.at - 1
        self.at += 1
        while self._peek() in ("\t", "\r", " "):
            self.at += 1
        return self.text[begin : self.at]

    def _dollar(self) -> str:
        self.at += 1
        if self._peek() != "{":
            name = self._name()
            if not name:
                return "$"
            value = self.environment(name)
            return f"${name}" if value is None and self.keep_unset else value or ""
        self.at += 1
        if self._peek() in ("", "{", "}", ":"):
            raise LexError("bad substitution")
        name = self._name()
        modifier = self._next()
        value = self.environment(name)
        if modifier == "}":
            return f"${{{name}}}" if value is None and self.keep_unset else value or ""
        empty_is_unset = modifier == ":"
        if empty_is_unset:
            modifier = self._next()
        if modifier not in ("+", "-", "?"):
            raise LexError(f"modifier {modifier!r} is not read here")
        word, _ = self._until("}")
        if value is None and self.keep_unset:
            return f"${{{name}{':' if empty_is_unset else ''}{modifier}{word}}}"
        is_set = value is not None and not (empty_is_unset and value == "")
        if modifier == "+":
            return word if is_set else ""
        if modifier == "?" and not is_set:
            raise LexError(word or f"{name} is not set")
        return (value or "") if is_set else word

    def _name(self) -> str:
        begin = self.at
        first = self._peek()
        if first.isdecimal():
            while self._peek().isdecimal():
                self.at += 1
        elif first and first in _SPECIAL_PARAMETERS:
            self.at += 1
        else:
            while self._peek().isalnum() or self._peek() == "_":
                self.at += 1
        return self.text[begin : self.at]
