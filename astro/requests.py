"""The requests that a search, a value estimator or a linearizer may make, and their replies.

A *program* is a generator that yields a list of requests and is sent the list of their replies,
in order. It does no I/O and reads no clock, so the engine decides where and when the work is done,
and a recorded list of replies replays it exactly.

Each request names the *role* of the model that is to serve it (`model`): `"policy"` and
`"verifier"` are those of the config's keys of these names, any other role is a key of the config's
`models`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from astro.types import Completion, Problem, Prompt, Verdict

POLICY = "policy"
VERIFIER = "verifier"
REWARD = "reward"


@dataclass(frozen=True, slots=True)
class Generate:
    """Sample `n` continuations; the reply is a list of `n` completions.

    A completion ends after the first of the strings in `stop` (kept in its text), at the
    end-of-sequence token, or after `max_tokens` tokens. `temperature` 0 is greedy. The engine sets
    `seed`; sample i depends on `(seed, i)` alone, never on what else is in the batch.
    """

    prompt: Prompt
    n: int = 1
    stop: tuple[str, ...] = ()
    max_tokens: int = 256
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0
    model: str = POLICY


@dataclass(frozen=True, slots=True)
class LogProb:
    """Score continuations; the reply is one tuple of per-token natural logs for each of them."""

    prompt: Prompt
    continuations: tuple[str, ...]
    model: str = POLICY


@dataclass(frozen=True, slots=True)
class Score:
    """Ask a reward model how good a response is; the reply is a tuple of floats.

    `steps` are the steps of the response that follows `prompt`, in order; their concatenation is
    the text that is scored. A process reward model replies with `len(steps)` floats, the i-th of
    them for the response up to and including step i; an outcome reward model replies with a single
    float for the whole response. Values are finite; their range is the model's own.
    """

    prompt: Prompt
    steps: tuple[str, ...]
    model: str = REWARD


@dataclass(frozen=True, slots=True)
class Verify:
    """Check a response; the reply is a verdict, or None in a search without a verifier.

    In a `comparison`, the reference of `problem` is another model's answer. It is no fault of the
    problem or of the verifier if this cannot be read or compared.
    """

    problem: Problem
    response: str
    model: str = VERIFIER
    comparison: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """The reply to a request that could not be served. It fails its program, not the run."""

    reason: str


Request = Generate | LogProb | Score | Verify
Reply = list[Completion] | list[tuple[float, ...]] | tuple[float, ...] | Verdict

R = TypeVar("R")
Program = Generator[list[Request], list[Any], R]


class BudgetExhausted(Exception):
    """Thrown into a program when its budget is spent; it should return its best result so far.

    `replies` holds what came back for the batch under way, in the order of its requests: for a
    `Generate`, the completions that the budget paid for, possibly none; for any other request, its
    reply, or None if it was not asked. It is empty if nothing came back. Afterwards, the program
    may still make requests that cost nothing, such as `Verify` for the steps that came back.
    """

    def __init__(self, replies: Sequence[Any] = ()) -> None:
        super().__init__()
        self.replies = tuple(replies) if any(replies) else ()


def paid(requests: Sequence[Request]) -> Program[tuple[list[Any], BudgetExhausted | None]]:
    """The replies to `requests`, and the exception if the budget was spent before all came.

    Raises:
        BudgetExhausted: The budget was spent before anything came.
    """
    try:
        return (yield list(requests)), None
    except BudgetExhausted as spent:
        if not spent.replies:
            raise
        return list(spent.replies), spent
