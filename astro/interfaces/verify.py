"""Protocols for verifiers and for pools of them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from astro.requests import Verify
from astro.types import Problem, Verdict


class VerifierBackend(Protocol):
    """Verification that runs beside generation: one local pool, or many on other machines."""

    def add(self, ticket: int, request: Verify) -> None:
        """Queue a response to verify."""

    def step(self, block: bool = False) -> list[tuple[int, Verdict]]:
        """Return the verdicts that are ready, each with its ticket.

        With `block`, wait for at least one verdict if any is pending.
        """


class Verifier(Protocol):
    """Decides whether a response answers a problem. Its pool limits its time and memory."""

    def verify(self, problem: Problem, response: str) -> Verdict:
        """The verdict on `response`. Never raises on text that a model wrote."""


@runtime_checkable
class WarmVerifier(Verifier, Protocol):
    """A verifier that loads something before its first verdict, outside of the time limit."""

    def warm_up(self) -> None:
        """Load it. Each worker of a pool calls this once, before its first verdict."""
