"""Traces whose wrong paths end at answers that are not equivalent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from astro.engine.answers import answer_key, equivalent_answers
from astro.requests import Program
from astro.types import Problem, SearchTree, Status, Trace
from astro_linearize.choose import NO_CLASSES


def told_apart(
    problem: Problem,
    tree: SearchTree,
    attempt: Callable[[Mapping[str, str]], Program[list[Trace]]],
) -> Program[list[Trace]]:
    """Return the traces of `attempt`, which is given which answers are equivalent.

    At first, answers are told apart by their text. If a trace has several wrong answers, the
    verifier is asked which answers of the tree are equivalent, and if some are, the traces are made
    again. Where none are, the requests before and the traces are those that they would be without
    the question, so that runs of earlier releases can be resumed.
    """
    traces = yield from attempt(NO_CLASSES)
    if all(len(_wrong_answers(tree, trace)) < 2 for trace in traces):
        return traces
    verdicts = [node.verdict for node in tree.terminals() if node.verdict]
    same = yield from equivalent_answers(problem, verdicts)
    wrong = [v.answer for v in verdicts if v.status is Status.INCORRECT and v.answer is not None]
    keys = set(map(answer_key, wrong))
    if all(same.get(key, key) == key for key in keys):
        return traces
    return (yield from attempt(same))


def _wrong_answers(tree: SearchTree, trace: Trace) -> set[str]:
    """The texts of the wrong answers at which paths of a trace end."""
    verdicts = [tree.nodes[segment.node].verdict for segment in trace.segments]
    return {v.answer for v in verdicts if v and not v.correct and v.answer is not None}
