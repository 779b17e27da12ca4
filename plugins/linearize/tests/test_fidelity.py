from __future__ import annotations

import pytest

from astro.interfaces import StepFormat
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro.types import Problem, Segment, SegmentKind
from astro_linearize.examples import EXAMPLES
from astro_linearize.fidelity import faithful
from astro_linearize.passages import passages

PROBLEM = Problem("p", "Add 2 and 3.", "5")
SEGMENTS = [
    Segment("2 * 3 = 6, so \\boxed{6}.\n", 1),
    Segment("Hmm.\n", 1, SegmentKind.REFLECTION),
    Segment("Let's start over from the problem itself.\n", 0, SegmentKind.BACKTRACK),
    Segment("2 + 3 = 5, so \\boxed{5}.\n", 2),
]
GOOD = [
    "I multiply: 2 * 3 = 6, which gives \\boxed{6}.",
    "But 6 is a product. Hmm.",
    "Let's start over from the problem itself: add 2 and 3.",
    "Then 2 + 3 = 5. The answer is \\boxed{5}.",
]
KINDS = {"step": SegmentKind.STEP, "doubt": SegmentKind.REFLECTION, "return": SegmentKind.BACKTRACK}


@pytest.fixture(scope="module")
def lines() -> StepFormat:
    found: StepFormat = Registry.discover().build("step_format", Binding(name="lines"))
    return found


def test_free_words_around_the_same_facts_are_faithful(lines: StepFormat) -> None:
    assert faithful(PROBLEM, SEGMENTS, GOOD, lines)


@pytest.mark.parametrize(
    ("passage", "text"),
    [
        (0, "I multiply and get \\boxed{6}."),
        (0, "I multiply: 2 * 3 = 6."),
        (0, "I multiply: 2 * 3 = 6, or 7, so \\boxed{6}."),
        (0, "I multiply: 2 * 3 = 6, so \\boxed{5}."),
        (0, "2 * 3 = 6, so \\boxed{6}. Let's start over from the problem itself."),
        (1, "Hmm, it should be 5."),
        (1, "Hmm, \\boxed{6}?"),
        (2, "Again, then."),
        (3, "2 + 3 = 5, so \\boxed{5}, so \\boxed{5}."),
    ],
)
def test_what_is_lost_or_invented_is_not(lines: StepFormat, passage: int, text: str) -> None:
    assert not faithful(PROBLEM, SEGMENTS, [*GOOD[:passage], text, *GOOD[passage + 1 :]], lines)


@pytest.mark.parametrize(("number", "other"), [("-3", "3"), ("0.5", "5"), (".5", "5")])
def test_sign_and_point_are_of_the_number(lines: StepFormat, number: str, other: str) -> None:
    step = [Segment(f"It is {number}.\n", 1, SegmentKind.STEP)]
    assert faithful(PROBLEM, step, [f"So we have {number}"], lines)
    assert not faithful(PROBLEM, step, [f"So we have {other}"], lines)


def test_a_minus_between_two_terms_is_none(lines: StepFormat) -> None:
    step = [Segment("Then 9 - 2 = 7.\n", 1, SegmentKind.STEP)]
    assert faithful(PROBLEM, step, ["Then 9-2 makes 7..."], lines)


def test_the_examples_are_faithful(lines: StepFormat) -> None:
    for example in EXAMPLES:
        segments = []
        for line in example.notes.splitlines():
            head, _, text = line.partition(": ")
            segments.append(Segment(f"{text}\n", 0, KINDS[head.split()[1]]))
        texts = passages(example.rewriting, len(segments))
        assert texts is not None
        assert faithful(Problem("p", example.problem, ""), segments, texts, lines)
