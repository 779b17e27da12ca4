"""A policy without a model, bitwise reproducible: for tests, rehearsals and documentation."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated, Any

from pydantic import Field, field_validator

from astro.errors import PolicyError
from astro.plugins.params import Params, RegularExpression
from astro.requests import Failure, Generate, LogProb, Reply
from astro.types import Completion, FinishReason

EOS_ID = 0
_PIECE = re.compile(r"\n|[^\S\n]*[^\s]+|[^\S\n]+")


@dataclass(frozen=True, slots=True)
class Line:
    """The next line of a response, and the natural log of the probability of drawing it."""

    text: str
    logprob: float = 0.0


NextLine = Callable[[str, str, int], Line | None]
"""(user message, response so far, 64-bit random number) -> the next line, or None at the end.
Raises `PolicyError` if it cannot continue the response."""


class LineWriter:
    """A policy backend around a `NextLine`.

    Each random number is a hash of (seed, sample, prompt, response so far), so a sample does not
    depend on the other requests. At temperature 0, seed and sample are left out of the hash. A
    request finishes after 1 to `steps_to_finish` calls of `step`, depending on a hash of it, so
    that requests finish out of order. `score` answers `LogProb`; without it, a `LogProb` gets a
    `Failure`.
    """

    def __init__(
        self,
        next_line: NextLine,
        steps_to_finish: int = 1,
        score: Callable[[LogProb], Reply] | None = None,
    ) -> None:
        self._next_line = next_line
        self._score = score
        self._steps_to_finish = steps_to_finish
        self._queue: list[tuple[int, int, Any]] = []
        self._now = 0
        self._generated = 0

    def add(self, ticket: int, request: Any) -> None:
        """Queue a request."""
        seed = request.seed if isinstance(request, Generate) else 0
        delay = _hash(seed, request.prompt.user, request.prompt.response) % self._steps_to_finish
        self._queue.append((self._now + delay, ticket, request))

    def step(self, block: bool = False) -> list[tuple[int, Reply | Failure]]:  # noqa: ARG002
        """Advance by one step, and return the replies that are due."""
        due = [(ticket, request) for when, ticket, request in self._queue if when <= self._now]
        self._queue = [queued for queued in self._queue if queued[0] > self._now]
        self._now += 1
        return [(ticket, self._reply(request)) for ticket, request in due]

    def counters(self) -> dict[str, float]:
        """The tokens generated so far."""
        return {"generated_tokens": float(self._generated)}

    def close(self) -> None:
        """Drop all requests."""
        self._queue.clear()

    def _reply(self, request: Any) -> Reply | Failure:
        if isinstance(request, LogProb) and self._score:
            return self._score(request)
        if not isinstance(request, Generate):
            return Failure("a scripted policy does not score given text")
        try:
            reply = [complete(request, sample, self._next_line) for sample in range(request.n)]
        except PolicyError as error:
            return Failure(str(error))
        self._generated += sum(len(completion.token_ids) for completion in reply)
        return reply


def complete(request: Generate, sample: int, next_line: NextLine) -> Completion:
    """Sample number `sample` of a request, cut after a stop string or at the token limit.

    A token is a word with the spaces before it, or a line end. The first token of a line has the
    log-probability of the whole line, and the others have 0.
    """
    text, ids, logprobs = "", list[int](), list[float]()
    for piece, logprob in _pieces(request, sample, next_line):
        if len(ids) == request.max_tokens:
            return Completion(text, tuple(ids), tuple(logprobs), FinishReason.LENGTH)
        text += piece
        ids.append(_token_id(piece))
        logprobs.append(logprob)
        if any(stop in text for stop in request.stop):
            return Completion(text, tuple(ids), tuple(logprobs), FinishReason.STOP)
    return Completion(text, tuple(ids), tuple(logprobs), FinishReason.EOS)


def hashed_logprobs(request: LogProb) -> list[tuple[float, ...]]:
    """A log-probability in (-1, 0] per token of each continuation, from a hash of it."""
    prompt = request.prompt
    return [
        tuple(-_hash(drawn_by, i) / 2**64 for i, _ in enumerate(_PIECE.findall(text)))
        for text in request.continuations
        for drawn_by in [_hash(prompt.user, prompt.response, text)]
    ]


def _pieces(request: Generate, sample: int, next_line: NextLine) -> Iterator[tuple[str, float]]:
    """Tokens and their log-probabilities, with the empty end-of-sequence token at the end."""
    prompt = request.prompt
    response = prompt.response
    drawn_by = (request.seed, sample) if request.temperature > 0 else ("greedy",)
    while line := next_line(prompt.user, response, _hash(*drawn_by, prompt.user, response)):
        first, *rest = _PIECE.findall(line.text)
        yield first, line.logprob
        yield from ((piece, 0.0) for piece in rest)
        response += line.text
    yield "", 0.0


def _token_id(piece: str) -> int:
    checksum = zlib.crc32(piece.encode("utf-8", "surrogatepass"))
    return 1 + checksum % (2**31 - 1) if piece else EOS_ID


def _hash(*parts: object) -> int:
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


class ScriptedParams(Params):
    """A script: responses to some prompts, and lines to draw from for all others."""

    responses: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="user message -> its possible responses"
    )
    lines: tuple[str, ...] = Field(("think\n",), description="the possible steps for other prompts")
    answers: tuple[str, ...] = Field(
        ("answer 1\n", "answer 2\n"), description="the possible last lines for other prompts"
    )
    length: Annotated[int, Field(ge=0, description="steps before the answer")] = 2
    steps_to_finish: Annotated[
        int,
        Field(ge=1, description="a request takes 1 to this many steps, and may overtake others"),
    ] = 1
    fail_on: tuple[RegularExpression, ...] = Field(
        (), description="patterns of prompts that get a failure"
    )
    crash_on: tuple[RegularExpression, ...] = Field(
        (), description="patterns of prompts that crash the backend"
    )

    @field_validator("lines", "answers")
    @classmethod
    def _whole_lines(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        if not lines or not all(re.fullmatch(r"[^\n]+\n", line) for line in lines):
            raise ValueError("expected one or more lines of text, each with its line end")
        return lines


class ScriptedPolicy:
    """Answers by its script, and scores given text by a hash of it.

    `fail_on` gives a `Failure`; `crash_on` raises from `step`.
    """

    def __init__(self, params: ScriptedParams) -> None:
        self._params = params
        self._writer = LineWriter(self._next_line, params.steps_to_finish, hashed_logprobs)
        self._crash = False

    def add(self, ticket: int, request: Any) -> None:
        """Queue a request; `step` fails once the prompt of one matches `crash_on`."""
        self._crash |= _matches(self._params.crash_on, request.prompt.user)
        self._writer.add(ticket, request)

    def step(self, block: bool = False) -> list[tuple[int, Reply | Failure]]:
        """Raises `PolicyError` once a prompt of `crash_on` has been queued."""
        if self._crash:
            raise PolicyError("the scripted policy crashed, as its script says")
        return self._writer.step(block)

    def counters(self) -> dict[str, float]:
        """Return the number of `generated_tokens`."""
        return self._writer.counters()

    def close(self) -> None:
        """Drop the requests that are still queued."""
        self._writer.close()

    def _next_line(self, user: str, response: str, draw: int) -> Line | None:
        if _matches(self._params.fail_on, user):
            raise PolicyError("the scripted policy failed, as its script says")
        if user in self._params.responses:
            return _drawn(_continuations(self._params.responses[user], response), draw)
        written = response.count("\n")
        if written > self._params.length:
            return None
        end = written == self._params.length
        return _drawn(self._params.answers if end else self._params.lines, draw)


def _matches(patterns: Sequence[str], user: str) -> bool:
    return any(re.search(pattern, user) for pattern in patterns)


def _continuations(responses: Sequence[str], response: str) -> list[str]:
    """The next line of each response that starts with this one; empty if it is complete."""
    rests = [whole[len(response) :] for whole in responses if whole.startswith(response)]
    return [rest[: rest.find("\n") + 1] or rest for rest in rests]


def _drawn(lines: Sequence[str], draw: int) -> Line | None:
    line = lines[draw % len(lines)] if lines else ""
    return Line(line, math.log(lines.count(line) / len(lines))) if line else None
