"""Protocols for verifiers. A pool of them is a `Backend`."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from astro.types import Problem, Verdict


class Verifier(Protocol):
    """Decides whether a response answers a problem. Its pool limits its time and memory."""

    def verify(self, problem: Problem, response: str) -> Verdict:
        """The verdict on `response`. Never raises on text that a model wrote."""


@runtime_checkable
class WarmVerifier(Verifier, Protocol):
    """A verifier that loads something before its first verdict, outside of the time limit."""

    def warm_up(self) -> None:
        """Load it. Each worker of a pool calls this once, before its first verdict."""
