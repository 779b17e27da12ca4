"""A policy on any server with the OpenAI API."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl


@hookimpl
def astro_providers() -> list[Provider]:
    """Register the policy of this package."""
    return [
        Provider(
            "policy",
            "openai",
            "any server with /v1/completions or /v1/chat/completions",
            target="astro_openai.policy:OpenAIPolicy",
            params="astro_openai.params:PolicyParams",
            requires=("openai",),
            install="pip install astro-reasoner-openai",
        )
    ]
