"""The `Score` requests of a reward model, and the scores that are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from astro.errors import PolicyError
from astro.requests import Failure, Reply, Score
from astro_hf.reward_encoding import Encoded
from astro_hf.reward_families import Encode

_MEMO = 200_000
"""Scores that are kept for requests that contain the same steps again."""

Prefix = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    """A `Score` in progress: for each of its scores, the ids up to where it is read."""

    ticket: int
    prefixes: list[Prefix]


class ScoreQueue:
    """Requests that wait for scores, which a backend computes and tells it.

    A score depends only on the tokens up to where it is read. The scores of earlier steps are
    therefore kept, so that a step that many responses share is scored once, and of responses that
    begin alike only the longest is computed.

    Args:
        encode: How the model's family encodes.
        outcome: Whether the model has one score per response instead of one per step.
        max_length: The longest input; longer ones are refused.
    """

    def __init__(self, encode: Encode, *, outcome: bool, max_length: int | None) -> None:
        self._encode = encode
        self._outcome = outcome
        self._max_length = max_length
        self._jobs: list[_Job] = []
        self._failed: list[tuple[int, Reply | Failure]] = []
        self._memo: dict[Prefix, float] = {}
        self._requested = self._computed = 0

    def add(self, ticket: int, request: Score) -> None:
        """Queue a request. An invalid request is answered with a `Failure`."""
        try:
            self._jobs.append(_Job(ticket, self._prefixes(request)))
        except Exception as error:  # the boundary: an invalid request must not fail the others
            reason = str(error) if isinstance(error, PolicyError) else repr(error)
            self._failed.append((ticket, Failure(reason)))

    def unknown(self) -> list[tuple[Prefix, list[int]]]:
        """Return the inputs to compute, from the longest to the shortest.

        With each come the lengths of those of its beginnings whose scores are wanted.
        """
        if len(self._memo) > _MEMO:
            self._memo.clear()
        wanted = {prefix for job in self._jobs for prefix in job.prefixes} - self._memo.keys()
        lengths = sorted(set(map(len, wanted)))
        return [
            (longest, [n for n in lengths if n <= len(longest) and longest[:n] in wanted])
            for longest in _longest(wanted)
        ]

    def learn(self, ids: Prefix, scores: Mapping[int, float]) -> None:
        """Note the scores of an input, by the length of the beginning that each is for."""
        self._computed += len(ids)
        self._memo.update({ids[:length]: score for length, score in scores.items()})

    def replies(self) -> list[tuple[int, Reply | Failure]]:
        """Return the replies to all requests; the scores of `unknown` have been learned."""
        jobs, self._jobs = self._jobs, []
        replies, self._failed = self._failed, []
        return replies + [(job.ticket, tuple(self._memo[p] for p in job.prefixes)) for job in jobs]

    def counters(self) -> Mapping[str, float]:
        """Return `prompt_tokens`, and how many of them were not computed anew."""
        return {
            "prompt_tokens": self._requested,
            "cached_prompt_tokens": self._requested - self._computed,
        }

    def _prefixes(self, request: Score) -> list[Prefix]:
        if not isinstance(request, Score):
            raise PolicyError(f"a reward model does not answer {type(request).__name__}")
        if not request.steps or not all(step.strip() for step in request.steps):
            raise PolicyError("a response without steps, or with a blank step, has no score")
        encoded = self._encode(request.prompt.user, request.steps)
        self._check(encoded, request)
        self._requested += encoded.positions[-1] + 1
        return [tuple(encoded.ids[: position + 1]) for position in encoded.positions]

    def _check(self, encoded: Encoded, request: Score) -> None:
        """Refuse an input that is too long: cut off, it would lose the scores of its last steps."""
        wanted = 1 if self._outcome else len(request.steps)
        if len(encoded.positions) != wanted:
            raise PolicyError(f"expected {wanted} scores, got {len(encoded.positions)}")
        if self._max_length is not None and len(encoded.ids) > self._max_length:
            raise PolicyError(
                f"the response {''.join(request.steps)!r:.40} has {len(encoded.ids)} tokens with "
                f"its problem, more than the reward model's {self._max_length}"
            )


def _longest(prefixes: set[Prefix]) -> list[Prefix]:
    """Return the prefixes that begin no other, from the longest to the shortest.

    In the order of their ids, a prefix stands directly before those that it begins.
    """
    ordered = sorted(prefixes)
    pairs = zip(ordered, [*ordered, ()][1:], strict=True)
    kept = [one for one, following in pairs if following[: len(one)] != one]
    return sorted(kept, key=len, reverse=True)
