"""Entry point: RL with verifiable rewards in plain torch."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl

_REQUIRES = ("torch", "transformers", "tensorboard")
_INSTALL = "pip install astro-reasoner-torch-rl"


@hookimpl
def astro_providers() -> list[Provider]:
    """The `grpo` and `ppo` trainers."""
    return [
        Provider(
            "rl",
            "grpo",
            "group relative policy optimization, one process, CPU or GPU",
            target="astro_torch_rl.grpo:build",
            params="astro_torch_rl.params:GrpoParams",
            memory="astro_torch_rl.memory:learning",
            requires=_REQUIRES,
            install=_INSTALL,
            fallback=True,
        ),
        Provider(
            "rl",
            "ppo",
            "proximal policy optimization with a critic, one process, CPU or GPU",
            target="astro_torch_rl.ppo:build",
            params="astro_torch_rl.params:PpoParams",
            memory="astro_torch_rl.memory:learning",
            requires=_REQUIRES,
            install=_INSTALL,
        ),
    ]
