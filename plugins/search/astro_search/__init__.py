"""Tree search over reasoning steps: `mcts` and `best_of_n`."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl


@hookimpl
def astro_providers() -> list[Provider]:
    """Register the searches of this package."""
    return [
        Provider(
            "search",
            "mcts",
            "Monte Carlo tree search over steps, with PUCT or UCT",
            target="astro_search.mcts:Mcts",
            params="astro_search.params:MctsParams",
        ),
        Provider(
            "search",
            "best_of_n",
            "independent samples, step by step, as a tree",
            target="astro_search.best_of_n:BestOfN",
            params="astro_search.params:BestOfNParams",
        ),
    ]
