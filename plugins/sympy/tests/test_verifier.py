"""The verifier as a whole: found answers, definite answers, sound references."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from astro.testing.verifiers import Case, VerifierConformance
from astro.types import Problem, Status, Verdict

Judge = Callable[..., Verdict]


@pytest.mark.parametrize(
    ("gold", "response"),
    [
        ("7", r"So it is \boxed{7}."),
        ("7", "<think>Is it 8?</think> The answer is 7."),
        ("7", "So 3 + 4 = 7.\n#### 7"),
        (r"Adding gives $\boxed{7}$.", "7"),
        (r"\text{Evelyn}", r"\boxed{Evelyn}"),
        ("4:30 p.m.", r"\boxed{16{:}30}"),
        ("neither", r"\boxed{\text{neither}}"),
        ("1, 2", r"\boxed{1} and \boxed{2}"),
        ("7", r"\boxed{7} or \boxed{7}"),
        ("1/2", r"\boxed{\frac{1}{2}} or \boxed{0.5}"),
    ],
)
def test_correct(judge: Judge, gold: str, response: str) -> None:
    assert judge(gold, response).status is Status.CORRECT


@pytest.mark.parametrize(
    ("gold", "response"),
    [
        ("7", r"\boxed{8}"),
        ("7", r"\boxed{7} or \boxed{8}"),
        ("7", r"\boxed{1 \text{ or } 2 \text{ or } 7}"),
        ("7", r"\boxed{\text{not } 7}"),
        ("7", r"\boxed{\neq 7}"),
        ("7", r"\boxed{0 = 7}"),
        ("7", r"\boxed{\text{probably } 7}"),
        ("7", r"\boxed{\text{either } 5 \text{ or } 7}"),
        ("7", r"\boxed{\text{a number such as } 7}"),
        ("7", "The answer is not 7"),
        ("7", "The answer is at least 7"),
        ("7", r"7 7 7 \boxed{8}"),
        ("7", "I do not know. It could be 1, 2, 3, 4, 5, 6 or 7"),
        ("7", r"<think>\boxed{7}"),
        ("7", r"\boxed{7"),
        ("7", "7 or 8"),
        ("(B)", r"\boxed{B \text{ or } C}"),
    ],
)
def test_not_correct_and_no_fault(judge: Judge, gold: str, response: str) -> None:
    verdict = judge(gold, response)
    assert verdict.status in (Status.INCORRECT, Status.UNPARSED)
    assert verdict.reason


@pytest.mark.parametrize("gold", ["", "  ", "$", r"\boxed{}"])
def test_without_a_reference_nothing_is_correct(judge: Judge, gold: str) -> None:
    assert judge(gold, rf"\boxed{{{gold}}}").status is not Status.CORRECT
    assert judge(gold, r"\boxed{7}").status is Status.BAD_REFERENCE


def test_a_verdict_says_which_answer_it_read(judge: Judge) -> None:
    assert judge("7", r"So \boxed{ 8 }.").answer == "8"
    assert judge("7", "We do not know.").answer is None


def test_the_readme_shows_what_is_correct(judge: Judge) -> None:
    readme = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:4] for line in readme.splitlines() if line.startswith("| `")]
    assert len(rows) > 5
    for gold, response, expected in ([cell.strip().strip("`") for cell in row] for row in rows):
        assert judge(gold, response).status == expected, (gold, response)


class TestConformance(VerifierConformance):
    name = "sympy"

    def cases(self) -> list[Case]:
        return [
            Case(
                Problem("sum", "What is 3 + 4?", "7"),
                right=(r"\boxed{7}", "The answer is 7.", "#### 7", "7", r"\boxed{\frac{14}{2}}"),
                wrong=(r"\boxed{8}", "", "The answer is 8.", r"\boxed{7, 8}", r"\boxed{7x}"),
            ),
            Case(
                Problem("name", "Who won?", r"\text{Evelyn}"),
                right=(r"\boxed{Evelyn}", "The answer is Evelyn."),
                wrong=(r"\boxed{Carla}", r"\boxed{\text{not Evelyn}}", r"\boxed{7}"),
            ),
            Case(
                Problem("roots", "Solve it.", r"x = \frac{1 \pm \sqrt{5}}{2}"),
                right=(r"\boxed{\frac{1+\sqrt5}{2}, \frac{1-\sqrt5}{2}}",),
                wrong=(r"\boxed{\frac{1+\sqrt5}{2}}", r"\boxed{\frac{1+\sqrt3}{2}}"),
            ),
        ]
