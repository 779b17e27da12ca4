"""Searches a single problem without writing files, for notebooks and other programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from astro.config.run import BASE, RunConfig
from astro.errors import ProblemError, RunError
from astro.interfaces import ProblemReader, ProblemSource
from astro.plugins.registry import Registry
from astro.runs.context import scratch
from astro.runs.folder import RunFolder
from astro.runs.stages.search import STAGE, search_tasks
from astro.types import Node, Problem, SearchTree

SPLITS = ("test", "dev", "train")


def solve(config: RunConfig, problem: Problem | str, *, answer: str | None = None) -> SearchTree:
    """Search one problem with the config's search, without writing files.

    Args:
        config: The config, of which policy, search, verifier and problems are used.
        problem: A problem; or the id or prompt of one of the config's problems; or a text that
            their source can read; or any text if `answer` is given.
        answer: The reference answer, in place of the problem's own.

    Raises:
        AstroError: The problem cannot be found, or its search failed.
    """
    registry = Registry.discover()
    if isinstance(problem, str):
        problem = find_problem(config, problem, registry, answer)
    elif answer is not None:
        problem = replace(problem, answer=answer)
    with scratch(config, RunFolder(Path(config.name)), registry) as run:
        tasks = search_tasks(run, [problem], STAGE)
        (outcome,) = run.outcomes(run.executor(), tasks, run.policy(BASE, STAGE), config.budget)
    if outcome.failure:
        raise RunError(f"{problem.id}: {outcome.failure}")
    tree: SearchTree = outcome.result
    return tree


def find_problem(
    config: RunConfig, wanted: str, registry: Registry | None = None, answer: str | None = None
) -> Problem:
    """Return the problem that a string names, as described in `solve`.

    Raises:
        AstroError: The problem cannot be found.
    """
    registry = registry or Registry.discover()
    if answer is None:
        return _find(config, wanted, registry)
    try:
        return replace(_find(config, wanted, registry), answer=answer)
    except ProblemError:
        return Problem("question", wanted, answer)


def _find(config: RunConfig, wanted: str, registry: Registry) -> Problem:
    source: ProblemSource = registry.build("problems", config.problems)
    errors: list[ProblemError] = []
    for split in SPLITS:
        try:
            problems = source.load(split)
        except ProblemError as error:  # a source does not need to have every split
            errors.append(error)
            continue
        for problem in problems:
            if wanted in (problem.id, problem.prompt):
                return problem
    if len(errors) == len(SPLITS):
        raise errors[0]
    if isinstance(source, ProblemReader):
        return source.read(wanted)
    raise ProblemError(
        f"the config's problems hold no {wanted!r:.80}",
        "give an id, a prompt, or any text with its --answer",
    )


def best_answer(tree: SearchTree) -> Node | None:
    """Return the best terminal node, by correctness, then q_value, then visit_count.

    None if the tree has no terminal node.
    """
    return max(tree.terminals(), key=_merit, default=None)


def _merit(node: Node) -> tuple[bool, float, int]:
    correct = node.verdict is not None and node.verdict.correct
    return correct, node.q_value, node.visit_count
