"""Linearizer `backtrack`: ASTRO's procedure cloning (arXiv 2507.00417, Algorithm 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from random import Random

from astro.interfaces import StepFormat
from astro.requests import Program, Verify
from astro.types import Node, Problem, SearchTree, Segment, Trace
from astro_linearize.apart import told_apart
from astro_linearize.choose import choose_paths
from astro_linearize.merge import Path
from astro_linearize.params import BacktrackParams
from astro_linearize.render import fits, render
from astro_linearize.self_evaluation import approved
from astro_linearize.unverified import by_selection

DRAWS = 8
"""Draws for each requested trace, since some are repetitions or too long."""


class Backtrack:
    """Walks up to k wrong paths before the correct one, joined by phrases of the step format.

    A trace that is too long loses its earliest wrong paths until it fits. If it does not fit even
    without wrong paths, there is no trace.
    """

    def __init__(self, params: BacktrackParams, *, step_format: StepFormat) -> None:
        """Linearize with the phrases of `step_format`."""
        self.params = params
        self.step_format = step_format

    def linearize(self, problem: Problem, tree: SearchTree, seed: int) -> Program[list[Trace]]:
        """Return up to `traces_per_tree` traces of different paths, each of them verified again.

        With `self_evaluation`, they end at solutions that the model approves.
        """
        linearize = partial(self._linearize, seed=seed)
        return by_selection(problem, tree, self.params.select, linearize)

    def _linearize(self, problem: Problem, tree: SearchTree, seed: int) -> Program[list[Trace]]:
        solutions = yield from self.solutions(tree)
        attempt = partial(self.traces, problem, tree, solutions, seed)
        return (yield from told_apart(problem, tree, attempt))

    def solutions(self, tree: SearchTree) -> Program[list[Node]]:
        """Return the correct terminals at which a trace may end."""
        solutions = [n for n in tree.terminals() if n.verdict and n.verdict.correct]
        if solutions and self.params.self_evaluation:
            return (yield from approved(tree, solutions, self.params.self_evaluation))
        return solutions

    def traces(
        self,
        problem: Problem,
        tree: SearchTree,
        solutions: Sequence[Node],
        seed: int,
        same: Mapping[str, str],
    ) -> Program[list[Trace]]:
        """Return traces to `solutions`, whose wrong answers differ by `same` (see `told_apart`)."""
        drafts = self._draft(tree, solutions, Random(seed), same) if solutions else []
        responses = ["".join(segment.text for segment in segments) for segments in drafts]
        verdicts = (yield [Verify(problem, response) for response in responses]) if drafts else []
        return [
            Trace(problem, segments, verdict)
            for segments, verdict in zip(drafts, verdicts, strict=True)
            if verdict.correct
        ]

    def _draft(
        self, tree: SearchTree, solutions: Sequence[Node], rng: Random, same: Mapping[str, str]
    ) -> list[tuple[Segment, ...]]:
        drafts: dict[tuple[Path, ...], tuple[Segment, ...]] = {}
        for _ in range(DRAWS * self.params.traces_per_tree):
            chosen = choose_paths(tree, solutions, self.params, rng, same)
            paths, segments = self._fit(tree, chosen, rng)
            if paths:
                drafts.setdefault(tuple(paths), segments)
            if len(drafts) == self.params.traces_per_tree:
                break
        return list(drafts.values())

    def _fit(
        self, tree: SearchTree, paths: Sequence[Path], rng: Random
    ) -> tuple[Sequence[Path], tuple[Segment, ...]]:
        """Return the longest tail of `paths` whose trace is short enough, and that trace."""
        while paths:
            segments = render(tree, paths, self.step_format, self.params, rng)
            if fits(segments, self.params):
                return paths, segments
            paths = paths[1:]
        return [], ()
