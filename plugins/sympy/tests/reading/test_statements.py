"""Answers without a box: what states one, and what only mentions numbers."""

from __future__ import annotations

import pytest

from astro_sympy.reading.statements import bare_answer, concluded_answer, stated_answer

STATED: dict[str, str | None] = {
    "The answer is 7.": "7",
    "the ANSWER is: **7**": "7",
    "The final answer is $\\frac{1}{2}$. I hope it is correct.": "$\\frac{1}{2}$",
    "We add them.\n#### 1,234": "1,234",
    "#### 11,\\! 111": "11,\\! 111",
    "The answer is => 7": "7",
    "The answer is > 7": "> 7",
    "3 + 4 = <<3+4=7>>7\nA: 7": "7",
    "Answer: (B)": "(B)",
    "**Final Answer**\n7": "7",
    "Final Answer: The largest $n$ is 34.": "34",
    "The answer is:\n\\[ x^2 + 1 \\]": "x^2 + 1",
    "The answers are 2 and 3.": "2 and 3",
    "The answer is 3.5 because 3 + 0.5 = 3.5": "3.5",
    "The answer is 4:30 p.m.": "4:30 p.m.",
    "The answer is 4:30 p.m. on that day": "4:30 p.m.",
    "The answer is 5. No, the answer is 7.": "7",
    "Answer: 5\nAnswer: 7": "7",
    "Final Answer: The most points that could be there is 19.": "19",
    "The answer is therefore 7": "7",
    "The answer is 4:30 am": "4:30 am",
    "Final Answer: Jane has 1,234.50 dollars left": "1,234.50",
    "Answer: Jane has 3 apples and 4 pears": None,
    "Answer: Jane has at least 3 apples left": None,
    "Answer: 3 apples": "3 apples",
    "Answer: Jane has three or 4 apples left": None,
}
NOT_STATED = [
    "It is 7.",
    "I do not know. It could be 1, 2, 3, 4, 5, 6 or 7",
    "Therefore, the sum is 7.",
    "The answer is 7. Or is it 8?",
    "The answer is 7. Maybe not.",
    "The answer is not sure but maybe it is 7",
    "The answer is",
    "answering 7 questions",
    "The word A: 7",
    "The answer is " + "1" * 500,
    "",
]


@pytest.mark.parametrize("text", STATED)
def test_states_an_answer(text: str) -> None:
    assert stated_answer(text) == STATED[text]


@pytest.mark.parametrize("text", NOT_STATED)
def test_states_none(text: str) -> None:
    assert stated_answer(text) is None


def test_letters_that_change_length_in_lower_case_do_not_shift_the_answer() -> None:
    assert stated_answer("\u0130" * 9 + " the answer is 7") == "7"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("There are two ways. Therefore, the chance that it works is 2/3.", "2/3"),
        ("One is 5.\nSo the others are 6 and 7", "6 and 7"),
        ("Therefore, the chance is 2/3. Is it?", None),
        ("So it is not 7, or perhaps it is 7.", None),
        ("So we add 3 and 4.", None),
        ("The chance is 2/3.", None),
        ("", None),
    ],
)
def test_a_conclusion(text: str, answer: str | None) -> None:
    assert concluded_answer(text) == answer


def test_a_trusted_text_may_go_on_after_its_answer() -> None:
    text = "The answer is 7. Note: it was 8 in the first edition."
    assert stated_answer(text, trusted=True) == "7"
    assert stated_answer(text) is None


BARE = {
    "7": "7",
    " $x = 7$ ": "$x = 7$",
    "$21, 36, and 82$": "$21, 36, and 82$",
    "Evelyn": "Evelyn",
    "2 - 3 i": "2 - 3 i",
    "{\\it x}": "{\\it x}",
    "$f(x)=2x$ for all $x$": "$f(x)=2x$ for all $x$",
    "Answer $ 9 $": "9",
    "We find that $x < 3$.": "x < 3",
    "Therefore \\(x \\geq 5\\) is the solution.": "x \\geq 5",
    "It is\n$$ 9 $$": "9",
    "a multiple of $n$": "a multiple of $n$",
    "$n$ and no other": "$n$ and no other",
    "5 \\text{ meters}": "5 \\text{ meters}",
}
NOT_BARE = [
    "",
    "I think it is 7",
    "so the number is 10, and then 7",
    "I do not know. It could be 1, 2, 3, 4, 5, 6 or 7",
    "It might be $7$.",
    "It is not $7$.",
    "It is less than $7$.",
    "$n$ is even",
    "Since $x = 5$, it follows that $y = 7$.",
    "a b c " * 100,
]


@pytest.mark.parametrize("text", BARE)
def test_is_an_answer(text: str) -> None:
    assert bare_answer(text) == BARE[text]


@pytest.mark.parametrize("text", NOT_BARE)
def test_is_prose(text: str) -> None:
    assert bare_answer(text) is None
