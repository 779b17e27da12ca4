"""What the step formats `lines` and `markdown` share: the phrases of reflection and backtracking.

The phrases follow the examples of the ASTRO paper (arXiv 2507.00417): a self-reflection at the end
of a wrong path, then an explicit return to an earlier step.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

REFLECTIONS = (
    "But wait, are we solving the problem correctly so far? Hmm...",
    "But wait, is this answer right? Let me check it against the problem. Hmm, it is not.",
    "Hold on, something seems off here. Are we still on the right track? Hmm...",
)
ROOT_BACKTRACKS = (
    "Let's go back to the beginning and try another way.",
    "Let's start over from the problem itself.",
)


def _not_empty(texts: tuple[str, ...]) -> tuple[str, ...]:
    if not all(texts):
        raise ValueError("expected texts that are not empty")
    return texts


Texts = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_not_empty)]
"""At least one text, and none that is empty."""


def _with_words(texts: tuple[str, ...]) -> tuple[str, ...]:
    if not all(map(words, texts)):
        raise ValueError("expected words, by which a backtrack is recognized")
    return texts


def words(phrase: str) -> str:
    """The words of a phrase by which it is recognized: without a full stop or colon at its end."""
    return phrase.strip().rstrip(".:")


Reflections = Annotated[Texts, Field(description="said at the end of a wrong path")]
RootBacktracks = Annotated[
    Texts, AfterValidator(_with_words), Field(description="the return to the problem itself")
]


def words_before(placeholder: str) -> AfterValidator:
    """A validator of phrases that are recognized by their words before `placeholder`."""

    def recognizable(phrases: tuple[str, ...]) -> tuple[str, ...]:
        if not all(words(phrase.partition(placeholder)[0]) for phrase in phrases):
            raise ValueError(
                f"expected words before {placeholder}, by which a backtrack is recognized"
            )
        return phrases

    return AfterValidator(recognizable)
