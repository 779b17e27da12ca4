"""Which training problems are held out too, worked by hand and on the published sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from astro.data import decontamination
from astro.data.decontamination import Contaminated, contaminated, ngrams, same_text
from astro.types import Problem

DATA = Path(__file__).parents[3] / "shared" / "data"
WORDS = [f"w{i}" for i in range(40)]


def problem(name: str, text: str) -> Problem:
    return Problem(name, text, "1")


def words(first: int, last: int) -> str:
    return " ".join(WORDS[first:last])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Find $x$.", "find x", True),
        (r"What is $\dfrac{1}{2} + 3$?", r"What is \(\frac{1}{2}+3\)?", True),
        (r"Solve $\left( x,\, y \right)$", "solve   (x,y)", True),
        ("use 3 5 8 to make 19", "use 35 8 to make 19", False),
        ("Compute $2 + 3$.", "Compute $2 * 3$.", False),
        ("use 3 5 8 to make 19", "use 3 5 8 to make 20", False),
    ],
)
def test_texts_are_the_same_but_for_layout(one: str, other: str, same: bool) -> None:
    assert (same_text(one) == same_text(other)) is same


def test_words_are_letters_and_digits_and_figures_are_left_out() -> None:
    assert list(ngrams(r"Let $f(x) = \frac{a}{2}$ [asy]draw((0,0));[/asy] be", 4)) == [
        "let f x frac",
        "f x frac a",
        "x frac a 2",
        "frac a 2 be",
    ]
    assert list(ngrams(words(0, 12))) == []
    assert list(ngrams(words(0, 13))) == [words(0, 13)]


def test_thirteen_words_in_a_row_are_contamination_and_twelve_are_not() -> None:
    held = {"exam": [problem("e1", f"First, {words(0, 13)} is asked.")]}
    training = [
        problem("same", words(0, 13).upper()),
        problem("twelve", f"{words(0, 12)} other"),
        problem("amid", f"so {words(0, 5)}, {words(5, 20)}"),
    ]
    assert contaminated(training, held) == [
        Contaminated("same", "exam", "e1", words(0, 13)),
        Contaminated("amid", "exam", "e1", words(0, 13)),
    ]


def test_short_problems_are_compared_by_their_text_and_the_first_set_is_named() -> None:
    held = {"a": [problem("a1", "What is 2 + 2?")], "b": [problem("b1", "what is $2+2$")]}
    training = [problem("t1", "What is $2 + 2$?"), problem("t2", "What is 2 + 3?")]
    assert contaminated(training, held) == [Contaminated("t1", "a", "a1")]


@pytest.mark.parametrize(("holders", "found"), [(10, 10), (11, 0)])
def test_what_more_than_ten_training_problems_say_is_a_common_phrase(
    holders: int, found: int
) -> None:
    held = {"exam": [problem("e", f"{words(0, 13)} end")]}
    training = [problem(f"t{i}", f"{i} {words(0, 13)} {i}") for i in range(holders)]
    assert len(contaminated(training, held)) == found
    assert decontamination.COMMON == 10


def test_sets_made_by_rule_are_compared_by_text_alone() -> None:
    held = {"made": [problem("e", f"{words(0, 13)} 7")]}
    training = [problem("t", f"{words(0, 13)} 8"), problem("u", f"{words(0, 13)} 7")]
    assert contaminated(training, held, {"made"}) == [Contaminated("u", "made", "e")]


@pytest.mark.skipif(not DATA.exists(), reason="no shared/data beside the repository")
def test_published_sets() -> None:
    """MATH-500 was taken out of MATH's training set, but holds problems of the AIME."""

    def read(name: str) -> list[Problem]:
        rows = map(json.loads, (DATA / f"{name}.jsonl").open(encoding="utf-8"))
        return [Problem(row["id"], row["problem"], row["answer"]) for row in rows]

    held = {name: read(name) for name in ("math500", "amc23", "aime24")}
    math, aime = read("math_train"), read("aime_train_1983_2023")
    assert [hit.id for hit in contaminated(math, held) if not hit.shared] == []
    assert len(contaminated(math, held)) < 0.02 * len(math)
    same = {hit.id: hit.evaluation_id for hit in contaminated(aime, held) if not hit.shared}
    assert same["aime/1983-1-2"] == "math500/test/intermediate_algebra/1365.json"
    assert len(contaminated(held["math500"], held)) == 500
