"""RL with verifiable rewards in plain torch: GRPO and PPO."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl

_SUMMARIES = {
    "grpo": "group-relative policy optimisation, one process, CPU or GPU",
    "ppo": "proximal policy optimisation with a critic, one process, CPU or GPU",
}


@hookimpl
def astro_providers() -> list[Provider]:
    """The `grpo` and `ppo` trainers."""
    return [
        Provider(
            kind="rl",
            name=name,
            summary=summary,
            target="astro_torch_rl.trainer:Trainer",
            params=f"astro_torch_rl.params:{name.capitalize()}Params",
            requires=("torch", "transformers", "tensorboard"),
            install="pip install astro-reasoner-torch-rl",
        )
        for name, summary in _SUMMARIES.items()
    ]
