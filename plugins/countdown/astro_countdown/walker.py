"""A policy without a model: uniformly random legal moves. For rehearsals and tests of the chain."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from astro.builtin.scripted import Line, LineWriter
from astro.errors import PolicyError
from astro.plugins.params import Params
from astro.requests import Failure, Generate, LogProb, Reply
from astro_countdown.game import answer_line, apply, legal_moves, step_line, wait_line
from astro_countdown.replay import Game, IllegalLine, lines_of, read_prompt, replay


class WalkerParams(Params):
    steps_to_finish: Annotated[
        int, Field(ge=1, description="a request takes 1 to this many steps, so they overtake")
    ] = 1


class CountdownWalker:
    """Plays on from where a response stands, to `answer` or `wait`, and then ends the sequence.

    A move drawn from n legal ones has log-probability log(1/n). A prompt that is no countdown
    problem, or a response that breaks the rules, is answered with a `Failure`.
    """

    def __init__(self, params: WalkerParams) -> None:
        self._writer = LineWriter(next_line, params.steps_to_finish)

    def add(self, ticket: int, request: Generate | LogProb) -> None:
        self._writer.add(ticket, request)

    def step(self, block: bool = False) -> list[tuple[int, Reply | Failure]]:
        return self._writer.step(block)

    def counters(self) -> dict[str, float]:
        return self._writer.counters()

    def close(self) -> None:
        self._writer.close()


def next_line(user: str, response: str, draw: int) -> Line | None:
    """The next line of the walk; None at its end. Raises `PolicyError`."""
    game, lines = _game(user), lines_of(response)
    if lines and lines[-1].startswith(("answer", "wait")):
        return None
    walk = replay(game, lines)
    if walk.fault or response[-1:] not in ("", "\n"):
        raise PolicyError(f"the walker cannot go on from here: {walk.fault or 'half a line'}")
    numbers, target = tuple(map(int, walk.remaining)), int(game.target)
    if len(numbers) == 1:
        (value,) = numbers
        return Line(answer_line(value) if value == target else wait_line(value, target))
    moves = legal_moves(numbers)
    if not moves:
        raise PolicyError(f"the walker has no legal move from {numbers}")
    move = moves[draw % len(moves)]
    return Line(step_line(move, apply(numbers, move)), -math.log(len(moves)))


def _game(user: str) -> Game:
    try:
        return read_prompt(user)
    except IllegalLine as error:
        raise PolicyError(f"not a countdown problem: {error}") from None
