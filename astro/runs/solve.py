"""Searches a single problem or question without writing files, for notebooks and other programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from astro.config.loading import UNUSED
from astro.config.run import RunConfig
from astro.data.problem_sets import built
from astro.engine.selection import SelectionRule
from astro.errors import ConfigError, ProblemError, RunError
from astro.events import Listener, ignore
from astro.interfaces import ProblemReader
from astro.plugins.registry import Registry
from astro.runs.answering import Answered, Asked, answers, question_config
from astro.runs.trees import tree_of
from astro.types import Node, Problem, SearchTree

SPLITS = ("test", "dev", "train")


def solve(
    config: RunConfig | str,
    problem: Problem | str | None = None,
    *,
    answer: str | None = None,
    tree: SearchTree | None = None,
    select: SelectionRule = "majority",
    on_event: Listener = ignore,
    **options: Any,
) -> Answered:
    """Search for the answer to one problem or question, without writing files.

    Args:
        config: The config, of which policy, search, verifier and problems are used; or a question
            that needs none: `solve("What is 2+2?", policy="transformers", model="PATH")`.
        problem: With a config: a problem; or the id or prompt of one of the config's problems; or a
            text that their source can read; or any text if `answer` is given.
        answer: With a config: the reference answer, in place of the problem's own. Responses are
            verified with it, but the choice among them does not use the verdicts.
        tree: A tree of this problem or question from which the search goes on.
        select: How the answer is chosen among those that the search found.
        on_event: A listener of progress and of the tree that grows.
        **options: With a question: those of `question_config`, `policy` at least.

    Raises:
        AstroError: The problem cannot be found, or its search failed.
    """
    if isinstance(config, str):
        if problem is not None or answer is not None:
            raise ConfigError(["a second problem or a reference answer needs a config"])
        problem = Problem("question-0", config, "")
        config = question_config(**options)
    elif options:
        raise ConfigError([f"{', '.join(options)}: only for a question without a config"])
    elif tree is not None and problem is None:
        problem = tree.problem
    elif isinstance(problem, str):
        problem = find_problem(config, problem, answer=answer)
    elif problem is None:
        raise ConfigError(["expected a problem"])
    elif answer is not None:
        problem = replace(problem, answer=answer)
    asked = problem if tree is None else replace(tree, problem=problem)
    verified = bool(problem.answer)
    (result,) = answers(config, [asked], select, verified=verified, on_event=on_event)
    if result.failure:
        raise RunError(f"{problem.id}: {result.failure}")
    return result


def asked_problems(
    config: RunConfig, wanted: Sequence[str], answer: str | None, trees: Sequence[SearchTree]
) -> Sequence[Asked]:
    """Return the problem that is wanted, as described in `solve`, or the trees of it.

    Raises:
        AstroError: There is none, or there is no such tree.
    """
    if trees and answer is None:
        return tree_of(trees, wanted)
    if trees or len(wanted) != 1:
        raise ConfigError(["expected one QUESTION; beside a tree there is no other answer to it"])
    return [find_problem(config, wanted[0], answer=answer)]


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
    if config.problems.name == UNUSED:
        return Problem("question-0", wanted, "")
    source = built(registry, config.problems, config.verifier)
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
