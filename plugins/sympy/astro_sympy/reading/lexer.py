"""The lexer: LaTeX and plain mathematics to tokens, in time linear in the length of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from astro_sympy.reading.phrases import symbol_for
from astro_sympy.reading.vocabulary import (
    ALIASES,
    FUNCTIONS,
    NAMES,
    OMITTED,
    OPERATORS,
    SCALES,
    SKIPPED,
    TEXT,
    WORDS,
)
from astro_sympy.values.units import is_unit


class Token(NamedTuple):
    """A token and its kind.

    The kind is `number`, `numeral`, `name`, `function`, `call`, `text`, `begin`, `end`, `currency`
    or `scale`; other tokens, such as operators, have their own text as kind.
    """

    kind: str
    text: str


class Unreadable(ValueError):
    """The text is not in the grammar of mathematical answers, or exceeds its bounds."""


MAX_LENGTH = 4000
MAX_DIGITS = 1000

_OPENING = frozenset({"(", "[", "{"})
_CLOSING = frozenset({")", "]", "}"})
_DIGITS = frozenset("0123456789.")
_MEANINGLESS = frozenset('#@`"?\\')
_PUNCTUATION = {"**": "^", "==": "=", "&&": "and", "{": "begin", "}": "end", "{:}": ":"}
_GROUP = r"(?:\{,\}|,?\\[!,;: ]\s*|,|[ ~])"
_COMMA = re.compile(r",(?=[1-9])")
_HEXADECIMAL = r"(?=[A-F]*[0-9]|[A-F]+\)?\s*_\s*\{?\s*16\b)(?=[0-9]*[A-F])[0-9A-F]{2,20}"
_TOKEN = re.compile(
    r"(?P<space>\s+|~|\$|&nbsp;|(?<=\d)(?:st|nd|rd|th)\b|\.(?=[\s$)}\],;]|\\[\s)\],;!\\]|\\end|$)|\\$)"
    rf"|(?P<grouped>[1-9]\d{{0,2}}(?:{_GROUP}\d{{3}})+(?!\d)(?:\.\d+)?)"
    r"|(?P<decimal>\d+\{,\}\d+)"
    rf"|(?P<numeral>(?:{_HEXADECIMAL}|\({_HEXADECIMAL}\))(?=\s*_\s*\{{?\s*1[1-6]\b))"
    r"|(?P<repeating>\d*\.\d*\\(?:overline|bar|dot)\{\d+\})"
    r"|(?P<scientific>\d+(?:\.\d+)?[eE][+-]?\d+(?![\w.]))"
    r"|(?P<number>\d+(?:\.\d+)?|\.\d+)"
    r"|\\(?P<environment>(?:begin|end)\s*\{[a-z]+\*?)\}(?:\s*\{[clr|@ ]*\})?"
    r"|\\(?P<command>[a-zA-Z]+|[^a-zA-Z\\])\*?"
    r"|(?P<row>\\\\(?:\[-?[\d.]+ ?[a-z]{2}\])?)"
    r"|(?P<word>(?:and|or)(?=[A-Z])|[a-zA-Z]+)"
    r"|(?P<other>\{:\}|\*\*|==|!=|<=|>=|&&|\.\.+|.)",
    re.DOTALL | re.ASCII,
)
_NUMERAL = re.compile(r"[0-9A-F]{2,20}")
_EULER = re.compile(r"(?<![\w.\\])e(?![A-Za-z])|\de\^")
_SPACING = re.compile(r"(?:~|\\[,;:! ]|\$|\s)+")
_CONDITION_WORDS = ("if", "for", "when", "else")
_CONDITION = re.compile(r"(if|for|when) (.+)", re.IGNORECASE)
_RELATED = re.compile(r"[<>=\\]")
_VALUE = re.compile(r"[-+(\[]*\.?\d")
_CAPITAL = re.compile(r"\s*([A-Z])")
_QUAD = re.compile(r"^q?quad(?=[a-zA-Z]$)")
_BRACED = re.compile(r"\s*\{((?:[^{}]|\{[^{}]*\})*)\}")


def tokens(text: str) -> list[Token]:
    """Split ASCII LaTeX into tokens.

    Raises:
        Unreadable: The text is too long or has a character without a meaning.
    """
    if len(text) > MAX_LENGTH:
        raise Unreadable(f"longer than {MAX_LENGTH} characters")
    return list(_Lexer(text).run())


class _Lexer:
    """Reads from `position`, and tracks whether it is in brackets, where commas separate items."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.brackets = 0
        self.environments = 0
        self.previous = ""

    def run(self) -> Iterator[Token]:
        while self.position < len(self.text):
            for token in self._next():
                self.brackets += (token.kind in _OPENING) - (token.kind in _CLOSING)
                self.previous = token.kind
                yield token

    def _next(self) -> Iterator[Token]:
        match = _TOKEN.match(self.text, self.position)
        assert match is not None  # the last alternative takes any character
        self.position = match.end()
        kind, text = match.lastgroup, match.group()
        if kind == "environment":
            yield self._environment(match)
        elif kind == "command":
            yield from self._command(match["command"])
        elif kind == "word":
            yield from self._word(text)
        elif kind == "row":
            yield from self._row(text)
        elif kind == "other":
            yield _punctuation(text)
        elif kind != "space":
            yield self._numeral(kind or "", match)

    def _numeral(self, kind: str, match: re.Match[str]) -> Token:
        text = match.group()
        if len(text) > MAX_DIGITS:
            raise Unreadable(f"a number of more than {MAX_DIGITS} digits")
        if kind == "grouped" and self.brackets > 0 and (comma := _COMMA.search(text)):
            self.position = match.start() + comma.start()  # in brackets, it separates items
            return Token("number", text[: comma.start()])
        if kind == "scientific" and "." not in text and _EULER.search(self.text):
            self.position = match.start() + len(text.lower().partition("e")[0])
            return Token("number", self.text[match.start() : self.position])  # 2e-1 + e^2
        if kind == "grouped":
            text = "".join(character for character in text if character in _DIGITS)
        elif kind == "decimal":
            text = text.replace("{,}", ".")
        elif kind == "numeral":
            return Token(kind, text.strip("()"))
        return Token("number", text)

    def _environment(self, match: re.Match[str]) -> Token:
        word, name = match["environment"].split("{")
        self.environments += 1 if word.startswith("begin") else -1
        return Token("\\" + word.strip(), name.rstrip("*"))

    def _row(self, text: str) -> Iterator[Token]:
        if self.environments > 0:
            yield Token("\\\\", "\\\\")
        else:  # a backslash that serialization has doubled
            self.position -= len(text) - 1

    def _command(self, name: str) -> Iterator[Token]:
        if name in TEXT:
            yield from self._quoted(self._braced() or "")
        elif name in ("left", "right", "middle") and self.text.startswith(".", self.position):
            self.position += 1
        elif name in OPERATORS:
            yield Token(OPERATORS[name], name)
        elif name == "notin":
            yield from (Token("not", "not"), Token("in", "in"))
        elif name == "mathbb" and (letter := self._braced() or self._letter()):
            yield Token("name", letter.strip() * 2)
        elif name in OMITTED:
            self._braced()
        elif name not in SKIPPED and not name.isspace():
            yield _named(_QUAD.sub("", name))

    def _braced(self) -> str | None:
        """Take the contents of the braces that follow, if there are any."""
        match = _BRACED.match(self.text, self.position)
        if match is None:
            return None
        self.position = match.end()
        return match[1]

    def _letter(self) -> str | None:
        """Take the capital letter that follows, if there is one."""
        match = _CAPITAL.match(self.text, self.position)
        if match is None:
            return None
        self.position = match.end()
        return match[1]

    def _quoted(self, text: str) -> Iterator[Token]:
        content = _SPACING.sub(" ", text).strip()
        plain = content.strip(" ,;").lower()
        if self.previous == "number" and is_unit(content):
            yield Token("text", content)
        elif content in FUNCTIONS or content in ("e", "i"):
            yield from self._word(content)
        elif plain in WORDS:
            yield Token(WORDS[plain], content)
        elif _NUMERAL.fullmatch(content) and self.text.startswith("_", self.position):
            yield Token("numeral", content)
        elif name := symbol_for(content):
            yield Token("name", name)
        elif plain in SCALES:
            yield Token("scale", plain)
        elif self.environments and (condition := _CONDITION.fullmatch(content)):
            yield Token("text", condition[1])
            mathematical = _RELATED.search(condition[2])
            yield from _Lexer(condition[2]).run() if mathematical else [Token("text", condition[2])]
        elif _VALUE.match(content):
            yield from _Lexer(content).run()
        elif content:
            yield Token("text", content)

    def _word(self, word: str) -> Iterator[Token]:
        name = ALIASES.get(word, word)
        if name in FUNCTIONS:
            yield Token("function", name)
        elif word.lower() in WORDS:
            yield Token(WORDS[word.lower()], word)
        elif word in NAMES:
            yield Token("name", NAMES[word])
        elif word.lower() == "nan":
            raise Unreadable("NaN is not a number")
        elif word.lower() in SCALES:
            yield Token("scale", word.lower())
        elif len(word) > 4 and self.text.startswith("(", self.position):
            yield Token("call", word)
        elif self._is_text(word):
            yield Token("text", word)
        else:
            yield from (Token("name", letter) for letter in word)

    def _is_text(self, word: str) -> bool:
        """Whether letters form a word rather than a product of variables."""
        if self.environments > 0 and word.lower() in _CONDITION_WORDS:
            return True
        if len(word) > 4 or (len(word) > 2 and word.istitle()):
            return True
        return len(word) > 1 and self.previous in ("number", ")", "end") and is_unit(word)


def _punctuation(text: str) -> Token:
    if text.startswith(".."):
        return Token("...", text)
    if text in _MEANINGLESS or not text.isascii():
        raise Unreadable(f"unexpected character {text!a}")
    return Token(_PUNCTUATION.get(text, text), text)


def _named(name: str) -> Token:
    name = ALIASES.get(name, name)
    if name in FUNCTIONS:
        return Token("function", name)
    if name in NAMES or len(name) == 1:
        return Token("name", NAMES.get(name, name))
    raise Unreadable(f"unknown command \\{name:.20}")
