"""Hugging Face's math-verify as a verifier, for a second opinion.

Its timeouts, which need SIGALRM and so the main thread, are off: the pool ends what takes too long.
"""

from __future__ import annotations

import logging
import re

import math_verify  # type: ignore[import-not-found,unused-ignore]

from astro.types import Problem, Status, Verdict
from astro_sympy.reading.statements import bare_answer

_DELIMITED = re.compile(r"\$|\\boxed|\\\(|\\\[")


class MathVerifyVerifier:
    """Correct means: math-verify finds the parsed reference and the parsed response equal."""

    def __init__(self, params: None = None) -> None:  # noqa: ARG002
        # Else it writes a line on each verdict to say that its timeouts are off, as they should be.
        logging.getLogger("math_verify").setLevel(logging.ERROR)

    def verify(self, problem: Problem, response: str) -> Verdict:
        """Not bounded in time: run it in a pool."""
        gold = _parse(problem.answer)
        if not gold:
            return Verdict(Status.BAD_REFERENCE, reason="math-verify cannot parse the reference")
        target = _parse(response)
        if not target:
            return Verdict(Status.UNPARSED, reason="math-verify finds no answer")
        same = math_verify.verify(gold, target, timeout_seconds=None)
        return Verdict(Status.CORRECT if same else Status.INCORRECT, str(target[-1]))


def _parse(text: str) -> list[object]:
    """What math-verify reads. It wants LaTeX in dollars, so a bare answer is put in them."""
    bare = bare_answer(text) == text and not _DELIMITED.search(text)
    found: list[object] = math_verify.parse(f"${text}$" if bare else text, parsing_timeout=None)
    return found
