from __future__ import annotations

import pytest

from astro.types import Problem, Segment, SegmentKind
from astro_linearize.examples import EXAMPLES
from astro_linearize.params import RewriteParams
from astro_linearize.passages import notes, passages, question

SEGMENTS = [
    Segment("So it is\n  3.\n", 1),
    Segment("Hmm.\n", 1, SegmentKind.REFLECTION),
    Segment("Back.\n", 0, SegmentKind.BACKTRACK),
]


def test_a_note_is_a_line() -> None:
    assert notes(SEGMENTS) == "[1] step: So it is 3.\n[2] doubt: Hmm.\n[3] return: Back."


def test_the_question_ends_where_the_policy_goes_on() -> None:
    text = question(Problem("p", "How many?", "3"), SEGMENTS, RewriteParams())
    assert text.startswith(RewriteParams().instruction)
    assert EXAMPLES[0].rewriting in text
    assert text.endswith(f"Problem:\nHow many?\n\nNotes:\n{notes(SEGMENTS)}\n\nWritten out:")


def test_passages_are_read_in_order() -> None:
    reply = "[1] It is 3.\n\nOr so.\n [2]  Hmm [1].\n[3] Back."
    assert passages(reply, 3) == ["It is 3.\n\nOr so.", "Hmm [1].", "Back."]


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "It is 3. Hmm. Back.",
        "[1] It is 3.\n[2] Hmm.",
        "[1] It is 3.\n[3] Back.\n[2] Hmm.",
        "[1] It is 3.\n[2]\n[3] Back.",
        "[1] It is 3.\n[2] Hmm.\n[3] Back.\n[4] More.",
        "Sure!\n[1] It is 3.\n[2] Hmm.\n[3] Back.",
        "[01] It is 3.\n[2] Hmm.\n[3] Back.",
    ],
)
def test_a_reply_that_does_not_map_onto_the_notes_is_none(reply: str) -> None:
    assert passages(reply, 3) is None
