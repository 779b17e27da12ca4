"""A policy without a model that plays uniformly random legal moves, for rehearsals and tests."""

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
    """Parameters of policy `countdown_walker`."""

    steps_to_finish: Annotated[
        int,
        Field(
            ge=1,
            description="a request finishes after 1 to this many engine steps, so that requests "
            "overtake one another",
        ),
    ] = 1


class CountdownWalker:
    """Continues a response line by line to `answer` or `wait`, and then ends the sequence.

    A move drawn from n legal ones has log-probability log(1/n). The reply is a `Failure` if the
    prompt is not a countdown problem or the response breaks the rules.
    """

    def __init__(self, params: WalkerParams) -> None:
        """Let requests take up to `params.steps_to_finish` engine steps."""
        self._writer = LineWriter(next_line, params.steps_to_finish)

    def add(self, ticket: int, request: Generate | LogProb) -> None:
        """Queue a request."""
        self._writer.add(ticket, request)

    def step(self, block: bool = False) -> list[tuple[int, Reply | Failure]]:
        """Return the replies that are ready."""
        return self._writer.step(block)

    def counters(self) -> dict[str, float]:
        """Return the counters of the requests served."""
        return self._writer.counters()

    def close(self) -> None:
        """Drop the queue."""
        self._writer.close()


def next_line(user: str, response: str, draw: int) -> Line | None:
    """Return the next line of the walk; None at its end.

    Args:
        user: The prompt.
        response: The response so far, which ends with a line end.
        draw: A random number that selects the move.

    Raises:
        PolicyError: The prompt is not a countdown problem, or the walk cannot be continued.
    """
    game, lines = _game(user), lines_of(response)
    if lines and lines[-1].startswith(("answer", "wait")):
        return None
    walk = replay(game, lines)
    if walk.fault or response[-1:] not in ("", "\n"):
        raise PolicyError(
            f"the walker cannot continue this response: {walk.fault or 'half a line'}"
        )
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
