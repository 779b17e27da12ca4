"""Trees without verdicts: a choice among their answers stands for the right one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from astro.engine.adapting import adapted
from astro.engine.found import AnswerFound, answers_found
from astro.engine.selection import SelectionRule, select_answer
from astro.requests import Program, Request, Verify
from astro.types import Problem, SearchTree, Status, Trace, Verdict

_SILENT = frozenset(Status) - {Status.CORRECT, Status.INCORRECT}


def by_selection(
    problem: Problem,
    tree: SearchTree,
    rule: SelectionRule | None,
    linearize: Callable[[Problem, SearchTree], Program[list[Trace]]],
) -> Program[list[Trace]]:
    """Return the traces of `linearize`, which is given a tree with verdicts.

    If terminal states have no verdict, those of the answer that `rule` chooses count as correct,
    and all others as wrong. The answer of a trace is then compared with the chosen one; where no
    answer can be read from it, as without a verifier, it is that of its last path.
    """
    if rule is None or all(node.verdict for node in tree.terminals()):
        return (yield from linearize(problem, tree))
    found = yield from answers_found(problem, tree, reads=True, rates=rule in ("weighted", "best"))
    chosen = select_answer([response.candidate for response in found], rule)
    if chosen is None:
        return []
    answer = found[chosen.candidate].answer
    judged = _with_verdicts(tree, found, chosen.vote, f"not verified, by {rule}")
    traces = yield from _trusting(linearize(replace(problem, answer=answer), judged), answer)
    return [replace(trace, problem=problem) for trace in traces]


def _with_verdicts(
    tree: SearchTree, found: list[AnswerFound], right: int, reason: str
) -> SearchTree:
    """The tree with a verdict for each response; a class of answers is written in one way."""
    written: dict[int, str] = {}
    nodes = list(tree.nodes)
    for response in found:
        vote = response.candidate.vote
        answer = None if vote is None else written.setdefault(vote, response.answer)
        status = Status.CORRECT if vote == right else Status.INCORRECT
        nodes[response.node] = replace(
            nodes[response.node], verdict=Verdict(status, answer, reason)
        )
    return SearchTree(tree.problem, nodes, tree.ended)


def _trusting(program: Program[list[Trace]], answer: str) -> Program[list[Trace]]:
    """Run a program whose verdicts are correct unless the verifier says otherwise."""
    trusted = Verdict(Status.CORRECT, answer, "not verified")

    def read(_: Request, reply: Any) -> Any:
        return trusted if isinstance(reply, Verdict) and reply.status in _SILENT else reply

    return adapted(program, _compared, read)


def _compared(request: Request) -> Request:
    """The request, which compares answers where it is one to verify a response."""
    return replace(request, comparison=True) if isinstance(request, Verify) else request
