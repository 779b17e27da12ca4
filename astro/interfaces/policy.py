"""Language models behind continuous batching."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from astro.requests import Failure, Generate, LogProb, Reply
from astro.types import Prompt


class PolicyBackend(Protocol):
    """A language model behind continuous batching, the shape of vLLM's own engine."""

    def add(self, ticket: int, request: Generate | LogProb) -> None:
        """Queue a request. It may join what is already being decoded."""

    def step(self) -> list[tuple[int, Reply | Failure]]:
        """Advance, and hand back whatever has finished. Empty and instant when nothing is queued.

        A request that cannot be served is answered with a `Failure`; an exception means that the
        whole backend is lost.
        """

    def close(self) -> None:
        """Free the model. No call follows."""


@runtime_checkable
class TrainablePolicy(PolicyBackend, Protocol):
    """A policy that RL can train while it samples."""

    def reload(self, weights: Iterable[tuple[str, Any]]) -> None:
        """Load `(parameter name, tensor)` pairs, and drop caches computed with the old ones."""

    def prompt_ids(self, prompt: Prompt) -> tuple[int, ...]:
        """The tokens that stand before a sample of `prompt`."""


@runtime_checkable
class HasCounters(Protocol):
    """A policy that counts its work, or an executor that knows what its policies count."""

    def counters(self) -> Mapping[str, float]:
        """Totals since it was built: `generated_tokens`; `prompt_tokens`, of which
        `cached_prompt_tokens` were not computed again; `cost`; and whatever else it counts."""
