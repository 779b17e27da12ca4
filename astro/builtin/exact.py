"""Compare the final answer with the reference as text, so that `0.5` is not `1/2`."""

from __future__ import annotations

import re

from astro.text import after_thoughts
from astro.types import Problem, Status, Verdict

MAX_CHARACTERS = 100_000
_BOXED = "\\boxed{"
_ANSWER_IS = re.compile(r"answer is\b:?([^\n]*)", re.IGNORECASE)


class ExactVerifier:
    r"""The answer is the last `\boxed{...}`, or the last `answer is ...` if there is no box.

    Thoughts between <think> and </think> hold no answer.
    """

    def __init__(self, params: None = None) -> None:
        pass

    def verify(self, problem: Problem, response: str) -> Verdict:
        """A verdict on any text, in time linear in its length."""
        reference = normalize(problem.answer)
        if not reference:
            return Verdict(Status.BAD_REFERENCE, reason="the reference answer is empty")
        if len(response) > MAX_CHARACTERS:
            return Verdict(Status.UNPARSED, reason=f"longer than {MAX_CHARACTERS} characters")
        answer = normalize(final_answer(after_thoughts(response)))
        if not answer:
            return Verdict(Status.UNPARSED, reason=r"no \boxed{} and no `answer is`")
        if answer == reference:
            return Verdict(Status.CORRECT, answer)
        return Verdict(Status.INCORRECT, answer, f"{answer[:40]} is not {reference[:40]}")


def final_answer(response: str) -> str:
    """The answer as written, or an empty string. A box that is not closed holds no answer."""
    start = response.rfind(_BOXED)
    if start >= 0:
        return _braced(response, start + len(_BOXED))
    stated = _ANSWER_IS.findall(response)
    return str(stated[-1]) if stated else ""


def normalize(answer: str) -> str:
    """Collapse spaces, and remove dollar signs around the answer and a full stop after it.

    Lone surrogates cannot be stored as UTF-8, so they are replaced by escapes.
    """
    storable = answer.encode("utf-8", "backslashreplace").decode()
    return " ".join(storable.split()).removesuffix(".").strip("$ ")


def _braced(text: str, start: int) -> str:
    """The text from `start` to the brace that closes the one before it; empty if none does."""
    depth = 1
    for match in re.finditer(r"[{}]", text[start:]):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return text[start : start + match.start()]
    return ""
