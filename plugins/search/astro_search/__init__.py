"""Search over reasoning steps: trees, beams, particles and independent samples."""

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
        Provider(
            "search",
            "self_consistency",
            "independent samples until the vote over their answers is decided",
            target="astro_search.best_of_n:BestOfN",
            params="astro_search.params:SelfConsistencyParams",
        ),
        Provider(
            "search",
            "beam",
            "the best paths at each depth",
            target="astro_search.beam:beam",
            params="astro_search.step_params:BeamParams",
        ),
        Provider(
            "search",
            "dvts",
            "independent greedy searches from one root",
            target="astro_search.dvts:dvts",
            params="astro_search.step_params:DvtsParams",
        ),
        Provider(
            "search",
            "rebase",
            "samples shared out by reward at each depth",
            target="astro_search.rebase:rebase",
            params="astro_search.step_params:RebaseParams",
        ),
        Provider(
            "search",
            "particle",
            "particle filtering over steps",
            target="astro_search.particle:particle",
            params="astro_search.step_params:ParticleParams",
        ),
        Provider(
            "search",
            "tot_bfs",
            "Tree of Thoughts, breadth first",
            target="astro_search.tot:tot_bfs",
            params="astro_search.step_params:TotBfsParams",
        ),
        Provider(
            "search",
            "tot_dfs",
            "Tree of Thoughts, depth first with pruning",
            target="astro_search.tot:tot_dfs",
            params="astro_search.step_params:TotDfsParams",
        ),
        Provider(
            "search",
            "ab_mcts",
            "wider or deeper by Thompson sampling",
            target="astro_search.ab_mcts:ab_mcts",
            params="astro_search.step_params:AbMctsParams",
        ),
    ]
