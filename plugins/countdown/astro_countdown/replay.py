"""Exact replay of the lines of a response, defined for any text.

A response is a walk over lists of remaining numbers that starts at the given ones:

    3 + 5 = 8 left 8 8      a step: correct arithmetic on two of the remaining numbers
    wait 16 is not 21       the walk has missed the target
    back to 3 5 8           return to that list, which must be on the current path
    answer 21               the walk has reached the target

Any other line is illegal, and so is a line of these forms that is false. The *path* holds the
lists that remain: a `back to` removes the steps after the list that it returns to. An illegal line
stays on the path until a `back to` an earlier list removes it; lines after it are ignored until
then. Lists are compared without regard to order. The arithmetic is that of the rationals, since
`CAP` limits the problems but not their solutions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from astro.types import Problem
from astro_countdown.grammar import ExpressionError, calculate, evaluate

MAX_CHARACTERS = 100_000

Remaining = tuple[Fraction, ...]
"""The remaining numbers, sorted."""

_NUMBER = re.compile(r"-?[0-9]{1,9}(/[0-9]{1,9})?")
_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")


class IllegalLine(Exception):
    """The line breaks the rules; the message says how."""


@dataclass(frozen=True, slots=True)
class Game:
    """The numbers and the target of a problem."""

    numbers: Remaining
    target: Fraction


@dataclass(frozen=True, slots=True)
class Walk:
    """The state of a response after some of its lines.

    Attributes:
        path: The lists on the path, starting with the given numbers.
        fault: What is wrong with the first illegal line on the path; empty if there is none.
        legal: Whether all lines so far are legal, including those of abandoned branches.
    """

    path: tuple[Remaining, ...]
    fault: str = ""
    legal: bool = True

    @property
    def remaining(self) -> Remaining:
        """The remaining numbers at the end of the path."""
        return self.path[-1]


def game_of(problem: Problem) -> Game | None:
    """Return the game in a problem's metadata (`numbers` and `target`); None if there is none."""
    numbers, target = problem.metadata.get("numbers"), problem.metadata.get("target")
    if not isinstance(numbers, list | tuple) or not numbers or type(target) is not int:
        return None
    if not all(type(number) is int for number in numbers):
        return None
    return Game(tuple(sorted(map(Fraction, numbers))), Fraction(target))


def read_prompt(text: str) -> Game:
    """Return the game of a prompt such as `use 3 5 8 to make 16`.

    Raises:
        IllegalLine: The text has another form.
    """
    words = text.split()
    if len(words) < 5 or words[0] != "use" or words[-3:-1] != ["to", "make"]:
        raise IllegalLine("expected: use 3 5 8 to make 16")
    game = Game(read_numbers(words[1:-3]), read_number(words[-1]))
    if not all(number.denominator == 1 <= number for number in (game.target, *game.numbers)):
        raise IllegalLine("expected whole numbers from 1")
    return game


def lines_of(response: str) -> list[str]:
    """Return the lines of a response without blank ones."""
    return [line for line in response.split("\n") if line.strip()]


def replay(game: Game, lines: Iterable[str]) -> Walk:
    """Replay lines from the given numbers."""
    walk = Walk((game.numbers,))
    for line in lines:
        walk = _advance(game, walk, line)
    return walk


def all_legal(problem: Problem, response: str) -> bool:
    """Whether a response has lines and every one is legal."""
    game, lines = game_of(problem), lines_of(response[: MAX_CHARACTERS + 1])
    if game is None or not lines or len(response) > MAX_CHARACTERS:
        return False
    return replay(game, lines).legal


def read_numbers(words: Sequence[str]) -> Remaining:
    """Return the sorted numbers that words spell.

    Raises:
        IllegalLine: A word is not a number.
    """
    return tuple(sorted(map(read_number, words)))


def read_number(word: str) -> Fraction:
    """Return the number that a word spells: `8`, `-8` or `8/3`.

    Raises:
        IllegalLine: The word is not a number.
    """
    if not _NUMBER.fullmatch(word):
        raise IllegalLine(f"not a number: {word[:20]!a}")
    top, _, bottom = word.partition("/")
    if bottom and int(bottom) == 0:
        raise IllegalLine("division by zero")
    return Fraction(int(top), int(bottom or 1))


