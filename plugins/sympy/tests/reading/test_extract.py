"""Extraction: which part of a response is its answer."""

from __future__ import annotations

import time

import pytest

from astro_sympy.params import SympyParams
from astro_sympy.reading.extract import extract, reference

FOUND = {
    r"The answer is 5. So \boxed{7}.": "7",
    r"<think>\boxed{5}</think> \boxed{7}": "7",
    r"<think>\boxed{</think>\boxed{7}": "7",
    r"\boxed{5}</think>The answer is 7": "7",
    r"\boxed{7} <think> or \boxed{8}": "7",
    r"\boxed{7}<|im_end|>": "7",
    "The answer is 7. <|im_start|>user": "7",
    "7 <|eot_id|></s>\n": "7",
    r"\boxed{1} and \boxed{2}": "1, 2",
    r"It is not 5. It is \boxed{7}": "7",
    r"$3!=\boxed{6}$": "6",
    r"$\boxed{7}$ is not divisible by 2.": "7",
    r"If it is not so, \boxed{7} is right": "7",
    r"\\boxed{\\frac{1}{2}}": r"\frac{1}{2}",
    r"\boxed{a \\ b}": r"a \\ b",
    "\\boxed{7\ud800}": "7?",
    "x = 7": "x = 7",
}
NOT_FOUND = [
    "",
    "  ",
    r"<think>so \boxed{7}",
    r"<think>so \boxed{7}</think>",
    r"<think>1</think> <think>\boxed{7}",
    r"\boxed{7",
    r"The answer is not $\boxed{7}$.",
    r"$x \neq \boxed{7}$",
    r"It can't be \(\boxed{7}\)",
    r"$\boxed{7}$ is wrong.",
    r"\boxed{}",
    r"The answer is 7, in a \boxed{",
    "It may be 7 or 8, let me think.",
]


@pytest.mark.parametrize("response", FOUND)
def test_finds_the_answer(response: str) -> None:
    assert extract(response, SympyParams()).answer == FOUND[response]


@pytest.mark.parametrize("response", NOT_FOUND)
def test_finds_none_and_says_why(response: str) -> None:
    found = extract(response, SympyParams())
    assert found.answer is None
    assert found.reason


def test_the_config_says_where_an_answer_may_stand() -> None:
    line, bare, boxed = "He has four.\nA: 7", "7", r"\boxed{7}"
    strict = SympyParams(final_line=False, bare=False)
    assert extract(line, SympyParams(bare=False)).answer == "7"
    assert extract(bare, SympyParams(final_line=False)).answer == "7"
    assert extract(line, strict).answer is None
    assert extract(bare, strict).answer is None
    assert extract(boxed, strict).answer == "7"


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("7", "7"),
        (r"\frac{1}{2}", r"\frac{1}{2}"),
        (r"Adding gives $3+4=\boxed{7}$.", "7"),
        ("We add them.\n#### 7", "7"),
        (r"\boxed{x = 7", "x = 7"),
        ("The final answer is $7$. I hope it is correct.", "$7$"),
        (
            "The rent of $A$ is $240$ yuan. It is fair.",
            "The rent of $A$ is $240$ yuan. It is fair.",
        ),
        (" ", ""),
    ],
)
def test_a_reference_may_be_an_answer_or_a_solution(gold: str, answer: str) -> None:
    assert reference(gold) == answer


@pytest.mark.parametrize(
    "response",
    [
        "We compute 1+1=2. " * 60_000 + r"\boxed{5}",
        "$" * 1_000_000,
        "\\(" * 500_000,
        "\\[" * 500_000,
        "the answer is " * 80_000,
        "answer" + " " * 1_000_000,
        "answer" + "*_" * 500_000,
        "answer is" + "\\\\" * 500_000,
        "#" * 1_000_000,
        "\nA:" * 300_000,
        "<|a|>" * 200_000,
        "</s>" * 200_000,
        "<think>" * 150_000,
        "</think>" * 150_000,
    ],
    ids=range(14),
)
def test_a_megabyte_is_read_at_once(response: str) -> None:
    started = time.process_time()
    extract(response, SympyParams())
    assert time.process_time() - started < 2.0
