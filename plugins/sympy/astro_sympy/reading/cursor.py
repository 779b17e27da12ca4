"""The position of a parser in a list of tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from astro_sympy.reading.lexer import Token, Unreadable
from astro_sympy.values.nodes import Node

MAX_DEPTH = 30
_END = [Token("", "")] * 4


@dataclass(slots=True)
class Cursor:
    """Reads tokens from left to right.

    Attributes:
        bars: How many `|` are open, so that the next one closes one.
        integrals: How many integrals still expect their `dx`.
        inside: Reads the contents of brackets, which may be any answer.
        function: Reads the arguments that follow a function's name.
    """

    stream: list[Token]
    inside: Callable[[Cursor], Node]
    function: Callable[[Cursor, str], Node]
    index: int = 0
    bars: int = 0
    integrals: int = 0
    _depth: int = field(default=0)

    def __post_init__(self) -> None:
        """Append end tokens, so that `peek` needs no bounds check."""
        self.stream = self.stream + _END

    def peek(self, ahead: int = 0) -> Token:
        """Return the token `ahead` of the next one, at most three; its kind is "" past the end."""
        return self.stream[self.index + ahead]

    def kinds(self, count: int) -> tuple[str, ...]:
        """Return the kinds of the next `count` tokens, at most four."""
        return tuple(token.kind for token in self.stream[self.index : self.index + count])

    def take(self) -> Token:
        """Take the next token.

        Raises:
            Unreadable: No token is left.
        """
        token = self.peek()
        if not token.kind:
            raise Unreadable("the text ends too early")
        self.index += 1
        return token

    def accept(self, *kinds: str) -> Token | None:
        """Take the next token if it is of one of these kinds; else return None."""
        return self.take() if self.peek().kind in kinds else None

    def expect(self, *kinds: str) -> Token:
        """Take the next token.

        Raises:
            Unreadable: The token is of none of these kinds.
        """
        token = self.take()
        if token.kind not in kinds:
            raise Unreadable(f"expected {' or '.join(kinds)}, got {token.text!a:.20}")
        return token

    def digit(self) -> str:
        """Take only the first digit of the next token, which is a number."""
        token = self.peek()
        if len(token.text) > 1:
            self.stream[self.index] = Token("number", token.text[1:])
        else:
            self.index += 1
        return token.text[0]

    def nested(self, read: Callable[[Cursor], Node]) -> Node:
        """Call `read` one level deeper.

        Raises:
            Unreadable: The level is beyond `MAX_DEPTH`.
        """
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unreadable(f"nested more than {MAX_DEPTH} levels deep")
        node = read(self)
        self._depth -= 1
        return node

    def part(self, stream: Sequence[Token]) -> Cursor:
        """Return a cursor on some of the tokens, at the same depth."""
        return Cursor([*stream], self.inside, self.function, _depth=self._depth)

    def enclosed(self, bars: int, closing: str) -> Node:
        """Read the contents of brackets up to `closing`, with `bars` open inside."""
        outside, self.bars = self.bars, bars
        node = self.nested(self.inside)
        self.expect(closing)
        self.bars = outside
        return node
