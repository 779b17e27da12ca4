r"""The verifier of countdown: a response is correct if it reaches the target by exact arithmetic.

The last line decides. `answer 21` or `\boxed{21}` refers to the steps on the path, which are
replayed from the given numbers (see `replay`); abandoned branches do not matter unless the verifier
is `strict`. `answer (3 + 4) * 3` or `\boxed{(3 + 4) * 3}` is an expression and is evaluated by
itself. Either way, each given number must be used exactly once. A response that ends with `wait 16
is not 21` is incorrect, and rejects its answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from astro.plugins.params import Params
from astro.text import after_thoughts
from astro.types import Problem, Status, Verdict
from astro_countdown.grammar import ExpressionError, evaluate
from astro_countdown.replay import (
    MAX_CHARACTERS,
    Game,
    IllegalLine,
    all_legal,
    check_end,
    check_expression,
    game_of,
    is_number,
    lines_of,
    read_answer,
    read_number,
    replay,
)


class VerifierParams(Params):
    """Parameters of verifier `countdown`."""

    strict: Annotated[
        bool, Field(description="require every line to be legal, also in abandoned branches")
    ] = False


class CountdownVerifier:
    """Verifier `countdown`.

    The answer of a verdict is the value that was reached, so different wrong results are distinct.
    """

    def __init__(self, params: VerifierParams | None = None) -> None:
        """Use the defaults of `VerifierParams` unless `params` are given."""
        self._strict = (params or VerifierParams()).strict

    def verify(self, problem: Problem, response: str) -> Verdict:
        """Return a verdict on any text, in time linear in its length."""
        game = game_of(problem)
        if game is None:
            return Verdict(Status.BAD_REFERENCE, reason="metadata lacks numbers or target")
        if len(response) > MAX_CHARACTERS:
            return Verdict(Status.UNPARSED, reason=f"longer than {MAX_CHARACTERS} characters")
        said = after_thoughts(response)
        verdict = _judge(game, lines_of(said))
        if self._strict and verdict.correct and not all_legal(problem, said):
            return Verdict(Status.INCORRECT, verdict.answer, "right, but not every line is legal")
        return verdict


def _judge(game: Game, lines: Sequence[str]) -> Verdict:
    *walked, end = lines or [""]
    try:
        words = end.split()
        if words[:1] == ["wait"] and len(words) > 1:
            return _judge_steps(game, walked, read_number(words[1]), gave_up=True)
        answer = read_answer(end)
        if answer is None:
            return Verdict(Status.UNPARSED, reason="no answer at the end")
        if is_number(answer) and (walked or "/" not in answer):
            return _judge_steps(game, walked, read_number(answer))
        return _judge_expression(game, *evaluate(answer))
    except (IllegalLine, ExpressionError) as error:
        return Verdict(Status.UNPARSED, reason=str(error))


def _judge_expression(game: Game, value: Fraction, used: Sequence[int]) -> Verdict:
    try:
        check_expression(game, value, used)
    except IllegalLine as error:
        return Verdict(Status.INCORRECT, str(value), str(error))
    return Verdict(Status.CORRECT, str(value))


def _judge_steps(
    game: Game, lines: Sequence[str], stated: Fraction, gave_up: bool = False
) -> Verdict:
    walk = replay(game, lines)
    sound = not walk.fault and len(walk.remaining) == 1
    value = str(walk.remaining[0] if sound else stated)
    try:
        check_end(game, walk, stated)
    except IllegalLine as error:
        return Verdict(Status.INCORRECT, value, str(error), rejected=gave_up)
    if gave_up:
        return Verdict(Status.INCORRECT, value, "gave up on the target", rejected=True)
    return Verdict(Status.CORRECT, value)
