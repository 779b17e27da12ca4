"""Problems from datasets of the Hugging Face hub."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl


@hookimpl
def astro_providers() -> list[Provider]:
    """Register the problems of this package."""
    return [
        Provider(
            "problems",
            "huggingface",
            "a dataset of the Hugging Face hub, or of a folder; presets for MATH and others",
            target="astro_huggingface.problems:HuggingFaceProblems",
            params="astro_huggingface.params:DatasetParams",
            requires=("datasets",),
            install="pip install datasets",
        ),
    ]
