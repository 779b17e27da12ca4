"""Particle filtering over reasoning steps."""

from __future__ import annotations

from collections import Counter
from functools import partial
from random import Random

from astro.interfaces import StepFormat, ValueEstimator
from astro.requests import Program
from astro_search.resampling import multinomial, odds, systematic
from astro_search.step_params import ParticleParams
from astro_search.stepping import Stepper, StepSearch, known_values, unfinished
from astro_search.tree import GrowingTree


def particle(
    params: ParticleParams, *, value: ValueEstimator, step_format: StepFormat
) -> StepSearch:
    """Search algorithm `particle` (Puri et al. 2025, arXiv 2502.01618, algorithm 1).

    At each depth, every unfinished particle takes one step, and then all particles are drawn again
    with the probabilities that `odds` gives to the values of their states. A finished particle
    keeps its value and takes part in the draws, but takes no steps. A particle whose step the
    token limit cut off is gone. The search ends when all particles are finished. At temperature 0,
    where all would be equal, there is one particle.
    """
    stepper = Stepper(params, value=value, step_format=step_format)
    return StepSearch(partial(_grow, params, stepper))


def _grow(params: ParticleParams, stepper: Stepper, tree: GrowingTree, rng: Random) -> Program[str]:
    particles = [0] * params.drawn(params.particles)
    while walking := unfinished(tree, particles):
        sampled = yield from stepper.sample(tree, Counter(walking), rng.getrandbits(32))
        unused = {node: iter(steps) for node, steps in sampled.items()}
        moved = [next(unused[p]) if p in unused else p for p in particles]
        particles = _resampled(params, tree, [p for p in moved if p is not None], rng)
    return "finished"


def _resampled(
    params: ParticleParams, tree: GrowingTree, particles: list[int], rng: Random
) -> list[int]:
    if not particles:
        return []
    n = params.drawn(params.particles)
    probabilities = odds(known_values(tree, particles))
    if params.resampling == "systematic":
        drawn = systematic(probabilities, n, rng.random())
    else:
        drawn = multinomial(probabilities, [rng.random() for _ in range(n)])
    return [particles[i] for i in drawn]
