"""Self-evaluation: a model judges correct solutions (arXiv 2507.00417, section on data)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from astro.data.templates import filled
from astro.requests import Generate, Program
from astro.types import Node, Prompt, SearchTree
from astro_linearize.params import SelfEvaluationParams


def approved(
    tree: SearchTree, solutions: Sequence[Node], params: SelfEvaluationParams
) -> Program[list[Node]]:
    """Return the solutions that all `samples` judgments approve."""
    replies = yield [_request(tree, solution, params) for solution in solutions]
    approval = re.compile(params.approval)
    return [
        solution
        for solution, judgements in zip(solutions, replies, strict=True)
        if all(approval.search(judgement.text) for judgement in judgements)
    ]


def _request(tree: SearchTree, solution: Node, params: SelfEvaluationParams) -> Generate:
    text = "".join(node.step.text for node in tree.path(solution.id)).strip()
    values = {"problem": tree.problem.prompt, "solution": text}
    return Generate(
        Prompt(filled(params.question, values)),
        n=params.samples,
        max_tokens=params.max_tokens,
        temperature=params.temperature,
        model=params.model,
    )
