"""Studies: their files, the runs they are made of, and where those lie."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import yaml

from astro.errors import ConfigError, RunError
from astro.experiments.loading import load
from astro.experiments.merging import merged
from astro.experiments.study import Study, compare_arms
from astro.files import read_json, read_lines
from astro.runs.folder import discard
from astro.runs.scoring import EvaluatedProblem

LINES = ["the answer is 1\n", "the answer is 2\n"]
ROWS = [{"id": f"p{i}", "prompt": f"what is {i}?", "answer": "1"} for i in range(3)]

TRAINED = {
    "policy": {"name": "transformers", "params": {"model": "tiny-countdown"}},
    "sft": {"name": "transformers", "params": {"batch_size": 1}},
    "evaluate": {"models": ["sft"], "samples": 1, "max_tokens": 16},
}


def write(folder: Path, **keys: Any) -> Path:
    """A study of two arms that search with the scripted policy and train nothing."""
    problems = folder / "problems.jsonl"
    problems.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    raw = {
        "name": "both",
        "seeds": [0, 3],
        "problems": {"name": "jsonl", "params": {"train": str(problems), "test": str(problems)}},
        "policy": {
            "name": "scripted",
            "params": {"answers": ["the answer is 1\n", "the answer is 2\n"]},
        },
        "verifier": {"name": "exact"},
        "search": {"name": "mcts", "params": {"expand": 2, "iterations": 4}},
        "value": {"name": "rollout", "params": {"rollouts": 1, "max_tokens": 32}},
        "linearizer": {"name": "backtrack", "params": {"shares": {1: 1}}},
        "evaluate": {"models": ["base"], "samples": 2, "max_tokens": 32},
        "arms": {"astro": {}, "direct": {"linearizer": {"name": "direct"}}},
        **keys,
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False))
    return path


def test_changes_are_laid_over_mapping_by_mapping() -> None:
    base = {"seed": 1, "search": {"name": "mcts", "params": {"expand": 8, "iterations": 32}}}
    assert merged(base, {"search": {"params": {"expand": 4}}, "trees": 9}) == {
        "seed": 1,
        "search": {"name": "mcts", "params": {"expand": 4, "iterations": 32}},
        "trees": 9,
    }


def test_another_plugin_brings_no_params_of_the_old_one() -> None:
    base = {"search": {"name": "mcts", "params": {"expand": 8}}}
    assert merged(base, {"search": {"name": "beam"}}) == {"search": {"name": "beam"}}
    same = merged(base, {"search": {"name": "mcts", "params": {"iterations": 2}}})
    assert same["search"]["params"] == {"expand": 8, "iterations": 2}


def test_what_belongs_to_the_run_stays_when_another_plugin_takes_the_place() -> None:
    base = {"sft": {"name": "transformers", "params": {"epochs": 2}, "tokens": 900}}
    assert merged(base, {"sft": {"name": "other"}}) == {"sft": {"name": "other", "tokens": 900}}


def load_study(path: Path, overrides: Sequence[str] = ()) -> Study:
    study = load(path, overrides)
    assert isinstance(study, Study)
    return study


def test_a_study_is_a_run_for_each_arm_and_seed(tmp_path: Path) -> None:
    path = write(tmp_path)
    study = load_study(path, ["search.params.iterations=2"])
    assert [(seed, arm, config.name, config.seed) for seed, arm, config in study.runs()] == [
        (0, "astro", "astro", 0),
        (0, "direct", "direct", 0),
        (3, "astro", "astro", 3),
        (3, "direct", "direct", 3),
    ]
    assert {config.search.params["iterations"] for config in study.arms.values()} == {2}
    assert study.arms["direct"].linearizer.params == {}


def test_only_arms_that_search_alike_share_trees(tmp_path: Path) -> None:
    arms = {
        "a": {},
        "b": {"linearizer": {"name": "direct"}},
        "c": {"search": {"params": {"expand": 3}}},
    }
    study = load_study(write(tmp_path, arms=arms))
    assert [study.shares_trees(arm) for arm in study.arms] == [True, True, False]


def test_an_arm_that_leaves_out_other_problems_has_trees_of_its_own(tmp_path: Path) -> None:
    arms: dict[str, Any] = {
        "astro": {},
        "all": {"decontaminate": False},
        "dev": {"evaluate": {"split": "dev"}},
        "long": {"evaluate": {"max_tokens": 64}},
    }
    study = load_study(write(tmp_path, arms=arms))
    assert [study.shares_trees(arm) for arm in study.arms] == [True, False, False, True]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"name": None}, "name: expected the study's name"),
        ({"arms": {"astro": {}}}, "arms: .*at least 2"),
        ({"arms": {"a/b": {}, "c": {}}}, "arms.a/b"),
        ({"arms": {"a": {}, "b": {"linearizer": {"name": "none"}}}}, "arms.b: linearizer.name: no"),
        ({"rounds": {"n": 2}, **TRAINED}, "arms.astro: rounds: a study cannot have rounds"),
        ({"seeds": []}, "seeds: .*at least 1"),
        ({"seeds": [-1]}, "seeds.0"),
        ({"seeds": [0, 0]}, "seeds: .*twice"),
    ],
)
def test_bad_keys_are_named(tmp_path: Path, keys: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        load_study(write(tmp_path, **keys))


def test_arms_share_trees_and_the_base_model_is_measured_once(tmp_path: Path) -> None:
    result = load_study(write(tmp_path)).run(runs=tmp_path)
    root = tmp_path / "both"
    for seed in (0, 3):
        astro, direct = (root / f"seed-{seed}" / arm for arm in ("astro", "direct"))
        assert (astro / "trees.jsonl").read_bytes() == (direct / "trees.jsonl").read_bytes()
        assert not (direct / "eval" / "base.jsonl").exists()
        assert "back" in (astro / "traces.jsonl").read_text()
    assert result is not None
    assert [set(row) for row in result.seeds] == [{"seed", "base"}] * 2
    assert set(read_json(root / "results.json", dict[str, Any])) == {"both"}


def test_an_arm_may_have_a_number_of_tokens_of_its_own(tmp_path: Path) -> None:
    arms: dict[str, Any] = {"astro": {}, "more": {"sft": {"tokens": 300}}}
    keys: dict[str, Any] = {
        "problems": {"name": "countdown", "params": {"train": 8, "test": 2}},
        "step_format": {"name": "countdown"},
        "verifier": {"name": "countdown"},
    }
    study = load_study(write(tmp_path, seeds=[0], arms=arms, **keys, **TRAINED))
    study.run(runs=tmp_path, until="sft")
    astro, more = (
        json.loads((study.folder(tmp_path, 0, arm) / "sft" / "metrics.json").read_text())
        for arm in study.arms
    )
    assert astro["tokens"] < 250
    assert 300 <= more["tokens"] < 400


def test_a_study_that_ended_before_its_training_goes_on_at_equal_tokens(tmp_path: Path) -> None:
    keys: dict[str, Any] = {
        "seeds": [0],
        "problems": {"name": "countdown", "params": {"train": 8, "test": 2}},
        "step_format": {"name": "countdown"},
        "verifier": {"name": "countdown"},
        **TRAINED,
    }
    study = load_study(write(tmp_path, **keys))
    assert study.run(runs=tmp_path, until="linearize") is None
    assert study.run(runs=tmp_path) is not None
    astro, direct = (
        json.loads((study.folder(tmp_path, 0, arm) / "sft" / "metrics.json").read_text())
        for arm in ("astro", "direct")
    )
    assert 0 <= direct["tokens"] - astro["tokens"] < 100


def test_the_search_at_inference_differs_from_the_file_as_an_arm_does(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, inference={"search": {"params": {"expand": 3}}}))
    assert study.inference is not None
    assert study.inference.search.params == {"expand": 3, "iterations": 4}
    with pytest.raises(ConfigError, match=r"inference: search\.name: no"):
        load_study(write(tmp_path, inference={"search": {"name": "none"}}))


def test_beside_the_arms_a_search_at_inference_and_a_correlation(tmp_path: Path) -> None:
    search = {"params": {"expand": 1, "iterations": 50}}
    study = load_study(write(tmp_path, seeds=[3], inference={"search": search}))
    study.run(runs=tmp_path)
    astro = study.folder(tmp_path, 3, "astro")
    shutil.copy(astro / "eval" / "base.jsonl", astro / "eval" / "sft.jsonl")
    (astro / "rl").mkdir()
    steps = ({"pass_rate": i / 10, "backtracks": -i, "reward": 0.0} for i in range(5))
    (astro / "rl" / "metrics.jsonl").write_text("".join(json.dumps(s) + "\n" for s in steps))
    result = compare_arms(study, tmp_path)
    (searched,), (correlation,) = result.searched, result.correlations
    responses = read_lines(astro / "eval" / "sft.jsonl", EvaluatedProblem)
    tokens = fmean(sample.tokens for measured in responses for sample in measured.samples)
    assert (searched.seed, searched.budget) == (3, round(tokens))
    assert searched.budget <= searched.tokens
    assert 0 <= searched.solved <= 100
    assert (correlation.model, correlation.steps, correlation.r.value) == ("astro_rl", 5, -1.0)
    assert compare_arms(study, tmp_path) == result
    changed = load_study(write(tmp_path, seeds=[3], inference={"search": {"name": "best_of_n"}}))
    with pytest.raises(RunError, match=r"inference/seed-3 holds a run of another config"):
        compare_arms(changed, tmp_path)
    discard([tmp_path / "both" / "inference" / "seed-3"])
    assert compare_arms(changed, tmp_path).searched


def test_a_study_can_end_before_anything_is_compared(tmp_path: Path) -> None:
    assert load_study(write(tmp_path)).run(runs=tmp_path, until="linearize") is None
    assert not (tmp_path / "both" / "results.json").exists()
