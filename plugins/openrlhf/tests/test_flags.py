"""The table of flags, and the words of a command line."""

from __future__ import annotations

import pytest

from astro_openrlhf import flags
from astro_openrlhf.params import GrpoParams, PpoParams, SftParams


def test_words_of_each_kind_of_value() -> None:
    values = {"a.b": 3, "c": True, "d": False, "e": None, "f": (0.2, 0.28), "g": "x y", "h": 1e-6}
    expected = ["--a.b", "3", "--c", "--f", "0.2", "0.28", "--g", "x y", "--h", "1e-06"]
    assert flags.words(values) == expected


def test_names_are_said_in_openrlhfs_words() -> None:
    said = flags.of(GrpoParams(aggregation="token_mean", kl_in="loss"), flags.RL)
    assert said["actor.loss_agg_mode"] == "token-mean"
    assert said["algo.kl.use_loss"] is True
    assert said["actor.eps_clip_low_high"] == (0.2, 0.28)


@pytest.mark.parametrize(
    ("params", "estimator"),
    [
        (GrpoParams(), "dr_grpo"),
        (GrpoParams(normalize_std=True), "group_norm"),
        (GrpoParams(leave_one_out=True), "rloo"),
        (PpoParams(), "gae"),
    ],
)
def test_advantages(params: GrpoParams | PpoParams, estimator: str) -> None:
    assert flags.of(params, flags.RL)["algo.advantage.estimator"] == estimator


def test_one_param_may_set_several_flags() -> None:
    said = flags.of(PpoParams(nodes=2, gpus_per_node=4), flags.RL)
    assert {said[f"{who}.num_nodes"] for who in ("actor", "critic", "ref")} == {2}


def test_grpo_says_nothing_of_a_critic_that_ppo_says() -> None:
    only = flags.of(PpoParams(), flags.RL).keys() - flags.of(GrpoParams(), flags.RL).keys()
    assert "critic.value_clip" in only
    assert "algo.dynamic_filtering_enable" in flags.of(GrpoParams(), flags.RL)


@pytest.mark.parametrize(("values", "last"), [({}, None), ({"value_pretraining_steps": 3}, 2)])
def test_the_policy_is_frozen_up_to_a_step(values: dict[str, int], last: int | None) -> None:
    assert flags.of(PpoParams(**values), flags.RL)["critic.freezing_steps"] == last


def test_every_param_has_a_flag_or_a_reason_to_have_none() -> None:
    launch = {"python", "env", "extra_flags", "preset", "mode", "address"}
    through = {"steps", "minibatch", "clip_low", "clip_high", "engines", "sleep"}
    through |= {"normalize_std", "leave_one_out", "value_pretraining_steps"}
    ours = {*GrpoParams.model_fields, *PpoParams.model_fields} - launch - through
    assert ours <= flags.RL.keys()
    data = {"epochs", "gpus_per_node", "hostfile", "nodes"}
    assert SftParams.model_fields.keys() - launch - data == flags.SFT.keys()


@pytest.mark.parametrize(
    ("flag", "owner"),
    [
        ("rollout.batch_size", "the param prompts_per_step"),
        ("rollout.batch", "the param prompts_per_step"),
        ("ckpt.path", "the run"),
        ("ds.ring_attn_size", ""),
    ],
)
def test_owner(flag: str, owner: str) -> None:
    assert flags.owner(flag) == owner
