"""RL with verifiable rewards in plain torch: GRPO."""

from __future__ import annotations

from astro.hookspecs import Provider, hookimpl


@hookimpl
def astro_providers() -> list[Provider]:
    """The `grpo` trainer."""
    return [
        Provider(
            kind="rl",
            name="grpo",
            summary="group-relative policy optimisation, one process, CPU or GPU",
            target="astro_torch_rl.grpo:Grpo",
            params="astro_torch_rl.params:GrpoParams",
            requires=("torch", "transformers"),
            install="pip install astro-reasoner-torch-rl",
        )
    ]
