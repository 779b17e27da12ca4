"""Which answers are one vote, by a verifier that compares numbers or one that judges by a rule."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

from astro.builtin.lines import LinesFormat, LinesParams
from astro.engine.sampling import Sample
from astro.engine.votes import answer_classes
from astro.requests import Verify
from astro.runs.scoring import EvaluatedProblem, majority, score, scored
from astro.runs.warnings import score_warnings
from astro.types import FinishReason, Problem, Status, Verdict

PROBLEM = Problem("p", "?", "1/2")


def number(text: str) -> Fraction | None:
    try:
        return Fraction(text)
    except ValueError:
        return None


def compared(problem: Problem, response: str) -> Verdict:
    """Accept a number that is equal to the reference."""
    answer = response.removeprefix(r"\boxed{").removesuffix("}")
    if number(problem.answer) is None:
        return Verdict(Status.BAD_REFERENCE)
    if number(answer) is None:
        return Verdict(Status.UNPARSED, answer)
    right = number(answer) == number(problem.answer)
    return Verdict(Status.CORRECT if right else Status.INCORRECT, answer)


def half_or_third(problem: Problem, response: str) -> Verdict:  # noqa: ARG001
    """Accept a half and a third, whatever the reference is."""
    answer = response.removeprefix(r"\boxed{").removesuffix("}")
    right = number(answer) in (Fraction(1, 2), Fraction(1, 3))
    return Verdict(Status.CORRECT if right else Status.INCORRECT, answer)


def classes(verdicts: list[Verdict], verify: object = compared) -> tuple[list[int | None], int]:
    """The classes, and how many questions were asked."""
    program, asked = answer_classes(PROBLEM, verdicts), 0
    replies = None
    try:
        while True:
            requests = program.send(replies)  # type: ignore[arg-type]
            assert all(isinstance(request, Verify) for request in requests)
            asked += len(requests)
            replies = [verify(request.problem, request.response) for request in requests]  # type: ignore[operator]
    except StopIteration as stop:
        return stop.value, asked


def judged(*answers: str, verify: object = compared) -> list[Verdict]:
    return [verify(PROBLEM, answer) for answer in answers]  # type: ignore[operator]


def test_equivalent_answers_are_one_vote_right_and_wrong_ones() -> None:
    found, _ = classes(judged("0.5", "1/3", "1/2", "2/6", "7", " 0.5"))
    assert found == [0, 1, 0, 1, 2, 0]


def test_an_answer_that_cannot_be_read_has_a_vote_by_its_text_and_none_without() -> None:
    verdicts = [*judged("1/2", "x", "3", "x"), Verdict(Status.UNPARSED)]
    assert classes(verdicts)[0] == [0, 1, 2, 1, None]


def test_an_answer_that_the_response_rejects_is_no_vote() -> None:
    rejected = Verdict(Status.INCORRECT, "3", rejected=True)
    verdicts = [*judged("1/2", "3"), rejected, rejected]
    assert classes(verdicts)[0] == [0, 1, None, None]
    samples = [Sample("", (), (), FinishReason.EOS, verdict) for verdict in verdicts]
    measured = scored(EvaluatedProblem(PROBLEM, samples, []), LinesFormat(LinesParams()))
    assert [one.vote for one in measured.samples] == ["1/2", "3", None, None]


def test_nothing_is_asked_if_the_majority_is_certain() -> None:
    for answers in (["1/2", "0.5"], ["3", "3.0", "4"]):
        assert classes(judged(*answers))[1] == 0


def test_a_verifier_that_does_not_read_the_reference_is_not_believed() -> None:
    verdicts = judged("1/2", "1/3", "0.5", "7", verify=half_or_third)
    assert classes(verdicts, half_or_third)[0] == [0, 1, 2, 3]


@pytest.mark.parametrize("order", list(itertools.permutations(range(5))))
def test_classes_do_not_depend_on_the_order(order: tuple[int, ...]) -> None:
    answers = ["0.5", "1/3", "2/6", "7", "7.0"]
    found, _ = classes(judged(*(answers[i] for i in order)))
    by_answer = {answers[i]: label for i, label in zip(order, found, strict=True)}
    assert by_answer["1/3"] == by_answer["2/6"] != by_answer["7"] == by_answer["7.0"]


def test_the_majority_counts_classes() -> None:
    answers = ["0.5", "3", "1/2", "3", "2/4"]
    verdicts = judged(*answers)
    samples = [Sample("", (), (), FinishReason.EOS, verdict) for verdict in verdicts]
    lines = LinesFormat(LinesParams())
    by_text = EvaluatedProblem(PROBLEM, samples, [])
    by_class = EvaluatedProblem(PROBLEM, samples, [], votes=classes(verdicts)[0])
    assert majority(scored(by_text, lines), 5) == 0.0
    assert majority(scored(by_class, lines), 5) == 1.0


def test_shares_of_verdicts_and_a_warning_for_what_most_responses_have() -> None:
    verdicts = [Verdict(Status.UNPARSED)] * 3 + [Verdict(Status.CORRECT, "1/2")]
    samples = [Sample(text, (), (), FinishReason.EOS, v) for text, v in zip("  ab", verdicts)]  # noqa: B905
    figures = score([scored(EvaluatedProblem(PROBLEM, samples, []), LinesFormat(LinesParams()))])
    assert figures["verdict/unparsed"].value == 0.75
    assert figures["verdict/correct"].value == 0.25
    assert figures["empty"].value == 0.5
    assert "verdict/timeout" not in figures
    (line,) = score_warnings("base", figures)
    assert line.startswith("base: 75% of the responses have no answer that the verifier reads; ")
