"""The backend `reward_model`: scores of responses, in batches of similar length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from astro.errors import PolicyError
from astro.plugins import models
from astro.requests import Failure, Reply, Score
from astro_hf.devices import compute_dtype, pick_device, set_threads
from astro_hf.tokenizers import load_tokenizer
from astro_reward_model.encoding import Encoded
from astro_reward_model.families import load_family
from astro_reward_model.params import RewardModelParams

_MEMO = 200_000
"""Scores that are kept for requests that contain the same steps again."""

Prefix = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    """A `Score` in progress: for each of its scores, the ids up to where it is read."""

    ticket: int
    prefixes: list[Prefix]


class RewardModel:
    """A `Backend` that answers `Score` requests with probabilities in (0, 1).

    A process model gives one score per step, an outcome model one per response. A score depends
    only on the tokens up to where it is read. The scores of earlier steps are therefore kept, so
    that a step that many responses share is scored once, and of responses that begin alike only
    the longest is computed.

    Raises:
        PolicyError: The model cannot be loaded, or its family is not known.
    """

    def __init__(self, params: RewardModelParams) -> None:
        set_threads(params.threads)
        name = models.checkpoint(params.model)
        device = pick_device(params.device)
        tokenizer = load_tokenizer(name)
        located = params.model_copy(update={"model": name})
        dtype = compute_dtype(params.dtype, device)
        self._family = load_family(located, tokenizer, device, dtype)
        self._device = device
        self._batch_tokens = params.batch_tokens
        self._max_length = params.max_length or self._family.head.context_limit()
        self._jobs: list[_Job] = []
        self._replies: list[tuple[int, Reply | Failure]] = []
        self._memo: dict[Prefix, float] = {}
        self._requested = self._computed = 0

    def add(self, ticket: int, request: Score) -> None:
        """Queue a request. An invalid request is answered with a `Failure`."""
        try:
            self._jobs.append(_Job(ticket, self._prefixes(request)))
        except Exception as error:  # the boundary: an invalid request must not fail the others
            reason = str(error) if isinstance(error, PolicyError) else repr(error)
            self._replies.append((ticket, Failure(reason)))

    def step(self, block: bool = False) -> list[tuple[int, Reply | Failure]]:  # noqa: ARG002
        """Score everything that is queued."""
        jobs, self._jobs = self._jobs, []
        if len(self._memo) > _MEMO:
            self._memo.clear()
        self._compute({prefix for job in jobs for prefix in job.prefixes} - self._memo.keys())
        for job in jobs:
            self._replies.append((job.ticket, tuple(self._memo[p] for p in job.prefixes)))
        replies, self._replies = self._replies, []
        return replies

    def close(self) -> None:
        """Free the model."""
        del self._family

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
        encoded = self._family.encode(request.prompt.user, request.steps)
        self._check(encoded, request)
        self._requested += encoded.positions[-1] + 1
        return [tuple(encoded.ids[: position + 1]) for position in encoded.positions]

    def _check(self, encoded: Encoded, request: Score) -> None:
        """Refuse an input that is too long: cut off, it would lose the scores of its last steps."""
        wanted = 1 if self._family.outcome else len(request.steps)
        if len(encoded.positions) != wanted:
            raise PolicyError(f"expected {wanted} scores, got {len(encoded.positions)}")
        if self._max_length is not None and len(encoded.ids) > self._max_length:
            raise PolicyError(
                f"the response {''.join(request.steps)!r:.40} has {len(encoded.ids)} tokens with "
                f"its problem, more than the reward model's {self._max_length}"
            )

    @torch.inference_mode()
    def _compute(self, read: set[Prefix]) -> None:
        """Score prefixes; those that begin a longer one are read off it."""
        lengths = sorted(set(map(len, read)))
        for batch in _batches(_longest(read), self._batch_tokens):
            width = max(map(len, batch))
            ids = torch.zeros(len(batch), width, dtype=torch.long)
            mask = torch.zeros_like(ids)
            reads: list[tuple[int, int]] = []
            for row, prefix in enumerate(batch):
                ids[row, : len(prefix)] = torch.tensor(prefix)
                mask[row, : len(prefix)] = 1
                reads += [
                    (row, end - 1) for end in lengths if end <= len(prefix) and prefix[:end] in read
                ]
            at = torch.tensor(reads, device=self._device)
            scores = self._family.head(ids.to(self._device), mask.to(self._device), at).tolist()
            for (row, column), score in zip(reads, scores, strict=True):
                self._memo[batch[row][: column + 1]] = score
            self._computed += sum(map(len, batch))


def _longest(prefixes: set[Prefix]) -> list[Prefix]:
    """Return the prefixes that begin no other, from the longest to the shortest.

    In the order of their ids, a prefix stands directly before those that it begins.
    """
    ordered = sorted(prefixes)
    pairs = zip(ordered, [*ordered, ()][1:], strict=True)
    kept = [one for one, following in pairs if following[: len(one)] != one]
    return sorted(kept, key=len, reverse=True)


def _batches(prefixes: Sequence[Prefix], tokens: int) -> Iterator[list[Prefix]]:
    """Divide prefixes, sorted by length, so that a batch has at most `tokens` with its padding."""
    batch: list[Prefix] = []
    for prefix in prefixes:
        if batch and (len(batch) + 1) * len(batch[0]) > tokens:
            yield batch
            batch = []
        batch.append(prefix)
    if batch:
        yield batch
