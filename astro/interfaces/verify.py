"""Verifiers of responses, and pools of them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from astro.requests import Verify
from astro.types import Problem, Verdict


class VerifierBackend(Protocol):
    """Verifiers beside generation: the pool of this process, or many of them elsewhere."""

    def add(self, ticket: int, request: Verify) -> None:
        """Queue a response to check."""

    def step(self, block: bool = False) -> list[tuple[int, Verdict]]:
        """Hand back the verdicts that are there; with `block`, wait for one if any is due."""


class Verifier(Protocol):
    """V(response) -> verdict. Never raises on model text; its pool bounds its time and memory."""

    def verify(self, problem: Problem, response: str) -> Verdict: ...


@runtime_checkable
class WarmVerifier(Verifier, Protocol):
    """A verifier with something to load that no verdict should have to wait for."""

    def warm_up(self) -> None:
        """Load it. A worker of a pool does so once, before its first verdict is due."""
