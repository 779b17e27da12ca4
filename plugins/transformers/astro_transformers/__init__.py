"""Entry point: a policy and a fine-tuner on Hugging Face transformers."""

from __future__ import annotations

from astro.plugins.hookspecs import Command, Provider, hookimpl

_ENGINE = ("torch", "transformers")
_INSTALL = "pip install astro-reasoner-transformers"


@hookimpl
def astro_providers() -> list[Provider]:
    """The policy and the fine-tuner, both named `transformers`."""
    return [
        Provider(
            "policy",
            "transformers",
            "any Hugging Face causal LM, continuous batching, CPU or GPU",
            target="astro_transformers.replicas:build",
            params="astro_transformers.params:PolicyParams",
            memory="astro_transformers.memory:sampling",
            fallback=True,
            requires=_ENGINE,
            install=_INSTALL,
        ),
        Provider(
            "sft",
            "transformers",
            "supervised fine-tuning of all weights with transformers.Trainer",
            target="astro_transformers.ranks:build",
            params="astro_transformers.params:SFTParams",
            memory="astro_transformers.memory:fine_tuning",
            fallback=True,
            requires=(*_ENGINE, "accelerate"),
            install=_INSTALL,
        ),
    ]


@hookimpl
def astro_commands() -> list[Command]:
    """The command that looks at a checkpoint."""
    return [
        Command(
            "model",
            "Check a model: what is seen in its checkpoint, and what would be refused.",
            "astro_transformers.command:model",
            requires=_ENGINE,
            install=_INSTALL,
        )
    ]
