"""Entry point: training on OpenRLHF.

OpenRLHF is not required in this environment: the param `python` says which interpreter has it.
"""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl

_REQUIRES = ("transformers", "tensorboard", "psutil")
_INSTALL = "pip install astro-reasoner-openrlhf"


@hookimpl
def astro_providers() -> list[Provider]:
    """The trainers `openrlhf_grpo`, `openrlhf_ppo` and `openrlhf_sft`."""
    return [
        Provider(
            "rl",
            "openrlhf_grpo",
            "group relative policy optimization on OpenRLHF, one machine or a cluster",
            target="astro_openrlhf.rl:Trainer",
            params="astro_openrlhf.params:GrpoParams",
            requires=_REQUIRES,
            install=_INSTALL,
            stand_in="grpo",
            needs_gpu=True,
        ),
        Provider(
            "rl",
            "openrlhf_ppo",
            "proximal policy optimization with a critic on OpenRLHF",
            target="astro_openrlhf.rl:Trainer",
            params="astro_openrlhf.params:PpoParams",
            requires=_REQUIRES,
            install=_INSTALL,
            stand_in="ppo",
            needs_gpu=True,
        ),
        Provider(
            "sft",
            "openrlhf_sft",
            "supervised fine-tuning on OpenRLHF",
            target="astro_openrlhf.sft:Trainer",
            params="astro_openrlhf.params:SftParams",
            requires=_REQUIRES,
            install=_INSTALL,
            needs_gpu=True,
        ),
    ]