def read_answer(line: str) -> str | None:
    r"""Return the answer in a line, after `answer` or in its last `\boxed{}`; None without one.

    An answer is a number, the value that the steps before it reached, or an expression.
    """
    boxed = _BOXED.findall(line)
    if boxed:
        return str(boxed[-1]).strip()
    first, _, rest = line.strip().partition(" ")
    return rest.strip() if first == "answer" else None


def is_number(text: str) -> bool:
    """Whether a text is a number that `read_number` accepts, but for a zero denominator."""
    return _NUMBER.fullmatch(text) is not None


def check_expression(game: Game, value: Fraction, used: Sequence[int]) -> None:
    """Check that an expression uses each given number once and has the target as value.

    Raises:
        IllegalLine: It does not.
    """
    if tuple(sorted(map(Fraction, used))) != game.numbers:
        raise IllegalLine("does not use each number once")
    if value != game.target:
        raise IllegalLine(f"{value} is not {game.target}")


def check_end(game: Game, walk: Walk, stated: Fraction) -> None:
    """Check that the path has no fault and ends on the target, as stated.

    Raises:
        IllegalLine: It does not.
    """
    if walk.fault:
        raise IllegalLine(walk.fault)
    if len(walk.remaining) != 1:
        raise IllegalLine(f"{len(walk.remaining)} numbers are left")
    if walk.remaining[0] != stated:
        raise IllegalLine(f"{stated} is stated where {walk.remaining[0]} was reached")
    if stated != game.target:
        raise IllegalLine(f"{stated} is not {game.target}")


def _advance(game: Game, walk: Walk, line: str) -> Walk:
    words = line.split()
    try:
        if words[:2] == ["back", "to"]:
            return _cut(walk, read_numbers(words[2:]))
        if walk.fault:
            return walk
        answer = read_answer(line)
        if answer is not None:
            _check_answer(game, walk, answer)
        elif words[0] == "wait":
            _check_wait(game, walk, words)
        else:
            return replace(walk, path=(*walk.path, _play(walk.remaining, words)))
    except (IllegalLine, ExpressionError) as error:
        return replace(walk, fault=walk.fault or str(error), legal=False)
    return walk


def _cut(walk: Walk, back_to: Remaining) -> Walk:
    if back_to not in walk.path:
        raise IllegalLine("goes back to a list that is not on the path")
    return Walk(walk.path[: walk.path.index(back_to) + 1], legal=walk.legal)


def _check_answer(game: Game, walk: Walk, answer: str) -> None:
    """Check an answer line; without steps before it, `42/2` is a division of the given numbers."""
    if is_number(answer) and (len(walk.path) > 1 or "/" not in answer):
        check_end(game, walk, read_number(answer))
    else:
        check_expression(game, *evaluate(answer))


def _check_wait(game: Game, walk: Walk, words: Sequence[str]) -> None:
    if len(words) != 5 or words[2:4] != ["is", "not"]:
        raise IllegalLine("not a line of the game")
    value, target = read_number(words[1]), read_number(words[4])
    if (value,) != walk.remaining or target != game.target or value == target:
        raise IllegalLine("an untrue wait")


def _play(remaining: Remaining, words: Sequence[str]) -> Remaining:
    if len(words) < 7 or words[1] not in tuple("+-*/") or (words[3], words[5]) != ("=", "left"):
        raise IllegalLine("not a line of the game")
    left, right, result = (read_number(words[i]) for i in (0, 2, 4))
    rest = list(remaining)
    for operand in (left, right):
        if operand not in rest:
            raise IllegalLine(f"{operand} is not there to use")
        rest.remove(operand)
    if calculate(left, words[1], right) != result:
        raise IllegalLine(f"{left} {words[1]} {right} is not {result}")
    after = tuple(sorted([*rest, result]))
    if read_numbers(words[6:]) != after:
        raise IllegalLine("the numbers left are wrong")
    return after
