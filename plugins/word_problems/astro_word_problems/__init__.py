"""Grade-school word problems by rule, and the pretrained model with which they are tried."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl


@hookimpl
def astro_providers() -> list[Provider]:
    """Register the problems."""
    return [
        Provider(
            "problems",
            "word_problems",
            "Tom has 12 marbles and buys 5 more: one to three steps, with solutions",
            target="astro_word_problems.problems:WordProblems",
            params="astro_word_problems.problems:ProblemParams",
        ),
    ]
