"""Reflections and returns in a model's own words."""

from __future__ import annotations

import time

import pytest

from astro.builtin.lines import LinesFormat, LinesParams
from astro.builtin.phrases import REFLECTIONS, ROOT_BACKTRACKS
from astro.data.own_words import OwnWords
from astro.engine.sampling import Sample
from astro.runs.scoring import EvaluatedProblem, score, scored
from astro.types import FinishReason, Problem, Status, Verdict


@pytest.mark.parametrize(
    ("text", "reflections", "returns"),
    [
        ("But wait, 3 + 4 is 7. So 12.", 1, 0),
        ("Wait. I forgot the tip.\nThe total is 5.\nWait, is that so?", 2, 0),
        ("3 * 4 = 12 - wait, that is 3 * 5.", 1, 0),
        ("Hmm... let me double-check this.", 1, 0),
        ("Let me go back to the second equation.", 0, 1),
        ("Let\u2019s verify: 2 + 2 = 4.", 1, 0),
        ("That can't be right. Let's start over.", 1, 1),
        ("I made a mistake above. I'll try another way.", 1, 1),
        ("Is this correct? The sum is 10. Something seems off here.", 2, 0),
        ("**Wait**, no.", 1, 0),
        ("Hold on, we need to recalculate 3.5 + 1.", 1, 0),
        ("This is not correct, so going back to step 2.", 1, 1),
        ("They wait 5 minutes. The wait time is 7. Tom waits.", 0, 0),
        ("Please wait for the bus, then he goes back to school.", 0, 0),
        ("The check costs $5, and the return trip takes 2 hours.", 0, 0),
        ("It is a right triangle. Actually 3 of 4 came. That is correct.", 0, 0),
        ("", 0, 0),
        *((phrase, 1, 0) for phrase in REFLECTIONS),
        *((phrase, 0, 1) for phrase in ROOT_BACKTRACKS),
    ],
)
def test_what_is_counted(text: str, reflections: int, returns: int) -> None:
    assert OwnWords().counts(text) == (reflections, returns)


def test_patterns_of_the_user_are_counted_too() -> None:
    words = OwnWords([r"\bmoment mal\b"], [r"\bnoch einmal von vorn\b"])
    assert words.counts("Moment mal. 3 + 4 = 7.\nNoch einmal von vorn!\nBut wait, no.") == (2, 1)
    assert OwnWords().counts("Moment mal. Noch einmal von vorn!") == (0, 0)


def test_long_responses_take_time_in_proportion_to_their_length() -> None:
    began = time.process_time()
    for text in ("a" * 400_000, "let me " * 60_000, "wait, " * 60_000, ". " * 200_000):
        OwnWords().counts(text)
    assert time.process_time() - began < 4


def test_the_counts_stand_beside_the_strict_one() -> None:
    def measured(*texts: str) -> EvaluatedProblem:
        verdict = Verdict(Status.CORRECT, "1")
        samples = [Sample(t, (1,), (-1.0,), FinishReason.EOS, verdict) for t in texts]
        return EvaluatedProblem(Problem("a", "?", "1"), samples, [])

    lines = LinesFormat(LinesParams())
    said = measured("But wait, no. Let me go back to line 1.\nHmm.\n", "It is 1.")
    figures = score([scored(said, lines)])
    assert figures["backtracks"].value == 0
    assert (figures["reflections"].value, figures["returns"].value) == (1.0, 0.5)
    assert not {"reflections", "returns"} & score([scored(measured("It is 1."), lines)]).keys()
    own = OwnWords((), ["it is 1"])
    assert score([scored(measured("It is 1."), lines, own)])["returns"].value == 1
