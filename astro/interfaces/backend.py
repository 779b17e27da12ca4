"""The models of a run, as the engine sees them: queues that are stepped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from astro.requests import Failure, Reply


class Backend(Protocol):
    """A policy, a reward model or a pool of verifiers: requests go in, replies come out.

    The shape is that of vLLM's engine, so a policy may batch continuously.
    """

    def add(self, ticket: int, request: Any) -> None:
        """Queue a request. It may join what is already being computed."""

    def step(self, block: bool = False) -> Sequence[tuple[int, Reply | Failure]]:
        """Advance, and return whatever has finished as (ticket, reply) pairs.

        Returns at once when nothing is queued. `block` says that the caller has no other work: a
        backend whose work is done elsewhere (in processes, on a server) may then wait for a reply.
        Without it, such a backend waits a few milliseconds at most.

        A request that cannot be served, or that is of a kind the backend does not know, is answered
        with a `Failure`; an exception means that the whole backend is lost.
        """

    def close(self) -> None:
        """Free the model and end its processes. No call follows."""


@runtime_checkable
class HasCounters(Protocol):
    """A backend that counts its work."""

    def counters(self) -> Mapping[str, float]:
        """Totals since the object was built.

        Common names are `generated_tokens`, `prompt_tokens`, `cached_prompt_tokens` (the part of
        `prompt_tokens` that was read from a cache) and `cost`; others are allowed.
        """
