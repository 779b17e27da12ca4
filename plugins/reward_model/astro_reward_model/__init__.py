"""Entry point: outcome and process reward models on Hugging Face transformers."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl


@hookimpl
def astro_providers() -> list[Provider]:
    """The backend `reward_model`."""
    return [
        Provider(
            "reward_model",
            "reward_model",
            "outcome and process reward models of several families",
            target="astro_reward_model.backend:RewardModel",
            params="astro_reward_model.params:RewardModelParams",
            memory="astro_reward_model.memory:scoring",
            requires=("torch", "transformers"),
            install="pip install astro-reasoner-reward-model",
        )
    ]
