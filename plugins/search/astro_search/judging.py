"""Verdicts and values of the states that new steps lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from astro.interfaces import ValueEstimator
from astro.requests import BudgetExhausted, Program, Verify
from astro.types import Status, Verdict
from astro_search.expansion import Candidate
from astro_search.programs import alongside


class Judged(NamedTuple):
    """A candidate, its verdict if it is terminal and was verified, and its value if it is known."""

    candidate: Candidate
    verdict: Verdict | None
    value: float | None

    @property
    def terminal(self) -> bool:
        """Whether nothing follows the state."""
        return self.candidate.state.terminal or bool(self.candidate.limit)


def unsolved(limit: str) -> Verdict:
    """Return the verdict of a path that reached a limit before its end; it is not verified."""
    return Verdict(Status.UNPARSED, reason=limit)


def judge(
    found: Sequence[Candidate], value: ValueEstimator, seed: int, *, by_verdict: bool
) -> Program[tuple[list[Judged], bool]]:
    """Verify the terminal states among the candidates, and estimate the values of others.

    The value of a terminal state is the reward of its verdict, or the estimate of `value` if it
    rates terminal states. If it does, `by_verdict` says which of both counts where both are known.

    Returns what is known of each candidate, and whether the budget paid for all of it.

    Raises:
        BudgetExhausted: It was spent before the terminal states were verified.
    """
    rates = hasattr(value, "rates_terminals")  # as `RatesTerminals`, whose check takes long
    terminals = [i for i, c in enumerate(found) if c.state.terminal]
    others = [i for i, c in enumerate(found) if not (c.state.terminal or c.limit)]
    rated = sorted([*others, *terminals]) if rates and not by_verdict else others
    requests = [Verify(found[i].state.problem, found[i].state.response) for i in terminals]
    verdicts, values = yield from _replies(requests, found, rated, value, seed)
    if len(others) == len(found):
        estimated = values or [None] * len(found)
        judged = [Judged(c, None, v) for c, v in zip(found, estimated, strict=True)]
        return judged, values is not None
    read: Mapping[int, Verdict | None] = dict(zip(terminals, verdicts, strict=True))
    estimates = dict(zip(rated, values or (), strict=values is not None))
    unread = [i for i in terminals if read[i] is None and i not in rated]
    if rates and unread and values is not None:
        try:
            values = yield from value.estimate([found[i].state for i in unread], seed)
        except BudgetExhausted:
            values = None
        estimates |= dict(zip(unread, values or (), strict=values is not None))
    judged = [
        Judged(c, verdict, estimates.get(i) if i in estimates or i in rated else _reward(verdict))
        for i, c in enumerate(found)
        for verdict in [unsolved(c.limit) if c.limit else read.get(i)]
    ]
    return judged, values is not None


def judge_ends(found: Sequence[Candidate]) -> Program[list[Judged]]:
    """Verify the terminal states among the candidates; the value of the others is 0."""
    requests = [Verify(c.state.problem, c.state.response) for c in found if c.state.terminal]
    verdicts = iter((yield list(requests)) if requests else [])
    judged = []
    for candidate in found:
        if candidate.limit:
            judged.append(Judged(candidate, unsolved(candidate.limit), 0.0))
        elif candidate.state.terminal:
            verdict = next(verdicts)
            judged.append(Judged(candidate, verdict, _reward(verdict)))
        else:
            judged.append(Judged(candidate, None, 0.0))
    return judged


def _replies(
    requests: Sequence[Verify],
    found: Sequence[Candidate],
    rated: Sequence[int],
    value: ValueEstimator,
    seed: int,
) -> Program[tuple[Sequence[Verdict | None], Sequence[float | None] | None]]:
    """Verdicts, and estimates of the `rated` candidates, or None if the budget did not pay."""
    if rated:
        estimate = value.estimate([found[i].state for i in rated], seed)
        return (yield from alongside(requests, estimate))
    return ((yield list(requests)) if requests else []), []


def _reward(verdict: Verdict | None) -> float | None:
    """The reward of a verdict; a fault says nothing about it."""
    return None if verdict is None or verdict.status.fault else verdict.reward
