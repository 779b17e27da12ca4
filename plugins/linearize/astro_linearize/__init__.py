"""Linearizers: from search trees to chains of thought."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl


@hookimpl
def astro_providers() -> list[Provider]:
    """Register the linearizers of this package."""
    return [
        Provider(
            "linearizer",
            "backtrack",
            "wrong paths, reflections and backtracks before the correct path",
            target="astro_linearize.backtrack:Backtrack",
            params="astro_linearize.params:BacktrackParams",
        ),
        Provider(
            "linearizer",
            "direct",
            "the correct path alone (k = 0)",
            target="astro_linearize.direct:Direct",
            params="astro_linearize.params:DirectParams",
        ),
        Provider(
            "linearizer",
            "rewrite",
            "backtrack, in the policy's own words where these are faithful",
            target="astro_linearize.rewrite:Rewrite",
            params="astro_linearize.params:RewriteParams",
        ),
    ]
