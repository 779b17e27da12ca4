"""Hugging Face's math-verify as a verifier, for a second opinion.

Its own timeouts need SIGALRM, which works in the main thread only, so they are switched off. The
verifier pool ends a verdict that takes too long.
"""

from __future__ import annotations

import logging
import re

import math_verify  # type: ignore[import-not-found,unused-ignore]

from astro.types import Problem, Status, Verdict
from astro_sympy.reading.statements import bare_answer

_DELIMITED = re.compile(r"\$|\\boxed|\\\(|\\\[")


class MathVerifyVerifier:
    """Calls a response correct if math-verify finds it equal to the reference."""

    def __init__(self, params: None = None) -> None:  # noqa: ARG002
        """Silence the warning that math-verify logs on each call when its timeouts are off."""
        logging.getLogger("math_verify").setLevel(logging.ERROR)

    def verify(self, problem: Problem, response: str) -> Verdict:
        """Compare the response with the reference; the time is not bounded, so use a pool."""
        gold = _parse(problem.answer)
        if not gold:
            return Verdict(Status.BAD_REFERENCE, reason="math-verify cannot parse the reference")
        target = _parse(response)
        if not target:
            return Verdict(Status.UNPARSED, reason="math-verify finds no answer")
        same = math_verify.verify(gold, target, timeout_seconds=None)
        return Verdict(Status.CORRECT if same else Status.INCORRECT, str(target[-1]))


def _parse(text: str) -> list[object]:
    """Parse `text`. math-verify expects LaTeX between dollars, so a bare answer is put in them."""
    bare = bare_answer(text) == text and not _DELIMITED.search(text)
    found: list[object] = math_verify.parse(f"${text}$" if bare else text, parsing_timeout=None)
    return found
