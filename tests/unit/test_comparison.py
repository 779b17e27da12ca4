"""Arms side by side, against hand arithmetic."""

from __future__ import annotations

from dataclasses import replace

import pytest

from astro.builtin.lines import LinesFormat, LinesParams
from astro.engine.sampling import Sample
from astro.errors import RunError
from astro.experiments.comparison import compare
from astro.runs.scoring import EvaluatedProblem, ScoredProblem, scored
from astro.types import FinishReason, Problem, Status, Verdict


def responses(rows: list[str], tokens: int) -> list[EvaluatedProblem]:
    """One row per problem and one letter per sample: `x` is right, any other letter is wrong."""
    return [
        EvaluatedProblem(
            Problem(f"p{i}", "?", "x"),
            [
                Sample(
                    letter,
                    tuple(range(tokens)),
                    (0.0,) * tokens,
                    FinishReason.EOS,
                    Verdict(Status.CORRECT if letter == "x" else Status.INCORRECT, letter),
                )
                for letter in row
            ],
            [],
        )
        for i, row in enumerate(rows)
    ]


def model(rows: list[str], tokens: int) -> list[ScoredProblem]:
    return [scored(m, LinesFormat(LinesParams())) for m in responses(rows, tokens)]


class NoDivision(LinesFormat):
    """Every step is legal that holds no `/`."""

    def legal(self, problem: Problem, response: str) -> bool:  # noqa: ARG002
        return "/" not in response


MEASURED = {
    0: {"base": model(["axxx", "abcd"], 10), "best": model(["xxxx", "xxab"], 31)},
    1: {"base": model(["abcd", "abcd"], 10), "best": model(["xxxx", "abcd"], 20)},
}


def test_models_by_seed() -> None:
    result = compare(MEASURED, "best")
    assert result.seeds == [
        {"seed": 0, "base": 37.5, "best": 75.0},
        {"seed": 1, "base": 0.0, "best": 50.0},
    ]
    assert result.legal == result.right_and_legal == []


@pytest.mark.parametrize(("reason", "legal"), [(FinishReason.LENGTH, 75), (FinishReason.EOS, 25)])
def test_a_step_that_the_token_limit_cut_is_not_judged(reason: FinishReason, legal: float) -> None:
    (whole,) = responses(["abcd"], 10)
    texts = ["7\n8/", "7/\n8", "8/", "7\n8\n"]
    cut = [
        replace(sample, text=text, finish_reason=reason)
        for sample, text in zip(whole.samples, texts, strict=True)
    ]
    judged = scored(replace(whole, samples=cut), NoDivision(LinesParams()))
    result = compare({0: {"m": [judged]}}, "m")
    assert result.legal == [{"seed": 0, "m": legal}]


def test_differences_are_paired_by_problem() -> None:
    (difference,) = compare(MEASURED, "best").differences
    assert (difference.first, difference.second) == ("best", "base")
    assert [d.value for d in difference.by_seed] == [37.5, 50.0]
    # by problem, over the seeds: (25 + 100) / 2 and (50 + 0) / 2
    assert difference.pooled.value == 43.75
    assert (difference.pooled.low, difference.pooled.high) == (25.0, 62.5)


def test_only_what_every_model_was_measured_on_is_compared() -> None:
    base, best = MEASURED[0].values()
    swapped = {1: {"base": base, "best": best[::-1]}}
    assert compare(swapped, "best").differences[0].by_seed[0].value == 37.5
    failed = {0: {"base": base, "best": best[1:]}, 1: {"base": base, "best": best}}
    result = compare(failed, "best")
    assert result.problems == 1
    assert result.seeds[0] == result.seeds[1] | {"seed": 0}
    with pytest.raises(RunError, match="no problem was evaluated in all arms"):
        compare({0: {"base": base[:1], "best": best[1:]}}, "best")


def test_the_majority_of_one_is_its_chance_to_be_right() -> None:
    models = {"m": model(["axaa"], 10), "best": model(["xxxx"], 10)}
    (one,) = compare({0: models}, "best").matched
    assert (one.samples, one.majority, one.oracle) == (1, 25.0, 25.0)


def test_best_of_n_at_the_tokens_of_the_reference() -> None:
    first, second = compare(MEASURED, "best").matched
    assert (first.model, first.samples, first.tokens, first.reference_tokens) == ("base", 3, 30, 31)
    # of `axx` two say x; of `abc` each says another. pass@3 of 3 right in 4 is 1, of none 0.
    assert (first.majority, first.oracle) == (50.0, 50.0)
    assert (second.samples, second.majority, second.oracle) == (2, 0.0, 0.0)
