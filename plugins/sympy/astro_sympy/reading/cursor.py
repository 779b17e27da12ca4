"""A place in a list of tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from astro_sympy.reading.lexer import Token, Unreadable
from astro_sympy.values.nodes import Node

MAX_DEPTH = 30
_END = [Token("", "")] * 4


@dataclass(slots=True)
class Cursor:
    """Reads tokens from left to right.

    `bars` says how many `|` are open, so that the next one closes, and `integrals` how many wait
    for their `dx`. `inside` reads what stands in brackets, a whole answer again; `function` what
    follows a function's name.
    """

    stream: list[Token]
    inside: Callable[[Cursor], Node]
    function: Callable[[Cursor, str], Node]
    index: int = 0
    bars: int = 0
    integrals: int = 0
    _depth: int = field(default=0)

    def __post_init__(self) -> None:
        self.stream = self.stream + _END

    def peek(self, ahead: int = 0) -> Token:
        """The token `ahead` of the next one, at most three; of kind "" past the end."""
        return self.stream[self.index + ahead]

    def kinds(self, count: int) -> tuple[str, ...]:
        """The kinds of the next tokens, at most four."""
        return tuple(token.kind for token in self.stream[self.index : self.index + count])

    def take(self) -> Token:
        """The next token, which must be there."""
        token = self.peek()
        if not token.kind:
            raise Unreadable("ends too early")
        self.index += 1
        return token

    def accept(self, *kinds: str) -> Token | None:
        """The next token if it is of one of these kinds."""
        return self.take() if self.peek().kind in kinds else None

    def expect(self, *kinds: str) -> Token:
        """The next token, which must be of one of these kinds."""
        token = self.take()
        if token.kind not in kinds:
            raise Unreadable(f"expected {' or '.join(kinds)}, got {token.text!a:.20}")
        return token

    def digit(self) -> str:
        """The first digit of the next token, a number, whose other digits stay to be read."""
        token = self.peek()
        if len(token.text) > 1:
            self.stream[self.index] = Token("number", token.text[1:])
        else:
            self.index += 1
        return token.text[0]

    def nested(self, read: Callable[[Cursor], Node]) -> Node:
        """Read one level deeper. Raises `Unreadable` below 30 levels."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unreadable(f"nested more than {MAX_DEPTH} deep")
        node = read(self)
        self._depth -= 1
        return node

    def enclosed(self, bars: int, closing: str) -> Node:
        """What stands before `closing`, with `bars` open inside."""
        outside, self.bars = self.bars, bars
        node = self.nested(self.inside)
        self.expect(closing)
        self.bars = outside
        return node
