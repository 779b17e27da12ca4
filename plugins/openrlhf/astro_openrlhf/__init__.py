"""Entry point: RL and fine-tuning on OpenRLHF, which runs in an interpreter of its own."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl

_PROVIDERS = (
    ("rl", "grpo", "group-relative policy optimisation on OpenRLHF, one machine or a cluster"),
    ("rl", "ppo", "proximal policy optimisation with a critic on OpenRLHF"),
    ("sft", "sft", "supervised fine-tuning on OpenRLHF"),
)


@hookimpl
def astro_providers() -> list[Provider]:
    """`openrlhf_grpo`, `openrlhf_ppo` and `openrlhf_sft`.

    OpenRLHF is no requirement of this environment: the param `python` says where it is.
    """
    return [
        Provider(
            kind,
            f"openrlhf_{name}",
            summary,
            target=f"astro_openrlhf.{kind}:Trainer",
            params=f"astro_openrlhf.params:{name.capitalize()}Params",
            requires=("transformers", "tensorboard", "psutil"),
            install="pip install astro-reasoner-openrlhf",
        )
        for kind, name, summary in _PROVIDERS
    ]
