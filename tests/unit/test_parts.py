"""Responses parsed into steps, reflections and backtracks by the step formats of the core."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro.builtin.lines import LinesFormat, LinesParams
from astro.builtin.markdown import MarkdownFormat, MarkdownParams
from astro.errors import ConfigError
from astro.interfaces import Parsing
from astro.plugins.params import validate
from astro.types import Part, Problem, State, Step

LINES = LinesFormat(LinesParams())
MARKDOWN = MarkdownFormat(MarkdownParams())
REFLECTION = "But wait, are we solving the problem correctly so far? Hmm..."
BACK = "Let's go back to where we had: "
ROOT = "Let's start over from the problem itself."
WORDS = [
    *("one\n", "two.\n", "\n", " ", "\n\n", "x", "## Step 1: one\n", "\n## Step 2", "## Step"),
    *(REFLECTION, BACK, BACK + "one\n", ROOT, "Let's go back to where we were after Step 1.\n\n"),
    *("Let's go back", "\t", "\\boxed{1}\n", ":", "."),
]


def shown(parts: list[Part]) -> list[tuple[str, str, int | None]]:
    return [(part.kind.value, part.text, part.target) for part in parts]


def test_lines_are_steps_reflections_and_backtracks_to_the_quoted_step() -> None:
    texts = [
        "Three.\n",
        "Four.\n\n",
        f"{REFLECTION}\n",
        f"{BACK}Three.\n",
        "Five.\n",
        f"{ROOT}\n",
        "Six",
    ]
    assert shown(LINES.parts("".join(texts))) == [
        ("step", texts[0], None),
        ("step", texts[1], None),
        ("reflection", texts[2], None),
        ("backtrack", texts[3], 0),
        ("step", texts[4], None),
        ("backtrack", texts[5], -1),
        ("step", texts[6], None),
    ]


def test_a_step_that_was_written_twice_is_the_one_on_the_path() -> None:
    again = f"a\nb\na\nc\n{BACK}b\nd\n{BACK}a\ne\n"
    assert [part.target for part in LINES.parts(again) if part.kind == "backtrack"] == [1, 0]


def test_a_backtrack_to_no_step_has_no_target_and_may_begin_within_a_line() -> None:
    assert shown(LINES.parts(f"a\nSo no. {BACK}z\nb\n")) == [
        ("step", "a\n", None),
        ("step", "So no. ", None),
        ("backtrack", f"{BACK}z\n", None),
        ("step", "b\n", None),
    ]


def test_words_after_the_quoted_step_are_not_part_of_it() -> None:
    params = validate(LinesParams, {"backtracks": ['Back to "{step}", once more.']})
    found = LinesFormat(params).parts('a b\nc\nBack to "a  b", once more.\n')
    assert [part.target for part in found] == [None, None, 0]


def test_steps_under_headers_are_returned_to_by_number() -> None:
    texts = [
        "## Step 1: one\nA\n\nB\n",
        "## Step 2: two\nC\n\n",
        f"## Step 3: {REFLECTION}\n\n",
        "Let's go back to where we were after Step 1.\n\n",
        "## Step 2: other\nD\n\n",
        f"{REFLECTION}\n\n",
        "Let's go back to where we were after Step 2.\n\n",
        "## Step 3: last\n\\boxed{1}",
    ]
    assert shown(MARKDOWN.parts("".join(texts))) == [
        ("step", texts[0], None),
        ("step", texts[1], None),
        ("reflection", texts[2], None),
        ("backtrack", texts[3], 0),
        ("step", texts[4], None),
        ("reflection", texts[5], None),
        ("backtrack", texts[6], 4),
        ("step", texts[7], None),
    ]


@pytest.mark.parametrize("steps", [LINES, MARKDOWN], ids=["lines", "markdown"])
def test_what_a_format_writes_between_paths_is_read_back(steps: LinesFormat) -> None:
    texts = ["## Step 1: a\n", "b\n## Step", " 2: c\n"]
    path = State(Problem("p", "?", "1"), tuple(map(Step, texts)))
    root = State(path.problem)
    for seed in range(6):
        rng = Random(seed)
        response = path.response + steps.reflection(path, rng)
        for state, target in ((State(path.problem, path.steps[:1]), 0), (root, -1)):
            found = steps.parts(response + steps.backtrack(state, rng))
            assert [part.kind.value for part in found][-2:] == ["reflection", "backtrack"]
            assert found[-1].target == target


@given(st.lists(st.sampled_from(WORDS)).map("".join))
def test_parts_are_the_response_and_have_as_many_backtracks_as_are_counted(response: str) -> None:
    for steps in (LINES, MARKDOWN):
        assert isinstance(steps, Parsing)
        parts = steps.parts(response)
        assert "".join(part.text for part in parts) == response
        assert all(part.text for part in parts)
        backtracks = [n for n, part in enumerate(parts) if part.kind == "backtrack"]
        assert len(backtracks) == steps.backtracks(response)
        for number in backtracks:
            target = parts[number].target
            assert target is None or target == -1 or parts[target].kind == "step"
            assert target is None or target < number


def test_a_long_response_is_parsed_at_once() -> None:
    response = f"a\n{BACK}a\n" * 10_000
    assert len(LINES.parts(response)) == 20_000
    assert len(MARKDOWN.parts("## Step 1: a\n\n" * 10_000)) == 10_000
    for blank in ("\n \n" * 50_000, "a" + "\n \n" * 50_000):
        assert len(LINES.parts(blank)) == 1
        assert len(MARKDOWN.parts(blank)) == 1


def test_a_return_to_the_beginning_needs_words() -> None:
    with pytest.raises(ConfigError, match="expected words"):
        validate(LinesParams, {"root_backtracks": [" ... "]})
