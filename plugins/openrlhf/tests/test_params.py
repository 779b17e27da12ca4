"""What the params models refuse, and their presets."""

from __future__ import annotations

from typing import Any

import pytest

from astro.errors import ConfigError
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro.testing.descriptions import undocumented
from astro.testing.plugins import PluginConformance
from astro_openrlhf.params import GrpoParams, PpoParams, RLParams, SftParams

NAMES = [("rl", "openrlhf_grpo"), ("rl", "openrlhf_ppo"), ("sft", "openrlhf_sft")]


class TestGrpoIsAPlugin(PluginConformance):
    kind, name = NAMES[0]


class TestPpoIsAPlugin(PluginConformance):
    kind, name = NAMES[1]


class TestSftIsAPlugin(PluginConformance):
    kind, name = NAMES[2]


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_every_param_is_described(kind: str, name: str) -> None:
    assert not undocumented(Registry.discover().find(kind, name))


def test_the_papers_preset() -> None:
    paper = GrpoParams(preset="paper")
    assert (paper.group_size, paper.max_tokens, paper.kl) == (4, 15_360, 0.0)
    assert paper.dynamic_filtering
    assert not paper.normalize_std
    assert GrpoParams(preset="paper", group_size=8).group_size == 8


def test_the_standard_preset() -> None:
    standard = PpoParams(preset="standard")
    assert (standard.samples, standard.update_size, standard.kl) == (1024, 128, 0.01)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"extra_flags": {"rollout.batch_size": 3}}, "set by the param prompts_per_step"),
        ({"extra_flags": {"train.see": 3}}, "set by the run"),
        ({"extra_flags": {"--ds.zpg": 3}}, "write ds.zpg, without dashes"),
        ({"extra_flags": {"ds.lora.rank": 3}}, "not a whole model"),
        ({"minibatch": 100}, "does not divide the batch of 128"),
        ({"gpus_per_node": 3}, "does not divide among 3 GPUs"),
        ({"engines": 2}, "leave it out"),
        ({"tensor_parallel_size": 3}, "does not divide 8 GPUs"),
        ({"normalize_std": True, "leave_one_out": True}, "choose one"),
        ({"python": []}, "python"),
        ({"kl": 0.05, "kl_in": "loss"}, "k1 in the loss has a gradient of mean 0; take k2 or k3"),
        (
            {"kl": 0.05, "kl_in": "loss", "extra_flags": {"algo.kl.unbiased_gradient": False}},
            "gradient of mean 0",
        ),
    ],
)
def test_what_grpo_refuses(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Registry.discover().params("rl", "openrlhf_grpo", values)


@pytest.mark.parametrize("name", ["openrlhf_grpo", "openrlhf_ppo"])
@pytest.mark.parametrize(
    "values",
    [
        {"kl": 0.05},
        {"kl": 0.0, "kl_in": "loss"},
        {"kl": 0.05, "kl_in": "loss", "kl_estimator": "k2"},
        {"kl": 0.05, "kl_in": "loss", "extra_flags": {"algo.kl.unbiased_gradient": True}},
    ],
)
def test_a_kl_term_that_pulls_is_taken(name: str, values: dict[str, Any]) -> None:
    assert Registry.discover().params("rl", name, values)


def test_ppo_refuses_a_kl_term_without_a_gradient() -> None:
    with pytest.raises(ConfigError, match="gradient of mean 0"):
        Registry.discover().params("rl", "openrlhf_ppo", {"kl": 0.05, "kl_in": "loss"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch_size": 30, "gpus_per_node": 4}, "does not divide among 4 GPUs"),
        ({"nodes": 2}, "hostfile"),
        ({"hostfile": "hosts"}, "hostfile"),
    ],
)
def test_what_sft_refuses(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Registry.discover().params("sft", "openrlhf_sft", values)


def test_engines_fill_the_gpus_that_train() -> None:
    layout = RLParams(nodes=8, gpus_per_node=8, prompts_per_step=128, tensor_parallel_size=8)
    assert (layout.gpus, layout.vllm_engines, layout.sleeps) == (64, 8, True)
    apart = RLParams(colocate=False, engines=3)
    assert (apart.vllm_engines, apart.sleeps) == (3, False)


def test_the_interpreter() -> None:
    assert SftParams(python="python3").interpreter() == ["python3"]
    assert SftParams(python="a/python").interpreter()[0].startswith("/")
    container = ["docker", "run", "image", "python3"]
    assert SftParams(python=container).interpreter() == container


def test_the_work_of_a_training() -> None:
    (rollouts,) = GrpoParams(steps=3, prompts_per_step=32).cost().requests
    assert (rollouts.requests, rollouts.samples, rollouts.trained) == (96, 8, True)


def test_it_can_be_chosen_by_name(build: Any, step_format: Any) -> None:
    assert build("rl", "openrlhf_ppo", {}, step_format=step_format)
    assert Registry.discover().build("sft", Binding(name="openrlhf_sft"))
