"""Protocols for language models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from astro.requests import Failure, Generate, LogProb, Reply
from astro.types import Prompt


class PolicyBackend(Protocol):
    """A language model with continuous batching. The methods are those of vLLM's engine."""

    def add(self, ticket: int, request: Generate | LogProb) -> None:
        """Queue a request. It may join the batch that is being decoded."""

    def step(self) -> list[tuple[int, Reply | Failure]]:
        """Advance by one step and return the replies that are complete, each with its ticket.

        Returns an empty list at once if nothing is queued. A request that cannot be served is
        answered with a `Failure`; an exception means that the whole backend is lost.
        """

    def close(self) -> None:
        """Release the model. No other method is called afterwards."""


@runtime_checkable
class TrainablePolicy(PolicyBackend, Protocol):
    """A policy whose weights RL can replace while it samples."""

    def reload(self, weights: Iterable[tuple[str, Any]]) -> None:
        """Load `(parameter name, tensor)` pairs and drop caches computed with the old weights."""

    def prompt_ids(self, prompt: Prompt) -> tuple[int, ...]:
        """The token ids that precede a sample of `prompt`."""


@runtime_checkable
class HasCounters(Protocol):
    """A policy that counts its work, or an executor that collects the counters of its policies."""

    def counters(self) -> Mapping[str, float]:
        """Totals since the object was built.

        Common names are `generated_tokens`, `prompt_tokens`, `cached_prompt_tokens` (the part of
        `prompt_tokens` that was read from a cache) and `cost`; others are allowed.
        """
