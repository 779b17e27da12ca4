"""No verifier: searches of questions whose answer is not known."""

from __future__ import annotations

from astro.types import Problem, Status, Verdict


class NoVerifier:
    """Stands for a verifier where there is nothing to verify with.

    A search does not ask it: terminal states have no verdict then, and their values come from an
    estimator that rates them, such as a reward model. Whatever else asks it is told that no answer
    was read.
    """

    def __init__(self, params: None = None) -> None:
        pass

    def verify(self, problem: Problem, response: str) -> Verdict:  # noqa: ARG002
        """The verdict `unparsed` on any text."""
        return Verdict(Status.UNPARSED, reason="there is no verifier")
