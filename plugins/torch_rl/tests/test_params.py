from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from astro.errors import ConfigError
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro_torch_rl.params import GrpoParams


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"grup_size": 4}, "did you mean group_size"),
        ({"group_size": 1}, "group_size: expected greater than or equal to 2"),
        ({"min_pass_rate": 0.9}, "min_pass_rate is above max_pass_rate"),
        ({"old_logprobs": "sampler", "temperature": 0.7}, "needs temperature 1"),
        ({"aggregation": "sum"}, "aggregation"),
        ({"kl": 0.1, "kl_estimator": "k1"}, "k1 in the loss has a gradient of mean 0"),
        ({"importance_cap": 2.0, "temperature": 0.7}, "importance_cap needs temperature 1"),
        ({"importance_cap": 2.0, "old_logprobs": "sampler"}, "needs old_logprobs: recompute"),
        ({"lora": {"rnk": 8}}, r"lora.rnk: unknown key; did you mean rank"),
        ({"overlong": {"buffer": 0}}, "overlong.buffer: expected greater than or equal to 1"),
        ({"preset": "papr"}, "preset"),
    ],
)
def test_bad_params_are_named(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Registry.discover().params("rl", "grpo", params)


def test_ppo_has_a_step_left_for_its_policy() -> None:
    with pytest.raises(ConfigError, match="leaves none of the steps to the policy"):
        Registry.discover().params("rl", "ppo", {"steps": 5, "value_pretraining_steps": 5})


def test_a_preset_fills_in_what_is_not_given() -> None:
    found = Registry.discover().params("rl", "grpo", {"preset": "paper", "max_tokens": 100})
    assert isinstance(found, GrpoParams)
    assert (found.group_size, found.kl, found.max_tokens) == (4, 0.0, 100)
    assert (found.min_pass_rate, found.max_pass_rate) == (0.01, 0.75)
    assert GrpoParams().group_size == 8


@pytest.mark.parametrize("name", ["grpo", "ppo"])
def test_the_registry_builds_it(name: str) -> None:
    trainer = Registry.discover().build("rl", Binding(name=name), step_format=None)
    assert callable(trainer.train)


def test_params_are_checked_without_an_engine() -> None:
    script = "import sys, astro_torch_rl.params; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
