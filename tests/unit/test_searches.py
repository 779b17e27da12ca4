"""Comparisons of searches: their files, their runs, and which differences are beyond noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_runs import small_config

from astro.errors import ConfigError, RunError
from astro.events import Event, Notice
from astro.experiments.accuracy import SearchComparison, Tried, compare_searches
from astro.experiments.loading import load
from astro.experiments.searches import Comparison
from astro.experiments.tables import comparison_tables
from astro.files import read_json
from astro.metrics import holm, sign_flip_test
from astro.planning.experiments import Question, plan_runs
from astro.planning.speed import Machine
from astro.plugins.registry import Registry

SEARCHES: dict[str, Any] = {
    "greedy": {"search": {"params": {"samples": 1, "temperature": 0}}},
    "majority": {},
    "any": {"reference": True, "value": {"name": "rollout"}},
}
PROBLEMS = [{"id": f"set/{i}", "prompt": f"what is {i}?", "answer": "1"} for i in range(8)]


def write(folder: Path, **keys: Any) -> dict[str, Any]:
    """A comparison whose policy answers 1, which is right, two times out of three."""
    policy = {"answers": ["the answer is 1\n"] * 2 + ["the answer is 2\n"], "length": 1}
    own = {
        "budgets": [12, 120],
        "seeds": [0],
        "policy": {"name": "scripted", "params": policy},
        "search": {"name": "best_of_n", "params": {"samples": 20}},
        "value": {"name": "p_true"},
        "searches": SEARCHES,
        **keys,
    }
    return small_config(folder, PROBLEMS, **own)


def loaded(folder: Path, **keys: Any) -> Comparison:
    comparison = load(write(folder, **keys))
    assert isinstance(comparison, Comparison)
    return comparison


def row(*correct: int, tokens: int = 10) -> dict[str, Tried]:
    return {str(i): Tried(bool(c), answered=True, tokens=tokens) for i, c in enumerate(correct)}


def test_pairs_are_tested_exactly() -> None:
    assert sign_flip_test([1] * 8 + [-1] * 2 + [0] * 5) == 2 * (1 + 10 + 45) / 2**10
    assert sign_flip_test([2, 1, -1, 0, 3]) == 6 / 16
    assert sign_flip_test([0, 0]) == 1.0


def test_several_tests_share_one_level() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_difference_counts_if_it_is_beyond_noise() -> None:
    found = compare_searches(
        {
            ("good", 10): [row(*[1] * 12)],
            ("bad", 10): [row(*[0] * 11, 1)],
            ("near", 10): [row(*[1] * 10, 0, 0, tokens=6)],
        },
        {("good", 10): 0.5, ("bad", 10): 0.5, ("near", 10): 0.5},
        {"good": "majority", "bad": "majority", "near": "reference"},
        [0],
    )
    assert [(p.search, p.accuracy.value, p.tokens.value) for p in found.points] == [
        ("good", 1.0, 10.0),
        ("bad", pytest.approx(1 / 12), 10.0),
        ("near", pytest.approx(10 / 12), 6.0),
    ]
    tested = {(d.first, d.second): d for d in found.differences}
    assert set(tested) == {("good", "near"), ("good", "bad"), ("near", "bad")}
    assert tested["good", "near"].p == 0.5
    assert tested["good", "bad"].p == 2 / 2**11
    assert tested["good", "bad"].p_adjusted == pytest.approx(3 * 2 / 2**11)
    assert [d.beyond_noise for d in found.differences] == [False, True, True]
    accuracy, differences = comparison_tables(found)
    assert accuracy.rows[2][0] == "near (reference)"
    assert [one[0] for one in differences.rows] == ["good above bad", "near above bad"]
    assert differences.note.startswith("2 of 3 pairs differ")


def test_seeds_of_a_problem_are_no_problems_of_their_own() -> None:
    tried = {("a", 1): [row(1, 1), row(1, 0)], ("b", 1): [row(0, 1), row(0, 0)]}
    found = compare_searches(tried, dict.fromkeys(tried, 0.0), {"a": "", "b": ""}, [0, 1])
    (difference,) = found.differences
    assert difference.points.value == 50.0
    assert difference.p == 1.0
    assert found.points[0].accuracy.value == 0.75


def test_only_problems_that_all_have_tried_count() -> None:
    tried = {("a", 1): [row(1, 1, 1)], ("b", 1): [row(0, 1)]}
    assert compare_searches(tried, dict.fromkeys(tried, 0.0), {}, [0]).problems == 2
    with pytest.raises(RunError, match="no problem was searched by all"):
        compare_searches({**tried, ("c", 1): [{}]}, dict.fromkeys(tried, 0.0), {}, [0])


def test_more_tokens_help_a_vote_and_all_is_kept(tmp_path: Path) -> None:
    searches = {name: SEARCHES[name] for name in ("majority", "any")}
    few = loaded(tmp_path, searches=searches, budgets=[12]).run(runs=tmp_path)
    comparison = loaded(tmp_path, searches=searches)
    result = comparison.run(runs=tmp_path)
    points = {(p.search, p.budget): p for p in result.points}
    assert result.problems == 8
    assert result.choices == {"majority": "majority", "any": "reference"}
    assert all(p.most_tokens <= p.budget for p in result.points)
    assert points["majority", 120].accuracy.value > points["majority", 12].accuracy.value
    assert points["any", 120].accuracy.value == 1.0
    assert points["any", 120].tokens.value > 100
    assert [points[p.search, 12] for p in few.points] == few.points
    assert read_json(tmp_path / "small" / "results.json", SearchComparison) == result
    assert comparison.run(runs=tmp_path) == result


@pytest.mark.parametrize(
    ("budgets", "warned"),
    [
        ([1, 2], ["warning: no search has an answer to any of 8 problems at any budget"]),
        ([1, 12], ["warning: search late has no answer to any of 8 problems at any budget"]),
        ([1, 120], []),
    ],
)
def test_a_search_without_any_answer_is_told(
    tmp_path: Path, budgets: list[int], warned: list[str]
) -> None:
    """The responses of `late` have three steps, for which 12 tokens are too few."""
    policy = {"answers": ["the answer is 1\n"], "length": 3, "lines": ["let us see\n"]}
    late = {"policy": {"params": policy}}
    told: list[Event] = []
    own = {
        "search": {"name": "best_of_n", "params": {"samples": 1}},
        "searches": {"early": {}, "late": late},
        "budgets": budgets,
    }
    loaded(tmp_path, **own).run(runs=tmp_path, on_event=told.append)
    lines = [event.text.partition(";")[0] for event in told if isinstance(event, Notice)]
    assert [line for line in lines if line.startswith("warning: ")] == warned


def test_a_plan_has_each_search_at_each_budget(tmp_path: Path) -> None:
    question = Question(Registry.discover(), None, {}, Machine(None, 1))
    planned = list(plan_runs(loaded(tmp_path), question))
    assert [one.times for one in planned] == [1] * 6
    assert planned[0].title == "search greedy, 8 problems at 12 tokens"


def test_keys_of_training_are_not_read(tmp_path: Path) -> None:
    (config, *_) = loaded(tmp_path, sft={"name": "no such trainer"}).configs()
    assert config.sft is None


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"name": None}, "name: expected the comparison's name"),
        ({"searches": {"a": {}}}, "searches: .*at least 2"),
        ({"searches": {"a/b": {}, "c": {}}}, "searches.a/b"),
        ({"searches": {**SEARCHES, "x": {"search": {"name": "y"}}}}, "searches.x: search.name: no"),
        ({"searches": {**SEARCHES, "x": {"select": "first"}}}, "searches.x: select"),
        ({"searches": {**SEARCHES, "x": {"budget": {"tokens": 0}}}}, "searches.x: budget.tokens"),
        ({"budgets": []}, "budgets: .*at least 1"),
        ({"budgets": [0]}, "budgets.0"),
        ({"budgets": [8, 8]}, "budgets: .*twice"),
        ({"seeds": [-1]}, "seeds.0"),
        ({"rounds": {"n": 2}}, "rounds"),
        ({"verifier": {"name": "none"}}, "verifier: answers have to be verified"),
    ],
)
def test_bad_keys_are_named(tmp_path: Path, keys: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        loaded(tmp_path, **keys)


def test_a_comparison_has_no_stages(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="until: a comparison of searches has no stages"):
        loaded(tmp_path).run(runs=tmp_path, until="search")
