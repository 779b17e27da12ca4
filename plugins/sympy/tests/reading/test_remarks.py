"""What follows an answer in prose: remarks, qualifications, other choices and the next turn."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from astro.types import Verdict
from astro_sympy.reading.remarks import chosen, without_remark

Judge = Callable[..., Verdict]

REMARKS = [
    "The answer is 72 in total.",
    "The answer is $72$, altogether.",
    "The answer is \\(72\\), and we are done.",
    "The answer is **72**, of course.",
    "The answer is 72; this completes the proof.",
    "The answer is 72 - that is all.",
    "The answer is 72 \u2014 that is it.",
    "The answer is 72: the shop earns that much.",
    "The answer is 72; hence the claim follows.",
    "The answer is 72 (in total).",
    "The answer is 72 dollars overall, and that is what was asked.",
    "The answer is 72, to be exact",
    "The answer is 72, I am sure.",
    "The answer is 72, because it is not divisible by 5.",
    "Therefore, the total is 72, of course.",
    "#### 72, and that is the result",
    "The answer is 72 and we are done.",
    "The answer is 72 (this completes the proof).",
    "The answer is 72 at the end of the day.",
    "The answer is 72, by symmetry.",
    "The answer is 72, q.e.d.",
    r"\boxed{72 in total}",
    r"\boxed{72, \text{ in total}}",
]
QUALIFIED = [
    "The answer is 72, or 73.",
    "The answer is 72, or so.",
    "The answer is 72 as well as seventy.",
    "The answer is 72, perhaps.",
    "The answer is 72, roughly.",
    "The answer is 72, minus two.",
    "The answer is 72, plus tax, and that is it.",
    "The answer is 72, and x.",
    "The answer is 72 - x",
    "The answer is 72; it is less than that.",
    "The answer is 72, and we double it to get the rest.",
    "The answer is 72, I think it is about right.",
    "The answer is 72, as I guess.",
    "The answer is 72, which is wrong.",
    "The answer is 72. Wait, that was the other shop.",
    "The answer is 72, not in total.",
    "The answer is 27, in total.",
    "The answer is 72, it is an upper bound.",
    "The answer is 72, this was the first shop only.",
    "The answer is 72 in base eight.",
    "The answer is 72 after doubling.",
]
CHOSEN = [
    "The answer is for sure D, it can't be A or B.",
    "The answer is definitely D.",
    "The answer is (D), not A.",
    "The answer is D; neither A nor B works.",
    "The answer is **D**, as B is impossible.",
    "The answer is D because A and B are too small.",
    "The answer is D. The others are wrong.",
    "The answer is D, but not A.",
    "The answer is certainly D - it cannot be C.",
    "I am sure that the answer is D, it cannot be A, B or C.",
    "The answer must be D: it cannot be A.",
    "The answer is D (it can't be A or B).",
    "The answer is \\textbf{(D)}, not A",
    "The answer is clearly d.",
    r"\boxed{d}",
]
NOT_CHOSEN = [
    "The answer is D or A.",
    "The answer is D, or A.",
    "The answer is D, or c.",
    "The answer is D, A.",
    "The answer is D, E is also possible.",
    "The answer is D, E, it can't be A",
    "The answer is D, but it could be A.",
    "The answer is D unless it is A.",
    "The answer is D, it is not D.",
    "The answer is D, I do not think so.",
    "The answer is D. Wait, it's A.",
    "The answer is D, actually B.",
    "The answer is probably D.",
    "The answer is not D, it is not A either.",
    "The answer is A, it is not D.",
    "The answer is c.",
]
MONEY = [
    "the final answer is $10,455$",
    "The answer is $10,455",
    "The answer is \\$10,455 in total.",
    "He had $5 and $6, so the final answer is $10,455$, of course.",
    "Therefore, the total cost is $10,455.",
]
TURNS = [
    "The final answer is $42$. I hope it is correct.<|im_start|>user\nWhat is 5+5?",
    "The final answer is $42$. I hope it is correct.\n\nProblem:\nWhat is 5+5?",
    "The answer is 42.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nWhat is 5+5?",
    "<|im_start|>assistant\nThe answer is 42.<|im_end|>",
    r"\boxed{42}<|im_end|><|im_start|>assistant<think>5</think>\boxed{3}",
    "The answer is 42.<end_of_turn>\n<start_of_turn>user\n7?",
    "The answer is 42<\uff5cend\u2581of\u2581sentence\uff5c>7",
    r"<|begin_of_thought|>\boxed{5}<|end_of_thought|><|begin_of_solution|>\boxed{42}",
    r"So 42.<|end|><|start|>assistant<|channel|>final<|message|>\boxed{42}<|return|>",
    r"From $0<|x|>5$ follows \boxed{42}",
]
LATER_TURNS = [
    r"\boxed{3}<|im_end|>\boxed{42}",
    "The answer is 3.<|eot_id|>The answer is 42.",
    r"<|im_end|>\boxed{42}",
]


@pytest.mark.parametrize(
    ("gold", "response"),
    [
        *(("72", text) for text in REMARKS),
        *(("D", text) for text in CHOSEN),
        *(("10455", text) for text in MONEY),
        *(("42", text) for text in TURNS),
    ],
)
def test_correct(judge: Judge, gold: str, response: str) -> None:
    assert judge(gold, response).correct


@pytest.mark.parametrize(
    ("gold", "response"),
    [
        *(("72", text) for text in QUALIFIED),
        *(("D", text) for text in NOT_CHOSEN),
        *(("42", text) for text in LATER_TURNS),
    ],
)
def test_not_correct(judge: Judge, gold: str, response: str) -> None:
    assert not judge(gold, response).correct


@pytest.mark.parametrize(
    ("gold", "response"),
    [
        ("7", "he has 3 + 4 = 7 apples."),
        ("1/2", r"so half, \frac{1}{2} of it"),
        ("-3", "it falls by -3 degrees"),
        ("1234", "they sell 1,234 of them"),
    ],
)
def test_the_last_number_is_an_answer_on_request_only(
    judge: Judge, gold: str, response: str
) -> None:
    assert not judge(gold, response).correct
    assert judge(gold, response, last_number=True).correct
    assert not judge(gold, f"{response} \\boxed{{99}}", last_number=True).correct


@pytest.mark.parametrize("text", ["a " * 199, ", a" * 130, "7, " + "we " * 120 + "1", "D, " * 600])
def test_long_remarks_are_read_at_once(text: str) -> None:
    started = time.process_time()
    without_remark(text)
    chosen(text)
    assert time.process_time() - started < 0.5
