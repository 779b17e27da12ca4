"""The countdown game: combine numbers two at a time until one is left, which must be the target.

Pure functions for the rules and their text form. Problems, verifier and the training of the tiny
model use them.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from itertools import combinations, combinations_with_replacement
from typing import Literal, NamedTuple

Numbers = tuple[int, ...]
Split = Literal["train", "dev", "test"]

CAP = 50
"""Largest value in a game. A tiny model can calculate with small numbers only."""


class Move(NamedTuple):
    """One step: `left op right = result`."""

    left: int
    op: str
    right: int
    result: int


@dataclass(frozen=True)
class Difficulty:
    """The space of problems: the count of numbers, their range, and the range of targets."""

    count: int = 3
    low: int = 1
    high: int = 15
    min_target: int = 10
    max_target: int = CAP


def calculate(left: int, op: str, right: int) -> int | None:
    """Return the result of one operation; None if it is not exact or not within 1 to `CAP`."""
    if op == "/":
        result = left // right if right and left % right == 0 else 0
    else:
        result = {"+": left + right, "-": left - right, "*": left * right}.get(op, 0)
    return result if 1 <= result <= CAP else None


def legal_moves(numbers: Numbers) -> list[Move]:
    """Return all moves from a list without repetitions.

    The smaller number comes first in + and *, the larger one in - and /.
    """
    moves: dict[Move, None] = {}
    for pair in combinations(sorted(numbers), 2):
        small, large = pair
        for left, op, right in (
            (small, "+", large),
            (large, "-", small),
            (small, "*", large),
            (large, "/", small),
        ):
            result = calculate(left, op, right)
            if result is not None:
                moves[Move(left, op, right, result)] = None
    return list(moves)


def apply(numbers: Numbers, move: Move) -> Numbers:
    """Return the sorted list after a move.

    Raises:
        ValueError: The list lacks an operand of the move.
    """
    rest = list(numbers)
    rest.remove(move.left)
    rest.remove(move.right)
    return tuple(sorted([*rest, move.result]))


def solution(numbers: Numbers, target: int) -> str:
    """Return the lines of a walk from the numbers to the target, which must be reachable."""
    lines = ""
    while len(numbers) > 1:
        moves = [(move, apply(numbers, move)) for move in legal_moves(numbers)]
        move, numbers = next(option for option in moves if target in walks(option[1]))
        lines += step_line(move, numbers)
    return lines + answer_line(target)


@cache
def walks(numbers: Numbers) -> dict[int, float]:
    """Return each value that a walk can end on, with the probability under uniform moves."""
    if len(numbers) == 1:
        return {numbers[0]: 1.0}
    chances: dict[int, float] = {}
    moves = legal_moves(numbers)
    for move in moves:
        for value, chance in walks(apply(numbers, move)).items():
            chances[value] = chances.get(value, 0.0) + chance / len(moves)
    return chances


def split_of(numbers: Numbers, target: int) -> Split:
    """Return the split of a problem by its hash: one tenth test, one tenth dev, the rest train."""
    text = f"{' '.join(map(str, sorted(numbers)))} -> {target}"
    bucket = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") % 10
    return "test" if bucket == 0 else "dev" if bucket == 1 else "train"


def all_problems(difficulty: Difficulty, split: Split) -> Iterator[tuple[Numbers, int]]:
    """Yield every solvable (sorted numbers, target) of a split, in a fixed order."""
    values = range(difficulty.low, difficulty.high + 1)
    for numbers in combinations_with_replacement(values, difficulty.count):
        for target in sorted(walks(numbers)):
            in_range = difficulty.min_target <= target <= difficulty.max_target
            if in_range and split_of(numbers, target) == split:
                yield numbers, target


def sample_problems(
    difficulty: Difficulty, split: Split, count: int, seed: int
) -> list[tuple[Numbers, int]]:
    """Return `count` different problems of a split in random order; all, if there are fewer."""
    problems = list(all_problems(difficulty, split))
    random.Random(seed).shuffle(problems)
    return problems[:count]


def prompt(numbers: Numbers, target: int) -> str:
    """Return the prompt of a problem: `use 3 5 8 to make 19`."""
    return f"use {_spaced(numbers)} to make {target}"


def step_line(move: Move, left: Numbers) -> str:
    """Return the line of a move and the list after it: `3 + 5 = 8 left 8 8`."""
    return f"{move.left} {move.op} {move.right} = {move.result} left {_spaced(left)}\n"


def answer_line(target: int) -> str:
    """Return the last line of a walk that reached the target: `answer 19`."""
    return f"answer {target}\n"


def wait_line(value: int, target: int) -> str:
    """Return the last line of a walk that missed the target: `wait 16 is not 19`."""
    return f"wait {value} is not {target}\n"


def back_line(numbers: Numbers) -> str:
    """Return the line that backtracks to an earlier list: `back to 3 5 8`."""
    return f"back to {_spaced(numbers)}\n"


def read_step(numbers: Numbers, line: str) -> Numbers | None:
    """Return the list after a step line; None if it is not a legal step from `numbers`."""
    words = line.split()
    if len(words) < 7 or words[3] != "=" or words[5] != "left":
        return None
    values = [*words[0:5:2], *words[6:]]
    if not all(word.isascii() and word.isdigit() and len(word) <= 4 for word in values):
        return None
    left, right, result, *rest = map(int, values)
    if calculate(left, words[1], right) != result:
        return None
    try:
        after = apply(numbers, Move(left, words[1], right, result))
    except ValueError:
        return None
    return after if tuple(sorted(rest)) == after else None


def _spaced(numbers: Numbers) -> str:
    return " ".join(map(str, numbers))
