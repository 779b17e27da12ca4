"""`models` of a config: further models by role, and the plugins that ask them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from astro.config.loading import parse_config
from astro.config.run import RunConfig
from astro.config.yaml import read_config
from astro.errors import ConfigError
from astro.experiments.study import Study
from astro.planning.assumptions import Assumptions
from astro.planning.estimate import estimate
from astro.planning.work import Counts
from astro.plugins.registry import Registry
from astro.rehearsal.materials import Materials
from astro.rehearsal.prepare import prepare
from astro.rehearsal.rehearsable import Machine

CONFIG = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
SCORER = """
from astro.plugins.hookspecs import Provider, hookimpl

@hookimpl
def astro_providers():
    return [Provider("reward_model", "scorer", "scores", "scorer:Scorer")]

class Scorer:
    def __init__(self, params):
        pass
"""
JUDGE = {"name": "scripted"}


def parsed(models: dict[str, Any], **changes: Any) -> RunConfig:
    raw = {**read_config(CONFIG), "models": models, **changes}
    return parse_config(raw, Registry.discover())


def value(role: str) -> dict[str, Any]:
    return {"name": "p_true", "params": {"model": role}}


def test_a_role_may_be_asked_by_any_plugin_that_has_a_param_for_it() -> None:
    rewrite = {"name": "rewrite", "params": {"model": "judge", "self_evaluation": {}}}
    config = parsed({"judge": JUDGE}, value=value("judge"), linearizer=rewrite)
    assert config.models["judge"].name == "scripted"


@pytest.mark.parametrize(
    ("models", "changes", "problem"),
    [
        ({"policy": JUDGE}, {}, "models: policy is the role of the config's key"),
        ({"a.b": JUDGE}, {}, "models.a.b.*: string should match pattern"),
        ({"judge": {"name": "scriptd"}}, {}, r"models.judge.name: .*; did you mean scripted\?"),
        ({"judge": {"name": "scripted", "params": {"lenth": 1}}}, {}, "models.judge.params.lenth"),
        ({"judge": JUDGE}, {"value": value("juge")}, r"value.params.model: .*'juge'; did you mean"),
        (
            {},
            {"linearizer": {"name": "direct", "params": {"self_evaluation": {"model": "judge"}}}},
            "linearizer.params.self_evaluation.model: there is no model 'judge'; add models.judge",
        ),
        (
            {"judge": {"name": "scorer"}},
            {"value": value("judge")},
            "value.params.model: expected a policy, but models.judge is a reward_model",
        ),
    ],
)
def test_what_is_wrong_with_a_role_is_one_line(
    models: dict[str, Any],
    changes: dict[str, Any],
    problem: str,
    distribution: Callable[[str, str], None],
) -> None:
    distribution("scorer", SCORER)
    with pytest.raises(ConfigError) as caught:
        parsed(models, **changes)
    (found,) = caught.value.problems
    assert "\n" not in found
    caught.match(problem)


def test_a_reward_model_may_be_a_role(distribution: Callable[[str, str], None]) -> None:
    distribution("scorer", SCORER)
    config = parsed({"reward": {"name": "scorer"}})
    assert type(Registry.discover().build_model(config.models["reward"])).__name__ == "Scorer"


def test_a_plan_counts_other_roles_apart() -> None:
    rewrite = {"name": "rewrite", "params": {"model": "judge", "reply_tokens": 1000}}
    config = parsed({"judge": JUDGE}, linearizer=rewrite)
    plan = estimate(config, Registry.discover(), Counts(10, 10), Assumptions())
    (row,) = [row for row in plan.rows if row.model == "judge"]
    assert row.what == "rewriting by judge"
    assert "linearize, sampling" not in {total.what for total in plan.gpu_hours}
    assert any("models.judge, which generates 5K tokens" in note for note in plan.notes)


def test_a_rehearsal_replaces_the_model_of_a_role(tmp_path: Path) -> None:
    far = {"name": "openai", "params": {"base_url": "http://127.0.0.1:9/v1", "model": "strong"}}
    config = parsed({"judge": far}, value=value("judge"))
    machine = Machine(
        gpu=False,
        model=lambda name: name == config.policy.params["model"],
        server=lambda _: False,
        program=lambda _: False,
        version=lambda _: "",
    )
    prepared = prepare(config, Registry.discover(), machine, Materials(tmp_path))
    assert prepared.config.models["judge"].name == "transformers"
    (seam,) = [seam for seam in prepared.seams if seam.key == "models.judge"]
    assert "nothing answers" in seam.why


@pytest.mark.parametrize(("judge", "shared"), [({"length": 2}, True), ({"length": 3}, False)])
def test_arms_share_trees_if_their_models_are_equal(judge: dict[str, Any], shared: bool) -> None:
    arms = {
        name: parsed({"judge": {"name": "scripted", "params": params}})
        for name, params in (("one", {"length": 2}), ("other", judge))
    }
    assert Study("study", arms, (0,)).shares_trees("other") is shared
