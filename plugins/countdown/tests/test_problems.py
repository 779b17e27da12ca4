"""Problems: reproducible, solvable, and shared by no two splits."""

from __future__ import annotations

import pytest

from astro.errors import ConfigError, ProblemError
from astro.plugins.params import validate
from astro_countdown.game import split_of, walks
from astro_countdown.problems import HARD, CountdownProblems, ProblemParams


def load(split: str, **params: object) -> list[tuple[tuple[int, ...], int]]:
    problems = CountdownProblems(validate(ProblemParams, params)).load(split)
    return [(tuple(p.metadata["numbers"]), p.metadata["target"]) for p in problems]


def test_a_problem_says_what_it_is() -> None:
    split = split_of((7, 7), 14)
    only = ProblemParams(numbers=2, low=7, high=7, max_target=20).model_copy(update={split: 1})
    (problem,) = CountdownProblems(only).load(split)
    assert (problem.id, problem.prompt) == ("countdown-7-7-14", "use 7 7 to make 14")
    assert (problem.answer, problem.metadata["numbers"]) == ("14", [7, 7])


def test_the_default_counts_are_there_and_can_be_solved() -> None:
    for split, count in (("train", 400), ("dev", 100), ("test", 300)):
        problems = load(split)
        assert len(problems) == len(set(problems)) == count
        assert all(target in walks(numbers) for numbers, target in problems)


def test_splits_share_no_problem_whatever_the_params() -> None:
    train = load("train", train=1000) + load("train", train=1000, seed=5, high=12)
    held_out = load("test") + load("dev", seed=3)
    assert not set(train) & set(held_out)
    assert {split_of(*problem) for problem in train} == {"train"}


def test_same_params_same_problems() -> None:
    assert load("test", seed=1) == load("test", seed=1)
    assert load("test", seed=1) != load("test", seed=2)


def test_difficulty_is_the_chance_of_a_random_walk() -> None:
    chances = {
        level: [walks(numbers)[target] for numbers, target in load("train", difficulty=level)]
        for level in ("easy", "hard")
    }
    assert min(chances["easy"]) >= HARD > max(chances["hard"])


def test_targets_and_numbers_stay_in_range() -> None:
    problems = load("train", numbers=4, low=2, high=9, min_target=20, max_target=30)
    assert all(len(n) == 4 and min(n) >= 2 and max(n) <= 9 for n, _ in problems)
    assert {target for _, target in problems} <= set(range(20, 31))


def test_too_many_are_refused_with_the_counts() -> None:
    with pytest.raises(
        ProblemError, match=r"9999 test problems requested, but there are only \d+;"
    ):
        load("test", test=9999)
    with pytest.raises(ProblemError, match="no split 'exam'; there are train, dev, test"):
        load("exam")


@pytest.mark.parametrize("params", [{"low": 9, "high": 8}, {"numbers": 5, "high": 50}])
def test_impossible_params_are_config_errors(params: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        validate(ProblemParams, params)
